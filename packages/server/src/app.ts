import { formatAddress } from '@countersign/resource-server'
import type pino from 'pino'
import type { AdminDeps, Authorized } from './admin/deps.ts'
import { managementApi } from './admin/routes.ts'
import { type AdminKey, issueAdminKey, needsFirstAdminKey } from './admin-key.ts'
import { Background } from './app/background.ts'
import { type Following, follow } from './app/following.ts'
import { type AppIo, sha256Hex } from './app/io.ts'
import { type Operating, operating, storeErrorsIn } from './app/operating.ts'
import { routing } from './app/routing.ts'
import { standbyWatch } from './app/standbys.ts'
import { type Verifying, verifying } from './app/verifying.ts'
import { requireWhole } from './backup/back-up.ts'
import { type Config, hostOf, secretsOf } from './config.ts'
import { Tally } from './counting/tally.ts'
import { HolderRevocations } from './domain/holder-revocations.ts'
import { managementResource } from './domain/management.ts'
import { protectApi } from './http/api.ts'
import { callerAddress } from './http/caller-address.ts'
import { guardedFetch } from './http/guarded-fetch.ts'
import { type CallAsHost, hostApi } from './http/host-api.ts'
import type { Routes } from './http/listen.ts'
import { noteOAuthRefusal } from './http/oauth-refusals.ts'
import { publicDocument } from './http/public-document.ts'
import type { Readiness } from './http/readiness.ts'
import { RequestIds } from './http/request-ids.ts'
import { checkKek, loadKek } from './keys/kek-file.ts'
import { KeyRing } from './keys/key-ring.ts'
import { passwordHasher } from './keys/password.ts'
import { maintainSigningKeys } from './keys/rotation.ts'
import { type Seal, sealWith } from './keys/seal.ts'
import { ensureSigningKey } from './keys/signing-key.ts'
import { makeLog } from './logging.ts'
import type { OAuthDeps } from './oauth/deps.ts'
import { JWKS_PATH } from './oauth/metadata.ts'
import { signatureDeps } from './oauth/private-key-jwt.ts'
import { FailureThrottle } from './oauth/throttle.ts'
import { trimChangeLog } from './store/change-log.ts'
import { cleanUp, forgottenBefore } from './store/clean-up.ts'
import { findCredential, writeLastUses } from './store/credentials.ts'
import { type DecisionsDb, findDecision, insertDecisions, listDecisions, trimDecisions } from './store/decisions.ts'
import { openDecisions, openStore } from './store/open.ts'
import type { Store } from './store/store.ts'
import { DecisionLog } from './verify/decision-log.ts'
import type { EdgeDeps } from './verify/edge.ts'
import { explain } from './verify/explain.ts'

export type { AppIo } from './app/io.ts'

export type App = {
  readonly publicRoutes: Routes
  /** Undefined: there is no internal listener. */
  readonly internalRoutes: Routes | undefined
  readonly edge: EdgeDeps
  readonly log: pino.Logger
  /** What keeps this node from being asked. */
  readonly readiness: Readiness
  /** Calls the management API as whoever runs this process. Security: no listener may ever be given this. */
  readonly callAsHost: CallAsHost
  /** Makes the key of the first run, when the listeners stand; undefined: there is another way in. */
  issueFirstAdminKey(keep: (key: string) => void): Promise<AdminKey | undefined>
  /** Starts what runs beside requests: following the revision, writing records, trimming. */
  start(): void
  /** Writes the records, counts and last uses that wait. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** How often the other nodes are told how far this one is, when it does not move. */
const REPORT_MS = 2000
const RECORDS_MS = 200
/** Counts and last uses cost a row for each key in use, so they are written seldom. */
const COUNTS_MS = 10_000
const TRIM_MS = 600_000
const CLEAN_UP_MS = 10_000
const KEYS_MS = 60_000
const LEARN_MS = 10_000
const STANDBYS_MS = 3_600_000

/** The only composition root: everything that the server is made of is made and joined here, its larger parts in `app/`. */
export async function composeApp(config: Config, io: AppIo): Promise<App> {
  const { clock } = io
  const [logged, storeErrors] = [new Tally(), new Tally()]
  const requestIds = new RequestIds(clock(), io.random)
  let foreignPrefixes: () => readonly string[] = () => []
  const log = makeLog(config.logLevel, io.log, {
    logged,
    requestId: () => requestIds.current(),
    secrets: { known: secretsOf(config), foreignPrefixes: () => foreignPrefixes() },
  })
  const kek = config.kek ?? loadKek(config.dataDir, io.random)
  const store = await openStore(config.dataDir, clock, io.random, config.databaseUrl, storeErrorsIn(storeErrors))
  await requireWhole(store.reader)
  const seal = sealWith(kek, io.random)
  await checkKek(store, seal)
  await ensureSigningKey(store, seal)
  const decisionsDb = await openDecisions(config.dataDir, config.databaseUrl)

  const following = await follow(store, managementResource(config.publicUrl), config, io, log)
  const { directory, follower, nodes } = following
  foreignPrefixes = () => directory.foreignPrefixes()
  const keys = new KeyRing(() => directory.signingKeys(), seal)
  // Opened now, so that one which does not open stops the start and not the first answer.
  void keys.publicKeys
  const fetch = guardedFetch({ networks: config.egressNetworks })
  const decisions = new DecisionLog(
    {
      insert: (records, counts) => insertDecisions(decisionsDb, records, counts),
      async find(id) {
        const found = await findDecision(decisionsDb, id)
        if (found !== undefined || store.shared === undefined) return found
        // Another node may have decided it just now: its records are written a few times a second.
        await new Promise((resolve) => setTimeout(resolve, 2 * RECORDS_MS))
        return findDecision(decisionsDb, id)
      },
      list: (filter) => listDecisions(decisionsDb, filter),
      writeLastUses: (uses) => writeLastUses(store, uses),
    },
    io.random,
    () => directory.foreignPrefixes(),
  )
  const verified = verifying({ config, io, log, following, keys, seal, fetch, decisions })
  const { edge } = verified

  const operated = operating({ config, io, log, logged, store, storeErrors, following, verified, decisions })
  const parts: Parts = {
    config,
    io,
    log,
    store,
    seal,
    keys,
    fetch,
    decisions,
    following,
    verified,
    operated,
    requestIds,
  }
  const revocations = new HolderRevocations(io.monotonicMs)
  const management = managementApi(adminDeps(parts, revocations), (error) =>
    log.error({ err: error }, 'a management call failed'),
  )
  const maintainKeys = () =>
    maintainSigningKeys({ store, seal, change: following.change, rotationDays: config.signingKeyRotationDays })
  // What fell due while nobody ran.
  await maintainKeys()

  const serveApi = (request: Request, authorized: Authorized | undefined) => management.fetch(request, { authorized })
  const routes = routing({
    ...{ config, edge, requestIds },
    everywhere: { ...operated.everywhere, [JWKS_PATH]: publicDocument(() => ({ keys: keys.publicKeys }), 60) },
    oauth: oauthDeps(parts, revocations),
    api: protectApi(serveApi, {
      ...edge,
      management: directory.management,
      managementHost: hostOf(config.publicUrl),
    }),
    metrics: operated.metrics,
  })
  let announcements: { stop(): Promise<void> } | undefined
  const background = new Background((error) => log.error({ err: error }, 'background work failed'))

  return {
    ...routes,
    ...{ edge, log, readiness: operated.readiness },
    callAsHost: hostApi(serveApi, edge),
    async issueFirstAdminKey(keep) {
      const isNeeded = config.bootstrapKey === undefined && (await needsFirstAdminKey(store))
      return isNeeded ? issueAdminKey(store, sha256Hex, keep) : undefined
    },
    start() {
      follower.start()
      void nodes.report()
      background.every(REPORT_MS, () => nodes.report())
      announcements = store.shared?.listen(following.wake)
      operated.start(background)
      background.every(RECORDS_MS, () => decisions.flushRecords())
      background.every(COUNTS_MS, () => decisions.flush())
      background.every(CLEAN_UP_MS, async () => {
        await cleanUp(store, () => new Promise(setImmediate))
        directory.forgetEndedLines(forgottenBefore(clock()))
        await nodes.forgetSilent()
      })
      background.every(KEYS_MS, maintainKeys)
      background.everyFromNow(LEARN_MS, following.learn)
      background.everyFromNow(STANDBYS_MS, standbyWatch(store, log))
      background.every(TRIM_MS, () => trim(store, decisionsDb, config))
    },
    flush: () => decisions.flush(),
    async close() {
      follower.stop()
      await announcements?.stop()
      background.stop()
      operated.stop()
      await nodes.leave()
      await decisions.flush()
      await decisionsDb.destroy()
      await store.close()
    },
  }
}

/** What the management API and the OAuth endpoints are joined from. */
type Parts = {
  readonly config: Config
  readonly io: AppIo
  readonly log: pino.Logger
  readonly store: Store
  readonly seal: Seal
  readonly keys: KeyRing
  readonly fetch: ReturnType<typeof guardedFetch>
  readonly decisions: DecisionLog
  readonly following: Following
  readonly verified: Verifying
  readonly operated: Operating
  readonly requestIds: RequestIds
}

function adminDeps(parts: Parts, revocations: HolderRevocations): AdminDeps {
  const { config, io, store, seal, decisions, following, verified, operated } = parts
  return {
    ...{ store, seal, decisions, sha256Hex, revocations },
    ...{ directory: following.directory, nodes: following.nodes },
    ...{ change: operated.change, counts: operated.management },
    publicUrl: config.publicUrl,
    ...{ issuerFileDirs: config.issuerFileDirs, groupMappings: config.groupMappings },
    ...{ maxKeyTtlDays: config.maxKeyTtlDays, patTtlDays: config.patTtlDays, maxPatTtlDays: config.maxPatTtlDays },
    ...{ patCreation: config.patCreation, patByPat: config.patByPat },
    recogniseLeaked: verified.recogniseAny,
    hashPassword: passwordHasher(),
    hasBootstrapKey: config.bootstrapKey !== undefined,
    explain: (request) =>
      explain(request, {
        ...{ verify: verified.edge.verify, clock: io.clock },
        findCredential: (id) => findCredential(store.reader, id),
        managementHost: hostOf(config.publicUrl),
      }),
  }
}

function oauthDeps(parts: Parts, revocations: HolderRevocations): OAuthDeps {
  const { config, io, log, store, keys, fetch, decisions, following, verified, operated, requestIds } = parts
  const { directory } = following
  const { verify, proxies } = verified.edge
  return {
    issuer: config.publicUrl,
    ...{ directory, store, keys, sha256Hex, revocations },
    ...{ random: io.random, clock: io.clock, monotonicMs: io.monotonicMs, find: following.find },
    ...{ change: operated.change, counts: operated.oauth },
    ...{ recognise: verify.recognise, isConfirmed: verify.isConfirmed, confirm: verify.confirm },
    ...{ recogniseAny: verified.recogniseAny, externalTokens: verified.externalTokens, standing: verified.standing },
    ...signatureDeps({ ...io, log, fetch }),
    known: (digest) => following.known.get(digest),
    expect: (digest) => following.ahead?.digests.addPassing(digest),
    throttle: new FailureThrottle(io.monotonicMs),
    addressOf: (headers, peer) => callerAddress(headers, peer, proxies),
    noteRefusal: (denied, asked, known, at) => noteOAuthRefusal(denied, asked, known, { decisions, directory }, at),
    tellRefused: operated.tellRefused,
    noteUse: (used, asked) =>
      decisions.noteUse(used, asked.now, () => {
        const address = asked.clientAddress()
        return address === undefined ? null : formatAddress(address)
      }),
    requestIdOf: (headers, peer) => requestIds.of(headers, peer, proxies),
    onError: (error, request_id) => log.error({ request_id, err: error }, 'an OAuth request failed'),
  }
}

async function trim(store: Store, decisions: DecisionsDb, config: Config): Promise<void> {
  await trimChangeLog(store)
  await trimDecisions(decisions, store.clock(), {
    seconds: config.decisionRetentionDays * 86_400,
    maxBytes: config.decisionMaxMib * 1024 * 1024,
  })
}
