import { decide, formatAddress, type Listener } from '@countersign/resource-server'
import type pino from 'pino'
import type { AdminDeps } from './admin/deps.ts'
import { managementApi } from './admin/routes.ts'
import { type AdminKey, issueAdminKey, needsFirstAdminKey } from './admin-key.ts'
import { accessTokenKind } from './authentication/access-token.ts'
import { assertionKind } from './authentication/assertion.ts'
import { bootstrapKind } from './authentication/bootstrap.ts'
import type { StandingDeps } from './authentication/external-standing.ts'
import { ExternalTokens } from './authentication/external-tokens.ts'
import { foreignKind } from './authentication/foreign.ts'
import { anyIssuedKind, issuedKind } from './authentication/issued.ts'
import { KnownCredentials } from './authentication/known-credentials.ts'
import { knownTokenKind } from './authentication/known-tokens.ts'
import { type CredentialKind, recogniseBy } from './authentication/resolver.ts'
import { storedCredentials } from './authentication/stored.ts'
import { UnknownDigests } from './authentication/unknown-digests.ts'
import { type Config, hostnameOf, hostOf } from './config.ts'
import { Directory } from './directory/directory.ts'
import { Follower } from './directory/follow.ts'
import { HolderRevocations } from './domain/holder-revocations.ts'
import { managementResource } from './domain/management.ts'
import { protectApi } from './http/api.ts'
import { callerAddress } from './http/caller-address.ts'
import type { Handler } from './http/guard.ts'
import { guardedFetch } from './http/guarded-fetch.ts'
import type { Routes } from './http/listen.ts'
import { forLocalPeers } from './http/local-peers.ts'
import { notFound } from './http/not-found.ts'
import { noteOAuthRefusal } from './http/oauth-refusals.ts'
import { oauthRoutes } from './http/oauth-routes.ts'
import { publicDocument } from './http/public-document.ts'
import { resourceMetadata } from './http/resource-metadata.ts'
import { checkKek, loadKek } from './keys/kek-file.ts'
import { KeyRing } from './keys/key-ring.ts'
import { passwordHasher } from './keys/password.ts'
import { maintainSigningKeys } from './keys/rotation.ts'
import { sealWith } from './keys/seal.ts'
import { ensureSigningKey } from './keys/signing-key.ts'
import { makeLog, oncePerSecond } from './logging.ts'
import { WITHIN_DAYS } from './metrics/credential-gauges.ts'
import { Metrics } from './metrics/metrics.ts'
import type { OAuthDeps } from './oauth/deps.ts'
import { JWKS_PATH } from './oauth/metadata.ts'
import { signatureDeps } from './oauth/private-key-jwt.ts'
import { FailureThrottle } from './oauth/throttle.ts'
import { trimChangeLog } from './store/change-log.ts'
import { cleanUp, forgottenBefore } from './store/clean-up.ts'
import { countCredentials } from './store/credential-counts.ts'
import { credentialFinder, findCredential, writeLastUses } from './store/credentials.ts'
import { findDecision, insertDecisions, listDecisions, trimDecisions } from './store/decisions.ts'
import { openDecisions, openStore } from './store/open.ts'
import { change } from './store/store.ts'
import { DecisionLog } from './verify/decision-log.ts'
import { type EdgeDeps, verifyEdge } from './verify/edge.ts'
import { explain } from './verify/explain.ts'
import { Identities } from './verify/identity.ts'
import { Proxies } from './verify/proxies.ts'
import type { VerifyDeps } from './verify/verify.ts'

/** What a process gives the app, and a test replaces: time, chance and where log lines go. */
export type AppIo = {
  readonly clock: () => Date
  readonly monotonicMs: () => number
  readonly random: (length: number) => Uint8Array
  readonly log: { write(line: string): void }
}

export type App = {
  readonly publicRoutes: Routes
  /** Undefined: there is no internal listener. */
  readonly internalRoutes: Routes | undefined
  readonly edge: EdgeDeps
  readonly log: pino.Logger
  /** Makes the key of the first run, when the listeners stand; undefined: there is another way in. */
  issueFirstAdminKey(keep: (key: string) => void): Promise<AdminKey | undefined>
  /** Starts what runs beside requests: following the revision, writing records, trimming. */
  start(): void
  /** Writes the records, counts and last uses that wait. */
  flush(): Promise<void>
  close(): Promise<void>
}

const KNOWN_PER_GENERATION = 65_536
const MAX_UNKNOWN = 100_000
const RECORDS_MS = 200
/** Counts and last uses cost a row for each key in use, so they are written seldom. */
const COUNTS_MS = 10_000
const TRIM_MS = 600_000
const CLEAN_UP_MS = 10_000
const KEYS_MS = 60_000

/** The only composition root: everything that the server is made of is made and joined here. */
export async function composeApp(config: Config, io: AppIo): Promise<App> {
  const { clock, random, monotonicMs } = io
  const log = makeLog(config.logLevel, io.log)
  const sha256Hex = (text: string) => Bun.SHA256.hash(text, 'hex')
  const sha256 = (text: string) => {
    const digest = new Uint8Array(32)
    Bun.SHA256.hash(text, digest)
    return digest
  }

  const kek = config.kek ?? loadKek(config.dataDir, random)
  const store = await openStore(config.dataDir, clock, random, config.databaseUrl)
  const seal = sealWith(kek, random)
  await checkKek(store, seal)
  await ensureSigningKey(store, seal)
  const decisionsDb = await openDecisions(config.dataDir)

  const management = managementResource(config.publicUrl)
  const directory = new Directory(management)
  const known = new KnownCredentials(KNOWN_PER_GENERATION)
  const unknown = new UnknownDigests(monotonicMs, MAX_UNKNOWN)
  const forget = (ids: readonly string[] | undefined) => {
    known.forget(ids)
    if (ids === undefined || ids.length > 0) unknown.clear()
  }
  const onFollowError = (error: unknown) => log.error({ err: error }, 'the revision could not be confirmed')
  const follower = new Follower(directory, store, monotonicMs, forget, onFollowError)
  await follower.confirm()

  const find = storedCredentials({
    directory,
    known,
    unknown,
    findByDigest: credentialFinder(store.reader),
    reach: (revision) => follower.reach(revision),
  })
  const keys = new KeyRing(() => directory.signingKeys(), seal)
  // Opened now, so that one which does not open stops the start and not the first answer.
  void keys.publicKeys
  const standing: StandingDeps = { directory, clock, sha256Hex, groupMappings: config.groupMappings }
  const fetch = guardedFetch({ networks: config.egressNetworks })
  const externalTokens = new ExternalTokens({ ...standing, ...io, known, log, fetch })
  const otherKinds: CredentialKind[] = [
    knownTokenKind({ known, directory, sha256Hex }),
    accessTokenKind({
      ...{ issuer: config.publicUrl, keys, known, sha256Hex },
      revision: () => directory.revision,
      confirm: () => follower.confirm(),
    }),
    ...(config.bootstrapKey === undefined ? [] : [bootstrapKind(sha256(config.bootstrapKey), sha256)]),
    externalTokens,
    assertionKind,
    foreignKind({ directory, seal, sha256Hex, find }),
  ]

  const verify: VerifyDeps = {
    directory,
    isConfirmed: () => follower.isConfirmed(),
    confirm: () => follower.confirm(),
    recognise: recogniseBy([issuedKind(sha256Hex, find), ...otherKinds]),
    decide,
    identities: new Identities({ keys, issuer: config.publicUrl, issuerHost: hostnameOf(config.publicUrl), sha256Hex }),
  }
  const decisions = new DecisionLog(
    {
      insert: (records, counts) => insertDecisions(decisionsDb, records, counts),
      find: (id) => findDecision(decisionsDb, id),
      list: (filter) => listDecisions(decisionsDb, filter),
      writeLastUses: (uses) => writeLastUses(store, uses),
    },
    random,
    () => directory.foreignPrefixes(),
  )
  const edge: EdgeDeps = {
    verify,
    decisions,
    clock,
    proxies: new Proxies({
      networks: config.trustedProxies,
      secretDigest: config.proxySecret === undefined ? undefined : sha256(config.proxySecret),
      sha256,
    }),
    onError: (error, decision) => log.error({ err: error, decision }, 'a decision could not be taken'),
    onUntrustedProxy: oncePerSecond(clock, (peer, because) =>
      log.warn({ peer, because, option: 'COUNTERSIGN_TRUSTED_PROXIES' }, 'somebody who may not asked for a decision'),
    ),
  }

  /** Runs one change, and returns when this node's next decision is taken by it. */
  const changeHere: AdminDeps['change'] = async (actor, work) => {
    const { result, revision } = await change(store, actor, work)
    await follower.reach(revision)
    return result
  }
  const recogniseAny = recogniseBy([anyIssuedKind(sha256Hex, find), ...otherKinds])
  const revocations = new HolderRevocations(monotonicMs)
  const adminDeps: AdminDeps = {
    store,
    directory,
    decisions,
    sha256Hex,
    publicUrl: config.publicUrl,
    ...{ issuerFileDirs: config.issuerFileDirs, groupMappings: config.groupMappings },
    seal,
    recogniseLeaked: recogniseAny,
    revocations,
    maxKeyTtlDays: config.maxKeyTtlDays,
    patTtlDays: config.patTtlDays,
    maxPatTtlDays: config.maxPatTtlDays,
    patCreation: config.patCreation,
    patByPat: config.patByPat,
    hashPassword: passwordHasher(),
    hasBootstrapKey: config.bootstrapKey !== undefined,
    change: changeHere,
    explain: (request) =>
      explain(request, {
        verify,
        clock,
        findCredential: (id) => findCredential(store.reader, id),
        managementHost: hostOf(config.publicUrl),
      }),
  }
  const api = managementApi(adminDeps, (error) => log.error({ err: error }, 'a management call failed'))

  const maintainKeys = () =>
    maintainSigningKeys({ store, seal, change: changeHere, rotationDays: config.signingKeyRotationDays })
  // What fell due while nobody ran.
  await maintainKeys()

  const oauth: OAuthDeps = {
    issuer: config.publicUrl,
    ...{ directory, store, keys, random, sha256Hex, find, clock },
    recognise: verify.recognise,
    recogniseAny,
    change: changeHere,
    known: (digest) => known.get(digest),
    throttle: new FailureThrottle(monotonicMs),
    revocations,
    ...{ externalTokens, standing },
    ...signatureDeps({ ...io, log, fetch }),
    isConfirmed: verify.isConfirmed,
    confirm: verify.confirm,
    addressOf: (headers, peer) => callerAddress(headers, peer, edge.proxies),
    noteRefusal: (denied, asked, known, at) => noteOAuthRefusal(denied, asked, known, { decisions, directory }, at),
    noteUse: (used, asked) =>
      decisions.noteUse(used, asked.now, () => {
        const address = asked.clientAddress()
        return address === undefined ? null : formatAddress(address)
      }),
    onError: (error) => log.error({ err: error }, 'an OAuth request failed'),
  }
  const json = (value: unknown, status = 200): Response =>
    Response.json(value, { status, headers: { 'Cache-Control': 'no-store' } })
  const health: Record<string, Handler> = {
    '/healthz': () => json({ status: 'ok' }),
    '/readyz': () => (follower.isConfirmed() ? json({ status: 'ready' }) : json({ status: 'behind' }, 503)),
    [JWKS_PATH]: publicDocument(() => ({ keys: keys.publicKeys }), 60),
  }
  const verifyRoutes = (listener: Listener): Record<string, Handler> => ({
    '/verify/forward': verifyEdge('forward', listener, edge),
    '/api/verify': verifyEdge('forward', listener, edge),
    '/verify/nginx': verifyEdge('nginx', listener, edge),
  })
  const serveApi = protectApi((request, authorized) => api.fetch(request, { authorized }), {
    ...edge,
    management,
    managementHost: hostOf(config.publicUrl),
  })
  const elsewhere = resourceMetadata(
    { directory, issuer: config.publicUrl, issuerHost: hostOf(config.publicUrl), proxies: edge.proxies },
    notFound,
  )
  const isApi = (request: Request) => /^https?:\/\/[^/]+\/api\/v1(\/|$|\?)/.test(request.url)

  const metrics = new Metrics({
    count: () => countCredentials(store.reader, clock(), WITHIN_DAYS, () => new Promise(setImmediate)),
    clock,
    monotonicMs,
    onError: (error) => log.error({ err: error }, 'credentials could not be counted'),
  })
  const showMetrics: Handler = (request, peer) =>
    /^(GET|HEAD)$/.test(request.method) ? metrics.answer() : notFound(request, peer)

  // Where others reach this listener there is a proxy secret, and who shows it may ask; else this machine alone may.
  const forWhoMayAsk = (show: Handler): Handler =>
    config.proxySecret === undefined
      ? forLocalPeers(show, notFound)
      : (request, peer) => (edge.proxies.refused(peer, request.headers) ? notFound : show)(request, peer)

  const timers: ReturnType<typeof setInterval>[] = []
  const every = (intervalMs: number, work: () => Promise<void>) => {
    const report = (error: unknown) => log.error({ err: error }, 'background work failed')
    const timer = setInterval(() => void work().catch(report), intervalMs)
    timer.unref()
    timers.push(timer)
  }

  return {
    publicRoutes: {
      exact: {
        ...health,
        ...oauthRoutes('public', config.tokenListener === 'any', oauth),
        ...(config.internalListen === undefined && {
          ...verifyRoutes('public'),
          '/metrics': forWhoMayAsk(showMetrics),
        }),
      },
      fallback: (request, peer) => (isApi(request) ? serveApi(request, peer) : elsewhere(request, peer)),
      forProxies: config.internalListen === undefined,
    },
    internalRoutes:
      config.internalListen === undefined
        ? undefined
        : {
            exact: {
              ...health,
              ...oauthRoutes('internal', true, oauth),
              ...verifyRoutes('internal'),
              '/metrics': showMetrics,
            },
            fallback: elsewhere,
            forProxies: true,
          },
    edge,
    log,
    async issueFirstAdminKey(keep) {
      const isNeeded = config.bootstrapKey === undefined && (await needsFirstAdminKey(store))
      return isNeeded ? issueAdminKey(store, sha256Hex, keep) : undefined
    },
    start() {
      follower.start()
      every(RECORDS_MS, () => decisions.flushRecords())
      every(COUNTS_MS, () => decisions.flush())
      every(CLEAN_UP_MS, async () => {
        await cleanUp(store, () => new Promise(setImmediate))
        directory.forgetEndedLines(forgottenBefore(clock()))
      })
      every(KEYS_MS, maintainKeys)
      every(TRIM_MS, async () => {
        await trimChangeLog(store)
        await trimDecisions(decisionsDb, clock(), {
          seconds: config.decisionRetentionDays * 86_400,
          maxBytes: config.decisionMaxMib * 1024 * 1024,
        })
      })
    },
    flush: () => decisions.flush(),
    async close() {
      follower.stop()
      for (const timer of timers) clearInterval(timer)
      await decisions.flush()
      await decisionsDb.destroy()
      await store.close()
    },
  }
}
