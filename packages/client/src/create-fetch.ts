import type { AccessToken } from './access-token.ts'
import { isConfidential, nameOf } from './address.ts'
import { headersOf, type Outgoing, outgoing } from './outgoing.ts'
import { nextAfter, toOtherOrigin } from './redirect.ts'
import { type Fetch, platformFetch } from './runtime.ts'
import type { TokenSource } from './token-source.ts'

const MAX_REDIRECTS = 20

export type CreateFetchOptions = {
  /** What sends; default: the `fetch` of the runtime. */
  readonly fetch?: Fetch
  /** The resource that the tokens are for; omitted: the source's. */
  readonly resource?: string | undefined
  /** The scopes that the tokens need; omitted: the source's. */
  readonly scopes?: readonly string[] | undefined
  /** The origins that may get a token (`https://webdav.example.com`); omitted: every one that is called. */
  readonly origins?: readonly string[] | undefined
  /** Send tokens over http: to other machines too, where everyone on the way can read them. Default false. */
  readonly allowInsecure?: boolean | undefined
}

/**
 * Makes a `fetch` that adds `Authorization: Bearer` with a token of the source.
 *
 * On 401 it gets another token and sends the request once more, unless the source has no other. After a stream, which
 * cannot be sent again, the 401 is answered and the next call brings another token.
 * 403 is answered as it came: another token has no more rights.
 *
 * A request that brings its own `Authorization` is left alone: no token, no second attempt, the runtime's redirects.
 * The body of a `Request` object is read into memory so that it can be sent again; to stream, give the stream as
 * `init.body`.
 *
 * Security: the token goes to the origin that was called and to no other. Redirects are followed here: on the same origin
 * with the token; to another one without it, without cookies, and for good, even if that one leads back. Where a runtime
 * hides where a redirect leads (browsers), it is not followed. If an address may come from a stranger, name the `origins`.
 *
 * Rejects with a `TypeError` for an address that would show the token on the way (http: beyond loopback, unless
 * `allowInsecure`), for an origin that is not among `origins` and for a redirect that cannot be followed; else with what
 * the source or the runtime's `fetch` rejects with. `redirected` of the response is false even after a redirect.
 *
 * @example
 * import { clientSecretBasic, createFetch, tokenSource } from '@countersign/client'
 *
 * const source = tokenSource({
 *   issuer: 'https://auth.example.com',
 *   clientId: 'canister',
 *   authentication: clientSecretBasic(process.env.CLIENT_SECRET ?? ''),
 * })
 * const fetch = createFetch(source, { resource: 'https://webdav.example.com', scopes: ['files:read'] })
 * const response = await fetch('https://webdav.example.com/reports')
 * console.log(response.status, await response.text()) // 200 reports
 *
 * @see RFC 6750 §2.1, §5.3
 */
export function createFetch(source: TokenSource, options: CreateFetchOptions = {}): Fetch {
  const { fetch = platformFetch, resource, scopes, allowInsecure = false } = options
  const origins = options.origins?.map(parseOrigin)

  const requireConfidential = (url: URL) => {
    if (allowInsecure || isConfidential(url)) return
    throw new TypeError(`${nameOf(url)}: expected https:, as anyone on the way could read the token`)
  }
  const send = ({ url, init }: Outgoing, { token }: AccessToken) => {
    const headers = new Headers(init.headers)
    headers.set('Authorization', `Bearer ${token}`)
    return fetch(url.href, { ...init, headers, redirect: init.redirect === 'error' ? 'error' : 'manual' })
  }

  return async (input, init) => {
    if (headersOf(input, init).has('Authorization')) return fetch(input, init)
    let request = await outgoing(input, init)
    requireConfidential(request.url)
    if (origins !== undefined && !origins.includes(request.url.origin)) {
      throw new TypeError(`${request.url.origin} is not among the origins that may get a token`)
    }
    const asked = { resource, scopes, signal: request.init.signal ?? undefined }
    let token = await source.token(asked)
    let isSecond = false

    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      let response = await send(request, token)
      if (response.status === 401 && !request.canRepeat) {
        // This one cannot be sent again; the next call should not bring the same token.
        source.token({ resource, scopes, refused: token }).catch(() => undefined)
      } else if (response.status === 401 && !isSecond) {
        isSecond = true
        const other = await otherToken(source, { ...asked, refused: token }, response)
        if (other !== undefined) {
          token = other
          response = await send(request, token)
        }
      }
      const next = (request.init.redirect ?? 'follow') === 'follow' ? nextAfter(request, response) : undefined
      if (next === undefined) return response
      await discard(response)
      requireConfidential(next.url)
      if (next.url.origin !== request.url.origin) return fetch(next.url.href, toOtherOrigin(next.init))
      request = next
    }
    throw new TypeError(`${nameOf(request.url)}: more than ${MAX_REDIRECTS} redirects`)
  }
}

/** Another token than the refused one, and then the answer that refused it is done with; undefined: there is no other. */
async function otherToken(
  source: TokenSource,
  asked: { readonly refused: AccessToken; readonly signal: AbortSignal | undefined },
  response: Response,
): Promise<AccessToken | undefined> {
  try {
    const other = await source.token(asked)
    if (other.token === asked.refused.token) return undefined
    await discard(response)
    return other
  } catch (error) {
    await discard(response)
    throw error
  }
}

/** Frees the connection of an answer that nobody will read. */
async function discard(response: Response): Promise<void> {
  await response.body?.cancel()
}

function parseOrigin(text: string): string {
  if (URL.canParse(text) && new URL(text).origin === text) return text
  throw new TypeError('origins: expected origins like "https://webdav.example.com", without a path')
}
