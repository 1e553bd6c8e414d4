import { ApiError, type CredentialImport, type CredentialImported } from '@countersign/admin-api'
import { type ImportLine, lineName } from './import-file.ts'
import { progressOn } from './progress.ts'
import type { OnlineSession } from './session.ts'

const MOST_A_CALL = 500
/** The API takes 64 KiB a body; the rest is for what stands around the lines. */
const MOST_BYTES = 60_000

/** Sends lines in calls of the size that the API takes, and says how far it is. What fails leaves what was sent before. */
export async function sendImport(
  { api, terminal, print, hint }: OnlineSession,
  terms: Omit<CredentialImport, 'credentials'>,
  lines: readonly ImportLine[],
): Promise<void> {
  const total: CredentialImported = { imported: 0, present: 0, ids: [] }
  const progress = progressOn(terminal)
  for (const part of batches(lines)) {
    try {
      const answer = await api.credentials.import({ ...terms, credentials: part.map(({ credential }) => credential) })
      total.imported += answer.imported
      total.present += answer.present
      total.ids.push(...answer.ids)
    } catch (error) {
      progress.clear()
      if (total.ids.length > 0) {
        hint(
          `${total.ids.length} of ${lines.length} lines are in. Run it again when this is mended: those are passed over.`,
        )
      }
      throw error instanceof ApiError ? atLines(error, part) : error
    }
    progress.show(`${total.ids.length} of ${lines.length} lines`)
  }
  progress.clear()
  print(total, () => `${total.imported} imported, ${total.present} were there before.\n`)
}

function batches(lines: readonly ImportLine[]): ImportLine[][] {
  const parts: ImportLine[][] = []
  let part: ImportLine[] = []
  let bytes = 0
  for (const line of lines) {
    const size = Buffer.byteLength(JSON.stringify(line.credential)) + 1
    if (part.length === MOST_A_CALL || (part.length > 0 && bytes + size > MOST_BYTES)) {
      parts.push(part)
      part = []
      bytes = 0
    }
    part.push(line)
    bytes += size
  }
  return part.length === 0 ? parts : [...parts, part]
}

/** What else of the body can be refused, by what it was given with. */
const FLAGS: Record<string, string> = { prefix: '--prefix', digest: '--digest', hmac_key: '--hmac-key-file' }

/** What the server says of `credentials[3]`, said of the line that it came from. */
function atLines(error: ApiError, part: readonly ImportLine[]): ApiError {
  const problems = error.problems.map(({ path, message }) => {
    const [, index, field] = /^credentials\[(\d+)\](?:\.(.+))?$/.exec(path) ?? []
    const line = part[Number(index ?? Number.NaN)]?.line
    if (line === undefined) return { path: FLAGS[path] ?? path, message }
    return { path: [lineName(line), ...(field === undefined ? [] : [field])].join(', '), message }
  })
  return new ApiError({ ...problemOf(error), problems }, error.decisionId)
}

function problemOf({ status, code, title, detail }: ApiError) {
  return { status, code, title, ...(detail === undefined ? {} : { detail }) }
}
