import { nameOf } from './address.ts'
import type { Fetch } from './runtime.ts'
import { TokenRequestError } from './token-request-error.ts'

const MAX_BYTES = 65_536

/** An answer of the authorization server. */
export type JsonAnswer = {
  readonly status: number
  readonly headers: Headers
  /** Its members; none if the body is no JSON object. */
  readonly body: Readonly<Record<string, unknown>>
}

/**
 * Asks the authorization server. Redirects are not followed: a secret goes to the address that was meant and nowhere else.
 *
 * Throws a `TokenRequestError` `unreachable` if there is no answer. Security: the platform's error is not its cause, as
 * it may hold the request; only its code is told.
 */
export async function askJson(fetch: Fetch, url: URL, init: RequestInit, signal: AbortSignal): Promise<JsonAnswer> {
  const asked: RequestInit = { ...init, signal, redirect: 'manual', credentials: 'omit', cache: 'no-store' }
  try {
    const response = await fetch(url.href, asked)
    return { status: response.status, headers: response.headers, body: objectIn(await boundedText(response)) }
  } catch (error) {
    signal.throwIfAborted()
    const code = codeOf(error)
    const description = `${nameOf(url)} did not answer${code === undefined ? '' : ` (${code})`}`
    throw new TokenRequestError({ error: 'unreachable', description })
  }
}

/** The text of the body; empty if it is too long for an answer of this kind. */
async function boundedText({ body }: Response): Promise<string> {
  if (body === null) return ''
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let text = ''
  for (let length = 0; ; ) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    length += value.byteLength
    if (length > MAX_BYTES) {
      await reader.cancel()
      return ''
    }
    text += decoder.decode(value, { stream: true })
  }
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
  } catch {
    return {}
  }
}

/** `ECONNREFUSED` and the like: of the error itself on Bun, of its cause on Node. */
function codeOf(error: unknown): string | undefined {
  const { code, cause } = Object(error) as { readonly code?: unknown; readonly cause?: { readonly code?: unknown } }
  const found = code ?? cause?.code
  return typeof found === 'string' && /^[A-Za-z0-9_]{1,40}$/.test(found) ? found : undefined
}
