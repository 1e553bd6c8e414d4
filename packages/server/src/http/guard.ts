import type { Server } from 'bun'

export type BunServer = Server<undefined>
/** Answers a request of `peer`, which is null on a unix socket. */
export type Handler = (request: Request, peer: string | null) => Response | Promise<Response>

export type Guarding = {
  readonly isOnSocket: boolean
  /** How long a connection may be idle. */
  readonly idleSeconds: number
}

/** How long it may take until a request with a body is answered. */
const BODY_SECONDS = 10

/** What some path or other answers. @see RFC 9110 §15.5.6 */
const SERVED = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

/**
 * Lets only requests through that have one meaning: a single Host, and no TRACE, which would echo credentials; and
 * gives them little time for their bodies.
 *
 * Security: only on a unix socket has a peer no address. Whoever has hung up has none either, and must not be taken for
 * somebody who was let in by the mode of a socket.
 *
 * @see RFC 9110 §7.2, §9.3.8
 */
export function guarded(handler: Handler, { isOnSocket, idleSeconds }: Guarding) {
  return (request: Request, server: BunServer): Response | Promise<Response> => {
    const host = request.headers.get('host')
    if (host === null || host.includes(',')) return refusal(400, 'Send one Host header.')
    if (request.method === 'TRACE') return refusal(405, 'TRACE is not served.', { Allow: SERVED })
    // Asked each time, on 127.0.0.1 too, though it costs: a packet filter can send connections of others there, and
    // whether a peer may ask hangs on its address.
    const peer = server.requestIP(request)?.address ?? null
    if (peer === null && !isOnSocket) return refusal(400, 'Who asked has gone.')
    const answer = handler(request, peer)
    if (!(answer instanceof Promise) || !announcesBody(request.headers)) return answer
    // Whoever sends a body has less time than a connection may be idle: bodies that drip in would hold up their senders'
    // connections for as long as proxies keep theirs. Bun counts from here, whatever comes meanwhile.
    server.timeout(request, Math.min(BODY_SECONDS, idleSeconds))
    return answer.finally(() => server.timeout(request, idleSeconds))
  }
}

function announcesBody(headers: Headers): boolean {
  return headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0'
}

function refusal(status: number, sentence: string, headers?: Readonly<Record<string, string>>): Response {
  return new Response(`${sentence}\n`, { status, headers: { 'Cache-Control': 'no-store', ...headers } })
}
