// A request that is about to be sent, in a form that can be sent again where its body allows that.

export type Outgoing = {
  readonly url: URL
  /** Everything but the address; what a runtime adds of its own (`dispatcher`, `tls`, …) stays in it. */
  readonly init: RequestInit
  /** False: the body is a stream, which is gone once it was sent. */
  readonly canRepeat: boolean
}

/** The headers that `fetch` would send: those of `init` replace all of the request's. */
export function headersOf(input: string | URL | Request, init: RequestInit | undefined): Headers {
  return new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined))
}

/** Reads what was given to `fetch`. The body of a `Request` is read into memory, whole. */
export async function outgoing(input: string | URL | Request, init: RequestInit = {}): Promise<Outgoing> {
  const given = input instanceof Request ? { ...(await initOf(input, init)), ...init } : init
  const address = input instanceof Request ? input.url : String(input)
  // In a browser an address may be relative to the page; elsewhere there is no page.
  const page = 'location' in globalThis ? globalThis.location?.href : undefined
  return {
    url: new URL(address, page),
    init: { ...given, headers: headersOf(input, init) },
    canRepeat: isRepeatable(given.body),
  }
}

/** What the request says, as far as `init` does not replace it. */
async function initOf(request: Request, { body }: RequestInit): Promise<RequestInit> {
  const { method, signal, cache, credentials, integrity, mode, redirect, referrer, referrerPolicy } = request
  const isBodyTaken = request.body !== null && body === undefined
  const said = {
    ...{ method, signal, cache, credentials, integrity, mode, redirect, referrer, referrerPolicy },
    // Only where it was asked for: some runtimes take `false` as a wish to close the connection.
    ...(request.keepalive && { keepalive: true }),
    ...(isBodyTaken && { body: await request.arrayBuffer() }),
  }
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined && value !== ''))
}

function isRepeatable(body: RequestInit['body']): boolean {
  if (body === undefined || body === null || typeof body === 'string') return true
  const forms = [URLSearchParams, FormData, Blob, ArrayBuffer]
  return forms.some((form) => body instanceof form) || ArrayBuffer.isView(body)
}
