// A small authorization server on loopback whose token answers a test scripts, and which remembers what it was asked.

export type Received = {
  readonly headers: Headers
  readonly body: URLSearchParams
}

/** Answers the token request of this number, counted from 1; undefined: with a token. */
export type Script = (received: Received, number: number) => Response | Promise<Response | undefined> | undefined

export type TestServer = {
  readonly issuer: string
  /** The token requests, in order. */
  readonly received: Received[]
  /** Paths of all other requests. */
  readonly others: string[]
  script: Script
  stop(): Promise<void>
}

/** Starts it; `metadata` replaces members of its metadata. */
export function startAuthorizationServer(script: Script = () => undefined, metadata: object = {}): TestServer {
  const received: Received[] = []
  const others: string[] = []
  const listener = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url)
      if (pathname !== '/oauth/token') {
        others.push(pathname)
        const isMetadata = pathname === '/.well-known/oauth-authorization-server'
        return isMetadata
          ? Response.json({ ...metadataOf(server.issuer), ...metadata })
          : new Response('', { status: 404 })
      }
      const asked = { headers: request.headers, body: new URLSearchParams(await request.text()) }
      const number = received.push(asked)
      return (await server.script(asked, number)) ?? tokenAnswer(asked, number)
    },
  })
  const server: TestServer = {
    issuer: `http://127.0.0.1:${listener.port}`,
    received,
    others,
    script,
    stop: () => listener.stop(true),
  }
  return server
}

export function metadataOf(issuer: string) {
  return { issuer, token_endpoint: `${issuer}/oauth/token` }
}

/** A token that lives for 600 seconds and is named by the number of its request. */
export function tokenAnswer({ body }: Received, number: number, members: object = {}): Response {
  const scope = body.get('scope') ?? 'files:read files:write'
  return Response.json({ access_token: `token-${number}`, token_type: 'Bearer', expires_in: 600, scope, ...members })
}

/** A refusal in the words of RFC 6749 §5.2. */
export function refusal(status: number, error: string, headers: Record<string, string> = {}, description?: string) {
  return Response.json({ error, error_description: description }, { status, headers })
}

/** A clock that stands until it is moved. */
export function startClock() {
  let at = Date.parse('2030-01-01T00:00:00Z')
  return {
    now: () => new Date(at),
    advance(seconds: number) {
      at += seconds * 1000
    },
  }
}

/** The same bytes always, and pauses that are over at once, remembered in milliseconds. */
export function unhurried() {
  const pauses: number[] = []
  return {
    pauses,
    random: (length: number) => new Uint8Array(length).fill(128),
    wait: async (milliseconds: number, signal: AbortSignal) => {
      signal.throwIfAborted()
      pauses.push(milliseconds)
    },
  }
}

/** What `work` fails with; fails itself if it does not. */
export async function failureOf(work: () => unknown): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return error
  }
  throw new Error('expected a failure')
}
