import { chmodSync, existsSync, unlinkSync } from 'node:fs'
import http from 'node:http'
import type { ListenAddress } from '../config.ts'
import { type BunServer, guarded, type Handler } from './guard.ts'

/** Browser cookies count towards it, and they come with every forwarded request. */
const MAX_HEADER_BYTES = 64 * 1024
const MAX_BODY_BYTES = 64 * 1024
/** Proxies keep idle connections for 60 to 120 s; whoever closes first makes the other one fail. */
const PROXY_IDLE_SECONDS = 240
const PUBLIC_IDLE_SECONDS = 10

export type Routes = {
  /** Exact paths, all methods. */
  readonly exact: Readonly<Record<string, Handler>>
  readonly fallback: Handler
  /** Proxies ask here: connections are kept longer. */
  readonly forProxies: boolean
}

export async function listen(address: ListenAddress, routes: Routes): Promise<BunServer> {
  // Bun reads the limit of every later listener from here.
  Object.assign(http, { maxHeaderSize: MAX_HEADER_BYTES })
  const options = {
    routes: Object.fromEntries(Object.entries(routes.exact).map(([path, handler]) => [path, guarded(handler)])),
    fetch: guarded(routes.fallback),
    maxRequestBodySize: MAX_BODY_BYTES,
    idleTimeout: routes.forProxies ? PROXY_IDLE_SECONDS : PUBLIC_IDLE_SECONDS,
    // A throw that nobody caught: a bug. No stack, no identity.
    error: () =>
      new Response('The request could not be answered.\n', { status: 500, headers: { 'Cache-Control': 'no-store' } }),
    development: false,
  }
  if (address.kind === 'tcp') {
    // Said, because `development: false` would turn it on: two servers on one port would take turns.
    return Bun.serve({ ...options, hostname: address.hostname, port: address.port, reusePort: false })
  }
  await removeDeadSocket(address.path)
  const { idleTimeout, ...typed } = options
  const onSocket = { ...typed, unix: address.path }
  // Bun obeys an idle timeout on unix sockets too; only its types do not know.
  Object.assign(onSocket, { idleTimeout })
  const server = Bun.serve(onSocket)
  chmodSync(address.path, address.mode)
  return server
}

/** A socket file that nobody answers on is left over from a crash; one that is answered on belongs to somebody. */
async function removeDeadSocket(path: string): Promise<void> {
  if (!existsSync(path)) return
  const alive = await Bun.connect({ unix: path, socket: { data() {} } }).then(
    (socket) => {
      socket.end()
      return true
    },
    () => false,
  )
  if (alive) throw new Error(`another process listens on ${path}`)
  unlinkSync(path)
}
