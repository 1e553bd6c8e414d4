import { ApiError, UnreachableError } from '@countersign/admin-api'
import { TokenRequestError } from '@countersign/client'
import { afterRefusal, asCommands, withFlags } from './advice.ts'
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
    return [error.message, ...plainHttp(error.url), ...NOT_THERE]
  }
  if (error instanceof CallError) return callLines(error)
  if (error instanceof ApiError) return [...apiLines(error), ...whyLines(error)]
  if (error instanceof TokenRequestError) return tokenLines(error)
  if (!(error instanceof Error)) return ['It failed for an unknown reason.']
  const code = 'code' in error ? String(error.code) : ''
  const todo =
    code === 'EADDRINUSE'
      ? ['Another process listens there. Stop it, or choose another address (COUNTERSIGN_LISTEN).']
      : []
  return [plain(error.message), ...todo]
}

function apiLines(error: ApiError): string[] {
  // The detail of a body that is not acceptable says every problem in one line; below they stand one by one.
  const first = said(error.problems.length > 0 ? error.title : error.message)
  const code = error.code === 'unexpected_answer' ? [] : [`(${error.status} ${plain(error.code)})`]
  return [[first, ...code].join(' '), ...error.problems.map((problem) => withFlags(fieldLine(problem)))]
}

function whyLines({ decisionId }: Pick<ApiError, 'decisionId'>): string[] {
  return decisionId === undefined ? [] : [`Why: countersign why ${decisionId}`]
}

function tokenLines({ error, description, status, decisionId, retryAfterSeconds }: TokenRequestError): string[] {
  const code = [status, error].filter((part) => part !== undefined).join(' ')
  return [
    `No token: ${description === undefined ? '' : `${said(description)} `}(${plain(code)})`,
    ...(retryAfterSeconds === undefined ? [] : [`The server asks to wait for ${retryAfterSeconds} s.`]),
    ...(description?.includes('names another issuer') ? [ELSEWHERE] : []),
    ...(error === 'unreachable' ? NOT_THERE : []),
    ...whyLines({ decisionId }),
  ]
}

const NOT_THERE = ['Start one: countersign serve', 'Name another: --server <url> or COUNTERSIGN_SERVER']
const ELSEWHERE =
  'Its public URL belongs into --server; if it is reached at another address, that goes into --token-endpoint <url>/oauth/token.'

/** Refusals of the very key that asking why would take. */
const KEY_REFUSED = new Set(['resource_not_granted', 'permission_missing'])

/** Whoever called with the wrong key, or without one, has to know which that was and where another goes. */
function callLines({ error, withKey, keySource }: CallError): string[] {
  const keyRefused = error.status === 401 || (error.status === 403 && KEY_REFUSED.has(error.code))
  if (!keyRefused) return [...apiLines(error), ...afterRefusal(error.code), ...whyLines(error)]
  const question = error.status === 401 ? ' Is it one of this server, and live?' : ''
  return [
    ...apiLines(error),
    withKey ? `The key came from ${keySource}.${question}` : `No key was given. ${keySource}`,
    ...afterRefusal(error.code),
    'Use an admin key: --key-file <path>, COUNTERSIGN_KEY_FILE=<path> or COUNTERSIGN_KEY=<the key>.',
    ...(withKey ? [] : ['Where the server keeps its data, and perhaps its first key: COUNTERSIGN_DATA_DIR.']),
    "If all admin keys are lost, make one on the server's machine: countersign admin-key",
  ]
}

/** Who asks for https at a port that speaks http gets no answer that says so. */
function plainHttp(url: string): string[] {
  if (!url.startsWith('https:')) return []
  return [`Does it speak http? Try ${url.slice(0, url.indexOf('/', 8)).replace('https:', 'http:')}`]
}

/** What the server said, safe to show and in the words of this command line. */
function said(text: string): string {
  return asCommands(plain(text))
}

function fieldLine({ path, message }: { path: string; message: string }): string {
  return path === '' ? said(message) : `${plain(path)}: ${said(message)}`
}
