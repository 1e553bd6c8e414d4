import { renameSync, rmSync, writeFileSync } from 'node:fs'
import pino from 'pino'
import { type AdminKey, adminKeyPath, issueAdminKey } from './admin-key.ts'
import { type App, type AppIo, composeApp } from './app.ts'
import type { Config, ListenAddress } from './config.ts'
import type { Finding } from './doctor/finding.ts'
import { lookAtHost } from './doctor/look-at-host.ts'
import { closingConnections } from './http/closing.ts'
import type { BunServer } from './http/guard.ts'
import type { CallAsHost } from './http/host-api.ts'
import { listen, type Routes } from './http/listen.ts'
import { takeDataDir } from './store/data-dir.ts'
import { openDecisions, openStore } from './store/open.ts'

/** How long requests under way may take once a stop was asked for. */
const DRAIN_MS = 10_000

export type ServeIo = Partial<AppIo> & {
  /** A terminal is shown the first admin key; else it goes to a file. */
  readonly stdoutIsTerminal: boolean
  readonly say: (text: string) => void
  /** Has to be there when the configuration names a declared file: the command line reads it. */
  readonly declare?: Declare | undefined
  /** Says so when the server is to stop before it has started: then it comes back soon, to be stopped. */
  readonly stopped?: AbortSignal
}

/**
 * Judges what was declared by what is there, and changes nothing: throws every mistake. What comes back brings it about,
 * or a part of it when it is stopped.
 */
export type Declare = (callAsHost: CallAsHost, log: pino.Logger) => Promise<(stopped: AbortSignal) => Promise<void>>

export type RunningServer = { readonly url: string; stop(): Promise<void> }

/** Starts the server: database, listeners and, on the first run, a way in. */
export async function startServer(config: Config, io: ServeIo): Promise<RunningServer> {
  const lock = takeDataDir(config.dataDir)
  const app = await composeApp(config, processIo(io))
  if (lock.othersMay !== undefined)
    app.log.warn(
      { path: config.dataDir, mode: lock.othersMay },
      'others than its owner may enter the data directory: chmod 700',
    )
  const bringAbout = await judgeDeclared(app, config, io).catch(async (error: unknown) => {
    await app.close()
    lock.release()
    throw error
  })
  let isStopping = false
  const serve = (address: ListenAddress, routes: Routes) =>
    listen(
      address,
      closingConnections(routes, () => isStopping),
    )
  const servers: BunServer[] = [await serve(config.listen, app.publicRoutes)]
  if (config.internalListen !== undefined && app.internalRoutes !== undefined) {
    servers.push(await serve(config.internalListen, app.internalRoutes))
  }
  app.start()
  const where = { listen: addressText(config.listen), issuer: config.publicUrl }
  const internal = config.internalListen
  app.log.info(internal === undefined ? where : { ...where, internal: addressText(internal) }, 'countersign serves')
  await issueFirstKey(app, config, io)
  const stop = async () => {
    // First of all, so that whoever watches it sends no more requests here; those that come are answered.
    app.readiness.set('stopping')
    isStopping = true
    app.log.info({ delay_seconds: config.stopDelayMs / 1000 }, 'stopping')
    await Bun.sleep(config.stopDelayMs)
    const patience = setTimeout(() => void Promise.all(servers.map((server) => server.stop(true))), DRAIN_MS)
    await Promise.all(servers.map((server) => server.stop()))
    clearTimeout(patience)
    await app.close()
    lock.release()
    app.log.info('stopped')
  }
  const stopped = io.stopped ?? new AbortController().signal
  await bringAbout?.(stopped).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  if (!stopped.aborted) app.readiness.clear('declared_files')
  return { url: `http://${config.listen.hostname}:${config.listen.port}`, stop }
}

/**
 * A mistake in what is declared stops the start before anything is changed or answered. Bringing it about comes when the
 * listeners stand: a server that holds much already answers meanwhile from that, and a new one refuses everything.
 */
async function judgeDeclared(app: App, { declaredFile }: Config, { declare }: ServeIo) {
  if (declaredFile === undefined) return undefined
  if (declare === undefined) throw new Error('nobody is there who reads the declared file')
  app.readiness.set('declared_files')
  return declare(app.callAsHost, app.log)
}

/** Brings the database up to this version's schema. */
export async function migrateDatabase(config: Config): Promise<{ applied: readonly string[] }> {
  const { clock, random } = processIo({})
  const store = await openStore(config.dataDir, clock, random, config.databaseUrl)
  await (await openDecisions(config.dataDir, config.databaseUrl)).destroy()
  await store.close()
  return { applied: store.applied }
}

/** Makes a new admin key on the host itself; a running server learns of it by following the revision. */
export async function makeAdminKey(config: Config): Promise<AdminKey> {
  const { clock, random } = processIo({})
  const store = await openStore(config.dataDir, clock, random, config.databaseUrl)
  try {
    return await issueAdminKey(store, (text) => Bun.SHA256.hash(text, 'hex'))
  } finally {
    await store.close()
  }
}

/** Looks for what is wrong on this host, and changes nothing. `variables`: what the server is started with. */
export async function examineHost(
  config: Config,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Finding[]> {
  return lookAtHost(config, { variables, ...processIo({}) })
}

function addressText(address: ListenAddress): string {
  return address.kind === 'unix' ? `unix:${address.path}` : `${address.hostname}:${address.port}`
}

/** The way in of the first run: for a file, before the key counts; for a person, once it does. */
async function issueFirstKey(app: App, config: Config, io: ServeIo): Promise<void> {
  const path = adminKeyPath(config.dataDir)
  const made = await app.issueFirstAdminKey((key) => {
    if (!io.stdoutIsTerminal) writeKeyFile(path, key)
  })
  if (made === undefined) return
  if (!io.stdoutIsTerminal) return app.log.info({ path }, 'an admin key was made for the first run')
  io.say(
    `\nThe admin key, shown this once:\n\n  ${made.key}\n\nTo use it: export COUNTERSIGN_KEY=<the key>\n` +
      'Should it be lost: countersign admin-key makes another.\n',
  )
}

/**
 * Security: what stands at `path` is replaced and never written to: it may be a link to elsewhere, or a file that
 * others may read.
 */
function writeKeyFile(path: string, key: string): void {
  const fresh = `${path}.new`
  rmSync(fresh, { force: true })
  writeFileSync(fresh, `${key}\n`, { mode: 0o600, flag: 'wx' })
  renameSync(fresh, path)
}

function processIo(io: Partial<AppIo>): AppIo {
  return {
    clock: io.clock ?? (() => new Date()),
    monotonicMs: io.monotonicMs ?? (() => performance.now()),
    random: io.random ?? ((length) => crypto.getRandomValues(new Uint8Array(length))),
    log: io.log ?? pino.destination({ fd: 1, sync: true }),
  }
}
