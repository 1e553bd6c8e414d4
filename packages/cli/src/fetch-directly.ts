import { isLoopback } from './loopback.ts'

/** Of Bun, and unknown to others: whether the proxies of the environment count. */
type WithProxy = RequestInit & { readonly proxy?: false }

/**
 * `fetch`, but what is for this machine stays on it.
 *
 * Security: HTTP_PROXY counts for every plain address, this machine's own too. The admin key of the server here would go
 * to another machine, in the clear.
 */
export function fetchDirectly(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const options: WithProxy = isLoopback(input instanceof Request ? input.url : String(input))
    ? { ...init, proxy: false }
    : init
  return fetch(input, options)
}
