import type { Handler } from './guard.ts'
import type { Routes } from './listen.ts'

/**
 * The same routes, whose answers end their connections once the server is asked to stop: whoever keeps connections open
 * makes the next one to another server, instead of losing a request in one that is about to close.
 *
 * @see RFC 9112 §9.6
 */
export function closingConnections({ exact, fallback, forProxies }: Routes, isStopping: () => boolean): Routes {
  const closing =
    (handler: Handler): Handler =>
    (request, peer) => {
      const answer = handler(request, peer)
      if (!isStopping()) return answer
      return answer instanceof Promise ? answer.then(closed) : closed(answer)
    }
  return {
    exact: Object.fromEntries(Object.entries(exact).map(([path, handler]) => [path, closing(handler)])),
    fallback: closing(fallback),
    forProxies,
  }
}

function closed(answer: Response): Response {
  answer.headers.set('Connection', 'close')
  return answer
}
