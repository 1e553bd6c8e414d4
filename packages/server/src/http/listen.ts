import { chmodSync, lstatSync, mkdtempSync, renameSync, rmSync, unlinkSync } from 'node:fs'
import http from 'node:http'
import { dirname, join } from 'node:path'
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
  const idleSeconds = routes.forProxies ? PROXY_IDLE_SECONDS : PUBLIC_IDLE_SECONDS
  const guard = (handler: Handler) => guarded(handler, { isOnSocket: address.kind === 'unix', idleSeconds })
  const options = {
    routes: Object.fromEntries(Object.entries(routes.exact).map(([path, handler]) => [path, guard(handler)])),
    fetch: guard(routes.fallback),
    maxRequestBodySize: MAX_BODY_BYTES,
    idleTimeout: idleSeconds,
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
  return serveOnSocket(address, (unix) => {
    const onSocket = { ...typed, unix }
    // Bun obeys an idle timeout on unix sockets too; only its types do not know.
    Object.assign(onSocket, { idleTimeout })
    return Bun.serve(onSocket)
  })
}

/**
 * Listens in a folder that nobody else may enter, and moves the socket to its place when it has its mode.
 *
 * Security: Bun makes the socket with the mode that the umask leaves, and whoever connects before a chmod stays.
 */
function serveOnSocket({ path, mode }: { path: string; mode: number }, serve: (unix: string) => BunServer): BunServer {
  const folder = mkdtempSync(join(dirname(path), '.'))
  const made = join(folder, 's')
  try {
    const server = serve(made)
    chmodSync(made, mode)
    const { ino } = lstatSync(made)
    renameSync(made, path)
    // Bun would take away the socket from where it was made.
    const stop = server.stop.bind(server)
    server.stop = (closeActive) => {
      if (statusOf(path)?.ino === ino) unlinkSync(path)
      return stop(closeActive)
    }
    return server
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A socket file that nobody answers on is left over from a crash; one that is answered on belongs to somebody. */
async function removeDeadSocket(path: string): Promise<void> {
  const status = statusOf(path)
  if (status === undefined) return
  if (!status.isSocket()) {
    throw new Error(`${path} is there and is no socket: name another path for the socket, or move the file away`)
  }
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

/** Of the path itself, also when it is a link. */
function statusOf(path: string) {
  return lstatSync(path, { throwIfNoEntry: false })
}
