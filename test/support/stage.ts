// A whole scene: Countersign, a proxy with the snippet of its guide, and a real service behind a recorder.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type CountersignServer, startCountersign } from './countersign-server.ts'
import { gitBackend } from './git-backend.ts'
import { freePort } from './loopback.ts'
import { type Program, run } from './program.ts'
import type { StartProxy } from './proxy.ts'
import { forwardTo, type Recorder, type Service, startRecorder } from './recorder.ts'
import { Teardown } from './teardown.ts'
import { startWebdav } from './webdav.ts'

export type Key = { readonly id: string; readonly secret: string }

/** What stands before anything is said of who may do what. */
export type Scene = {
  readonly server: CountersignServer
  /** The one that the proxy asks: `server`, or another one on the same database. */
  readonly verifier: CountersignServer
  readonly proxy: Program
  readonly recorder: Recorder
  readonly port: number
  /** What the client says in `Host`: the resource's only host. */
  readonly host: string
  readonly url: string
  /** Where the service keeps its files. */
  readonly files: string
  revoke(credential: { readonly id: string }): Promise<void>
  close(): Promise<void>
}

export type Stage = Scene & {
  /** A new key of the one client there is. What is not named does not narrow it. */
  newKey(scopes?: readonly string[], networks?: readonly string[]): Promise<Key>
}

const FILES_RULES = [
  { methods: ['GET', 'HEAD', 'OPTIONS', 'PROPFIND'], path: '/**', require: { scopes: ['files:read'] } },
  { path: '/**', require: { scopes: ['files:write'] } },
]
const REPOSITORY_RULES = [
  { methods: ['GET', 'HEAD'], path: '/**', require: { scopes: ['repo:read'] } },
  { methods: ['POST'], path: '/*/git-upload-pack', require: { scopes: ['repo:read'] } },
  { path: '/**', require: { scopes: ['repo:write'] } },
]

type More = Partial<ProxySecret> & Pick<Played, 'databaseUrl'>

/** A WebDAV server, `webdav`, whose client `canister` may read and write. `more`: as `Played` says. */
export async function openWebdavStage(startProxy: StartProxy, more: More = {}): Promise<Stage> {
  const teardown = new Teardown()
  const service = await playWebdav(teardown)
  return await open(startProxy, teardown, { ...service, name: 'webdav', rules: FILES_RULES, ...more })
}

/** The same before anything is said of it to Countersign. */
export async function openWebdavScene(startProxy: StartProxy, more: More = {}): Promise<Scene> {
  const teardown = new Teardown()
  return await openScene(startProxy, teardown, { ...(await playWebdav(teardown)), ...more })
}

async function playWebdav(teardown: Teardown): Promise<Pick<Played, 'files' | 'service'>> {
  const files = join(await teardown.temporaryDirectory('webdav'), 'files')
  await mkdir(files)
  const webdav = await startWebdav(files)
  teardown.add(webdav.stop)
  return { files, service: forwardTo(webdav.port) }
}

/** A git server, `forge`, with one empty repository `/project.git`. */
export async function openGitStage(startProxy: StartProxy): Promise<Stage> {
  const teardown = new Teardown()
  const files = await teardown.temporaryDirectory('git')
  await run(['git', 'init', '--bare', '--initial-branch=main', join(files, 'project.git')], { env: { HOME: files } })
  return await open(startProxy, teardown, { files, service: gitBackend(files), name: 'forge', rules: REPOSITORY_RULES })
}

/** What Countersign wants to be shown by its proxy, and what the proxy shows. */
export type ProxySecret = { readonly wanted: string; readonly shown: string }

/** A service, and where it keeps its files. */
export type Played = Partial<ProxySecret> & {
  readonly files: string
  readonly service: Service
  /** Of a PostgreSQL: two servers are on it, one that is spoken to, and one that the proxy asks. */
  readonly databaseUrl?: string | undefined
}

type Play = Played & { readonly name: string; readonly rules: readonly { require: { scopes: string[] } }[] }

async function open(startProxy: StartProxy, teardown: Teardown, play: Play): Promise<Stage> {
  const scene = await openScene(startProxy, teardown, play)
  try {
    return await withCanister(scene, play)
  } catch (failure) {
    await teardown.run()
    throw failure
  }
}

/** Starts everything. What `teardown` holds already is undone with it. */
export async function openScene(startProxy: StartProxy, teardown: Teardown, played: Played): Promise<Scene> {
  try {
    return await build(startProxy, teardown, played)
  } catch (failure) {
    await teardown.run()
    throw failure
  }
}

async function build(startProxy: StartProxy, teardown: Teardown, played: Played): Promise<Scene> {
  const environment = played.wanted === undefined ? {} : { COUNTERSIGN_PROXY_SECRET: played.wanted }
  const { server, verifier } = await startServers(teardown, environment, played.databaseUrl)
  const recorder = startRecorder(played.service)
  teardown.add(recorder.stop)
  const port = freePort()
  const directory = await teardown.temporaryDirectory('proxy')
  const proxy = await startProxy({
    port,
    verifyAddress: verifier.address,
    upstreamPort: recorder.port,
    directory,
    ...(played.shown !== undefined && { proxySecret: played.shown }),
  })
  teardown.add(proxy.stop)

  const host = `localhost:${port}`
  const revoke = async ({ id }: { readonly id: string }) => {
    const answer = await server.call('POST', `/credentials/${id}/revoke`, { reason: 'leaked' })
    if (answer.status !== 200) throw new Error(`revoke: ${answer.status} ${JSON.stringify(answer.body)}`)
  }
  const { files } = played
  const close = () => teardown.run()
  return { server, verifier, proxy, recorder, port, host, url: `http://${host}`, files, revoke, close }
}

async function startServers(
  teardown: Teardown,
  environment: Readonly<Record<string, string>>,
  databaseUrl: string | undefined,
): Promise<Pick<Scene, 'server' | 'verifier'>> {
  const start = async (more: Readonly<Record<string, string>>) => {
    const server = await startCountersign(await teardown.temporaryDirectory('data'), { ...environment, ...more })
    teardown.add(server.stop)
    return server
  }
  if (databaseUrl === undefined) {
    const server = await start({})
    return { server, verifier: server }
  }
  const kek = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')
  const shared = { COUNTERSIGN_DATABASE_URL: databaseUrl, COUNTERSIGN_KEK: kek }
  const server = await start({ ...shared, COUNTERSIGN_NODE_NAME: 'auth-1' })
  const verifier = await start({
    ...shared,
    COUNTERSIGN_NODE_NAME: 'auth-2',
    COUNTERSIGN_PUBLIC_URL: server.url,
    COUNTERSIGN_BOOTSTRAP_KEY: server.bootstrapKey,
  })
  return { server, verifier }
}

async function withCanister(scene: Scene, { name, rules }: Play): Promise<Stage> {
  const { server, host } = scene
  const scopes = [...new Set(rules.flatMap((rule) => rule.require.scopes))]
  const identifier = `https://${name}.example.com`
  await server.make('/resources', { name, identifier, hosts: [host], scopes, rules })
  await server.make('/clients', { id: 'canister', name: 'Canister' })
  await server.make('/permissions', { client: 'canister', resource: name, scopes, roles: [] })

  const newKey = async (scopes?: readonly string[], networks?: readonly string[]) => {
    const name = scopes === undefined ? 'laptop' : 'reader'
    const made = await server.make('/clients/canister/keys', { name, scopes, networks })
    return { id: String(made.id), secret: String(made.key) }
  }
  return { ...scene, newKey }
}
