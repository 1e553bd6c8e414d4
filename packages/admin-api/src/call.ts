import type { z } from 'zod'
import { parseJson, toApiError, UnreachableError, unexpectedAnswer } from './api-error.ts'
import { REVISION_HEADER } from './node.ts'

const TIMEOUT_MS = 30_000
/** Far more than any answer has; unpacked. */
const MOST_BYTES = 16 * 1024 * 1024

/** The part of `fetch` that is needed here; the global one fits. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export type CallOptions = {
  /** The server's public URL, `http://127.0.0.1:8420`. */
  readonly server: string
  /** An API key or the bootstrap key. Undefined: called as a stranger. */
  readonly key?: string | undefined
  readonly fetch?: Fetch
  /** Told the `Countersign-Revision` of each answer that has one: what was changed is a part of it. */
  readonly onRevision?: (revision: number) => void
}

type Query = Readonly<Record<string, string | number | undefined>>

export type Call = <Answer extends z.ZodType>(
  method: string,
  path: string,
  answer: Answer,
  send?: { readonly body?: object; readonly query?: Query },
) => Promise<z.output<Answer>>

/** How calls are made: with the key, within 30 s, following no redirect (the key must not travel on). */
export function caller({ server, key, fetch = globalThis.fetch, onRevision }: CallOptions): Call {
  const base = apiBase(server)
  return async (method, path, answer, { body, query = {} } = {}) => {
    const url = `${base}${path}${search(query)}`
    const headers: Record<string, string> = { Accept: 'application/json' }
    if (key !== undefined) headers.Authorization = `Bearer ${key}`
    if (body !== undefined) headers['Content-Type'] = 'application/json'
    const init: RequestInit = { method, headers, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) }
    if (body !== undefined) init.body = JSON.stringify(body)

    const { response, text } = await exchange(fetch, url, init)
    if (!response.ok) throw toApiError(url, response, text)
    const revision = response.headers.get(REVISION_HEADER)
    if (revision !== null && /^[0-9]{1,15}$/.test(revision)) onRevision?.(Number(revision))
    const value = parseJson(text)
    // Checked, but handed on whole: a newer server may say more than these schemas know.
    if (answer.safeParse(value).success) return value as z.output<typeof answer>
    throw unexpectedAnswer(url, response.status, 'what it says is not understood here (another version?)')
  }
}

/** A path of fixed words and ids, each id one segment whatever is in it. */
export function path(words: TemplateStringsArray, ...ids: readonly string[]): string {
  for (const id of ids) {
    // Security: a URL ends in logs. Whoever passes a credential for its id is stopped here.
    if (id.startsWith('cs_')) throw new TypeError('expected the public id of a credential, not the credential')
    if (id === '' || id === '.' || id === '..') throw new TypeError('an id must not be empty, "." or ".."')
  }
  return String.raw({ raw: words }, ...ids.map(encodeURIComponent))
}

function apiBase(server: string): string {
  const url = URL.canParse(server) ? new URL(server) : undefined
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.search !== '' ||
    url.hash !== ''
  ) {
    throw new TypeError(
      'server: expected an http(s) URL like "http://127.0.0.1:8420", without user, query and fragment',
    )
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}/api/v1`
}

function search(query: Query): string {
  const pairs = Object.entries(query).flatMap(([field, value]) => (value === undefined ? [] : [[field, String(value)]]))
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`
}

async function exchange(fetch: Fetch, url: string, init: RequestInit): Promise<{ response: Response; text: string }> {
  let tooLong: number
  try {
    const response = await fetch(url, init)
    const text = await textOf(response)
    if (text !== undefined) return { response, text }
    tooLong = response.status
  } catch (error) {
    throw new UnreachableError(url, unreachableReason(error))
  }
  throw unexpectedAnswer(url, tooLong, `it is longer than ${MOST_BYTES / 1024 / 1024} MiB`)
}

/** Undefined: it is longer than any answer of a Countersign, and the rest was not read. */
async function textOf({ body }: Response): Promise<string | undefined> {
  if (body === null) return ''
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let text = ''
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    bytes += value.byteLength
    if (bytes > MOST_BYTES) {
      await reader.cancel()
      return undefined
    }
    text += decoder.decode(value, { stream: true })
  }
}

/** In our words, never the runtime's: its message could quote what was sent. */
function unreachableReason(error: unknown): string {
  if (!(error instanceof Error)) return 'the connection failed'
  if (error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} seconds`
  const cause = error.cause instanceof Error ? error.cause : error
  const code = 'code' in cause ? String(cause.code) : ''
  if (/ECONNREFUSED|ConnectionRefused/.test(code)) return 'nothing listens there'
  if (/ENOTFOUND|EAI_AGAIN|DNS/i.test(code)) return 'the name is not known'
  if (/CERT|SSL|TLS/i.test(code)) return 'its certificate is not believed'
  return 'the connection failed'
}
