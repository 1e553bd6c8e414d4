import { ApiError, UnreachableError } from '@countersign/admin-api'
import { CallError, ConfigurationError, UsageError } from './exit.ts'
import { plain } from './text.ts'

/** What went wrong and what to do, as lines for stderr. */
export function describeFailure(error: unknown): string {
  return lines(error)
    .map((line, index) => (index === 0 ? `countersign: ${line}` : `  ${line}`))
    .join('\n')
    .concat('\n')
}

function lines(error: unknown): string[] {
  if (error instanceof UsageError) return [error.message, ...error.problems.map(fieldLine)]
  if (error instanceof ConfigurationError) return [error.message, ...error.problems.map(plain)]
  if (error instanceof UnreachableError) {
    return [error.message, 'Start one: countersign serve', 'Name another: --server <url> or COUNTERSIGN_SERVER']
  }
  if (error instanceof CallError) return [...apiLines(error.error), ...keyLines(error)]
  if (error instanceof ApiError) return apiLines(error)
  if (!(error instanceof Error)) return ['It failed for an unknown reason.']
  const code = 'code' in error ? String(error.code) : ''
  const todo =
    code === 'EADDRINUSE'
      ? ['Another process listens there. Stop it, or choose another address (COUNTERSIGN_LISTEN).']
      : []
  return [plain(error.message), ...todo]
}

function apiLines(error: ApiError): string[] {
  const first = plain(error.message)
  const why = error.decisionId === undefined ? [] : [`Why: countersign why ${error.decisionId}`]
  const code = error.code === 'unexpected_answer' ? [] : [`(${error.status} ${plain(error.code)})`]
  return [[first, ...code].join(' '), ...error.problems.map(fieldLine), ...why]
}

/** Someone whose key was not believed has to know which key that was. */
function keyLines({ error, keySource }: CallError): string[] {
  if (error.status !== 401) return []
  if (keySource !== undefined) return [`The key came from ${keySource}. Is it one of this server, and live?`]
  return ['No key was given. Set COUNTERSIGN_KEY_FILE or COUNTERSIGN_KEY, or use --key-file <path>.']
}

function fieldLine({ path, message }: { path: string; message: string }): string {
  return path === '' ? plain(message) : `${plain(path)}: ${plain(message)}`
}
