import { nameOf } from './address.ts'
import type { Outgoing } from './outgoing.ts'

const REDIRECTS = [301, 302, 303, 307, 308]

/**
 * Where a redirect leads, as `fetch` would go on; undefined: it is none.
 *
 * Throws a `TypeError` for an address that cannot be followed, and for a body that would have to be sent again but is a
 * stream.
 *
 * @see RFC 9110 §15.4, https://fetch.spec.whatwg.org/#http-redirect-fetch
 */
export function nextAfter({ url, init, canRepeat }: Outgoing, response: Response): Outgoing | undefined {
  if (response.type === 'opaqueredirect') throw new TypeError(`${nameOf(url)} redirects, which cannot be followed here`)
  const location = response.headers.get('Location')
  if (location === null || !REDIRECTS.includes(response.status)) return undefined
  if (!URL.canParse(location, url)) throw new TypeError(`${nameOf(url)} redirects to what is no address`)
  const next = new URL(location, url)
  const method = (init.method ?? 'GET').toUpperCase()
  if (becomesGet(response.status, method)) {
    return { url: next, init: { ...init, method: 'GET', body: null, headers: withoutBody(init) }, canRepeat: true }
  }
  if (!canRepeat) throw new TypeError(`${nameOf(url)} redirects, but the body is a stream that was sent already`)
  return { url: next, init, canRepeat }
}

/** The same request for another origin: nothing that was meant for this one goes along. */
export function toOtherOrigin(init: RequestInit): RequestInit {
  const headers = new Headers(init.headers)
  for (const name of ['Authorization', 'Cookie', 'Proxy-Authorization']) headers.delete(name)
  return { ...init, headers }
}

function becomesGet(status: number, method: string): boolean {
  if (status === 303) return method !== 'GET' && method !== 'HEAD'
  return (status === 301 || status === 302) && method === 'POST'
}

function withoutBody(init: RequestInit): Headers {
  const headers = new Headers(init.headers)
  for (const name of ['Encoding', 'Language', 'Length', 'Location', 'Type']) headers.delete(`Content-${name}`)
  return headers
}
