import { type FieldProblem, fieldProblems, ImportedCredential } from '@countersign/admin-api'
import { parseCsv } from './csv.ts'
import { UsageError } from './exit.ts'
import type { Terminal } from './terminal.ts'
import { readTextFile } from './text-file.ts'

/** One line of a file of digests. */
export type ImportLine = { readonly line: number; readonly credential: ImportedCredential }

type Raw = { readonly line: number; readonly value: unknown }

const LISTS = new Set(['resources', 'scopes', 'projects', 'networks'])
const COLUMNS = ['digest', 'owner', 'name', ...LISTS, 'expires_at']
const HEADER = `expected a header line of ${COLUMNS.join(',')}, of which digest and owner are needed`

/** Every line of a file, or of stdin for `-`, as it will be sent; every mistake of every line is told at once. */
export async function importFile(terminal: Terminal, path: string): Promise<ImportLine[]> {
  const text = (await readTextFile(terminal, path)).replace(/^\ufeff/, '')
  const problems: FieldProblem[] = []
  const raws = text.trimStart().startsWith('{') ? jsonLines(text, problems) : csvLines(text, problems)
  const lines = raws.flatMap((raw) => checked(raw, problems))
  findRepeated(lines, problems)
  if (problems.length > 0) throw new UsageError('The file is not acceptable. Nothing was sent:', problems)
  if (lines.length === 0) throw new UsageError(`${path}: there is nothing to import in it.`)
  return lines
}

export function lineName(line: number): string {
  return `line ${line}`
}

function jsonLines(text: string, problems: FieldProblem[]): Raw[] {
  return text.split('\n').flatMap((source, index): Raw[] => {
    if (source.trim() === '') return []
    try {
      return [{ line: index + 1, value: JSON.parse(source) }]
    } catch {
      problems.push({ path: lineName(index + 1), message: 'expected one JSON object in one line' })
      return []
    }
  })
}

/** Security: a header that is none is not repeated: it may be the first of a list of credentials. */
function csvLines(text: string, problems: FieldProblem[]): Raw[] {
  const [header, ...rows] = parseCsv(text) ?? []
  const names = header?.cells.map((name) => name.toLowerCase()) ?? []
  const good = names.every((name) => COLUMNS.includes(name)) && new Set(names).size === names.length
  if (!good || !names.includes('digest') || !names.includes('owner')) {
    problems.push({ path: lineName(header?.line ?? 1), message: HEADER })
    return []
  }
  return rows.flatMap(({ line, cells }): Raw[] => {
    if (cells.length === names.length) {
      return [{ line, value: Object.fromEntries(names.flatMap((name, index) => field(name, cells[index] ?? ''))) }]
    }
    problems.push({ path: lineName(line), message: `expected ${names.length} cells, found ${cells.length}` })
    return []
  })
}

function field(name: string, cell: string): [string, unknown][] {
  if (cell === '') return []
  if (LISTS.has(name)) return [[name, cell.split(/\s+/).filter((word) => word !== '')]]
  return [[name, name === 'expires_at' && cell === 'never' ? null : cell]]
}

function checked({ line, value }: Raw, problems: FieldProblem[]): ImportLine[] {
  const result = ImportedCredential.safeParse(value)
  if (result.success) return [{ line, credential: result.data }]
  for (const { path, message } of fieldProblems(result.error)) {
    problems.push({ path: path === '' ? lineName(line) : `${lineName(line)}, ${path}`, message })
  }
  return []
}

function findRepeated(lines: readonly ImportLine[], problems: FieldProblem[]): void {
  const first = new Map<string, number>()
  for (const { line, credential } of lines) {
    const earlier = first.get(credential.digest)
    if (earlier === undefined) first.set(credential.digest, line)
    else problems.push({ path: `${lineName(line)}, digest`, message: `is that of line ${earlier} again` })
  }
}
