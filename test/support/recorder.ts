// What a service behind the proxy received. It passes each request on, streaming, to the real service.

/** One request that reached the service. */
export type Received = {
  readonly method: string
  /** Path and query, as the service was asked. */
  readonly target: string
  readonly headers: Headers
}

export type Recorder = {
  readonly port: number
  /** The requests since the last call, oldest first. */
  take(): Received[]
  stop(): Promise<void>
}

export type Service = (request: Request) => Response | Promise<Response>

/** Records and answers with `service`. WebSocket handshakes it accepts itself and echoes. */
export function startRecorder(service: Service): Recorder {
  let received: Received[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 60,
    async fetch(request, server) {
      const url = new URL(request.url)
      received.push({
        method: request.method,
        target: url.pathname + url.search,
        headers: new Headers(request.headers),
      })
      if (request.headers.get('upgrade') === 'websocket' && server.upgrade(request)) return undefined
      return await service(request)
    },
    websocket: { message: (socket, message) => void socket.send(message) },
  })
  return {
    port: Number(server.port),
    take() {
      const taken = received
      received = []
      return taken
    },
    stop: () => server.stop(true),
  }
}

/** Passes requests on to another port, method, headers (`Host` too) and body unchanged. */
export function forwardTo(port: number): Service {
  return async (request) => {
    const url = new URL(request.url)
    const answer = await fetch(`http://127.0.0.1:${port}${url.pathname}${url.search}`, {
      method: request.method,
      headers: request.headers,
      body: request.body,
      redirect: 'manual',
      decompress: false,
    })
    return new Response(answer.body, { status: answer.status, headers: answer.headers })
  }
}
