import { errorName } from './error-name.ts'
import { parseJsonObject } from './json.ts'
import { JWK_SET_EXPECTED, type JwkSet, parseJwkSet } from './jwk-set.ts'

/** The part of the standard `fetch` that keys are fetched with. */
export type KeyFetch = (
  uri: string,
  init: { readonly signal: AbortSignal; readonly redirect: 'manual'; readonly headers: Record<string, string> },
) => Promise<Response>

export type FetchOptions = {
  readonly fetch: KeyFetch
  readonly algorithms: readonly string[]
  /** For all of it, from the resolution of the name to the last byte. */
  readonly timeoutMs: number
}

/** Why there is no key set, in words for the log. Nothing that the source sent is in it. */
export type FetchFailure = {
  readonly failure: string
  /** The same without the words of an error, which may hold what was sent. Undefined: there are none in it. */
  readonly wordless?: string
}

const MAX_BODY_BYTES = 1_000_000
const MAX_REASON_LENGTH = 300

/**
 * Fetches a key set once. Whatever goes wrong is a value.
 *
 * Security: the source may be slow, endless or hostile. Redirects are refused, since only the address that was
 * configured was agreed upon; not more than 1 MB is read; after `timeoutMs` it is over, even if `fetch` does not heed
 * its signal. Which addresses may be connected to is for `fetch` to judge.
 */
export function fetchJwkSet(uri: string, options: FetchOptions): Promise<JwkSet | FetchFailure> {
  return within(options.timeoutMs, (signal) => readJwkSet(uri, options, signal))
}

/** Runs what fetches, in time, with all its failures as values; closes whatever it leaves open. */
export async function within<T>(
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | FetchFailure> {
  const ended = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<FetchFailure>((resolve) => {
    timer = setTimeout(() => resolve({ failure: `it took longer than ${timeoutMs} ms` }), timeoutMs)
  })
  try {
    return await Promise.race([work(ended.signal), late])
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return {
      failure: `it could not be asked: ${reason.slice(0, MAX_REASON_LENGTH)}`,
      wordless: `it could not be asked (${errorName(error)})`,
    }
  } finally {
    clearTimeout(timer)
    // Whatever is still open, a body that nobody wants among it, is closed.
    ended.abort()
  }
}

export async function readJwkSet(
  uri: string,
  options: Pick<FetchOptions, 'fetch' | 'algorithms'>,
  signal: AbortSignal,
): Promise<JwkSet | FetchFailure> {
  const json = await readJson(uri, options.fetch, signal, 'application/jwk-set+json, application/json')
  if ('failure' in json) return json
  const set = await parseJwkSet(json.value, options)
  return set ?? { failure: `its answer is not ${JWK_SET_EXPECTED}` }
}

type ReadJson =
  | { readonly value: Readonly<Record<string, unknown>> | undefined }
  | (FetchFailure & { readonly status?: number })

/** Reads one JSON object, which may be anything else (`value` is undefined then). Rejects with what `fetch` rejects with. */
export async function readJson(
  uri: string,
  fetch: KeyFetch,
  signal: AbortSignal,
  accept = 'application/json',
): Promise<ReadJson> {
  return readJsonFrom(fetch(uri, { signal, redirect: 'manual', headers: { accept } }), signal)
}

/** The same of a request that was made. */
export async function readJsonFrom(answering: Promise<Response>, signal: AbortSignal): Promise<ReadJson> {
  const response = await answering
  if (response.redirected || (response.status >= 300 && response.status < 400)) {
    return { failure: 'it redirects; give the address where it is' }
  }
  if (response.status !== 200) return { failure: `it answered ${response.status}`, status: response.status }

  const body = await readBody(response, signal)
  if (body === undefined) return { failure: 'its answer is longer than 1 MB' }
  return { value: parseJsonObject(body) }
}

/** The whole body; undefined: it is too long, and was not read to its end. */
async function readBody(response: Response, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const reader = response.body?.getReader()
  if (reader === undefined) return new Uint8Array()
  const cancel = () => {
    reader.cancel().catch(() => {})
  }
  signal.addEventListener('abort', cancel, { once: true })
  const parts: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > MAX_BODY_BYTES) return undefined
    parts.push(value)
  }
  const body = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    body.set(part, at)
    at += part.length
  }
  return body
}
