// The options of protect(), and everything that is made of them once.

import type { ProtectFetch } from './introspection-client.ts'
import { parseName } from './names.ts'
import { type OwnStoreOptions, ownStore } from './own-store.ts'
import type { ProtectRecord } from './protect-answer.ts'
import {
  type CountersignDeps,
  type CountersignOptions,
  type CountersignSource,
  countersignSource,
} from './protect-countersign.ts'
import { ExternalSource } from './protect-external.ts'
import { Faults, type ProtectFault, tellAside } from './protect-faults.ts'
import {
  compileIssuers,
  JWKS_EXPECTED,
  listedIn,
  type ProtectIssuerOptions,
  reportMappings,
} from './protect-issuers.ts'
import { protectOptions } from './protect-option-shapes.ts'
import { isRoleHere, type OptionProblem, ProtectOptionsError, ROLE_FORM } from './protect-problems.ts'
import { Recognition } from './protect-recognise.ts'
import { compileResource, type ProtectResource, type ProtectResourceOptions, whyNotGiven } from './protect-resource.ts'
import type { RoleMappings } from './role-mapping.ts'
import { runtimeMonotonicMs, runtimeNow } from './runtime-clock.ts'
import { isSigned } from './signature.ts'
import { readStaticKeys, type StaticKeyOptions, StaticKeys } from './static-keys.ts'
import { Turns } from './turns.ts'

export type ProtectOptions = {
  /** What is protected. */
  readonly resource: ProtectResourceOptions
  /** Whose tokens are believed beside those of Countersign. */
  readonly issuers?: readonly ProtectIssuerOptions[]
  /** The roles that claims give, for every issuer that has no table of its own: `{ ADMIN: ['git-admins'] }`. */
  readonly roleMappings?: RoleMappings
  /** Where the claims list groups. Omitted: `groups`, `roles`, `realm_access.roles`. */
  readonly groupsClaims?: readonly string[]
  /** Countersign itself: what it issues. */
  readonly countersign?: CountersignOptions
  /** The keys that the application gives to its own users. */
  readonly store?: OwnStoreOptions
  /** Keys in the environment. */
  readonly staticKeys?: readonly StaticKeyOptions[]
  /**
   * What becomes of a request without a machine credential: `refuse` (the default), or `continue`, to the application's own
   * login. A credential that is bad is refused either way.
   */
  readonly absent?: 'refuse' | 'continue'
  /**
   * Told of each decision. Nobody waits for it, and if it fails the answer stays what it is: what has to be kept for sure is
   * kept by the application, before it does what was asked. `onFault` hears that it fails.
   */
  readonly onDecision?: (record: ProtectRecord) => void | Promise<void>
  /**
   * Told when a source of keys or of credentials begins to fail, and when that is over: of an outage two lines for the log,
   * however many are refused by it. Nobody waits for it either. Whether a source answers again shows when it is next asked.
   */
  readonly onFault?: (fault: ProtectFault) => void | Promise<void>
  /** Where static keys are read. Omitted: `process.env`, where there is one. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** What keys and Countersign are asked with. Omitted: the `fetch` of the runtime. */
  readonly fetch?: ProtectFetch
  /** SHA-256 in hexadecimal. Omitted: Web Crypto. One that answers at once saves known credentials a turn. */
  readonly sha256?: (text: string) => string | Promise<string>
  /** The clock, for tests. */
  readonly now?: () => Date
}

/** What a request is judged by. */
export type Protection = {
  readonly resource: ProtectResource
  readonly recognition: Recognition
  readonly statics: StaticKeys
  readonly absent: 'refuse' | 'continue'
  /** Never throws, and is never waited for. */
  readonly tellDecision: (record: () => ProtectRecord) => void
  readonly sha256: (text: string) => string | Promise<string>
  readonly now: () => Date
}

/** Prepares all of it, or throws `ProtectOptionsError` with every problem. Asks nobody for anything. */
export function compileProtection(options: ProtectOptions): Protection {
  const problems: OptionProblem[] = []
  const report = (problem: OptionProblem) => problems.push(problem)
  // What is of another type is told alone: nothing can be made of it, so nothing more can be said.
  const isReadable = protectOptions(options, '', (path, message) => report({ path, message }))
  if (!isReadable) throw new ProtectOptionsError(problems)
  const { issuers = [], store, staticKeys = [], absent = 'refuse', sha256 = webSha256, now = runtimeNow } = options
  const given = options.fetch ?? (globalThis.fetch as ProtectFetch)
  // Called bare: some runtimes refuse a `fetch` with another `this`.
  const fetch: ProtectFetch = (uri, init) => given(uri, init)
  const monotonicMs = options.now === undefined ? runtimeMonotonicMs : () => now().getTime()

  const faults = new Faults({ onFault: options.onFault, now, monotonicMs })
  const signatureChecks = new Turns()
  const check: typeof isSigned = (jwt, key, alg) => signatureChecks.take(() => isSigned(jwt, key, alg))

  reportMappings(options.roleMappings, (path, message) => report({ path, message }))
  const resource = compileResource(
    options.resource,
    issuers.map(({ name }) => name),
    report,
  )
  const { roleMappings, groupsClaims } = options
  const compiled = compileIssuers(issuers, {
    scopes: resource.scopes,
    roleMappings,
    groupsClaims,
    fetch,
    now,
    monotonicMs,
    faults,
    report,
  })
  const countersign =
    options.countersign && countersignOf(options, resource, { fetch, monotonicMs, check, faults, report })
  if (store !== undefined) reportStore(store, report)
  reportStaticKeys(staticKeys, resource, report)
  if (absent !== 'refuse' && absent !== 'continue')
    report({ path: 'absent', message: 'expected "refuse" or "continue"' })
  const sources = [issuers.length > 0, countersign, store, staticKeys.length > 0]
  if (!sources.some(Boolean) && !resource.rules.every(({ require }) => require.public)) {
    report({
      path: 'issuers',
      message: 'expected issuers, countersign, store or staticKeys: without any nobody is let in',
    })
  }

  const recognition = new Recognition({
    external: new ExternalSource(compiled, { resource, now, sha256, check }),
    countersign,
    own: store && { options: store, resolve: ownStore(store, resource, faults.of('store')) },
  })
  const env = options.env ?? runtimeEnvironment()
  const keys = readStaticKeys(staticKeys, env, (text) => recognition.whyOfOtherForm(text), report)
  if (problems.length > 0) throw new ProtectOptionsError(problems)
  const statics = new StaticKeys(keys, resource, sha256)
  const { onDecision } = options
  const noteUntold = faults.of('onDecision')
  const tellDecision = (record: () => ProtectRecord) => onDecision && tellAside(onDecision, record, noteUntold)
  return { resource, recognition, statics, absent, tellDecision, sha256, now }
}

function countersignOf(
  { countersign, issuers = [], now }: ProtectOptions,
  resource: ProtectResource,
  deps: Omit<CountersignDeps, 'resource' | 'now'> & { readonly report: (problem: OptionProblem) => void },
): CountersignSource | undefined {
  if (countersign === undefined) return undefined
  const { issuer, keys, introspection, cacheSeconds = 1 } = countersign
  const reportAt = (path: string, message: string) => deps.report({ path: `countersign.${path}`, message })
  if (typeof issuer !== 'string' || !/^https?:\/\/[!-~]+$/.test(issuer))
    reportAt('issuer', 'expected the public URL of Countersign')
  if (issuers.some((other) => other.issuer === issuer))
    reportAt('issuer', 'one of the issuers has the same iss: its tokens are of one of the two')
  if (keys !== undefined && listedIn(keys) === undefined) reportAt('keys', JWKS_EXPECTED)
  if (!(cacheSeconds >= 0 && cacheSeconds <= 5))
    reportAt('cacheSeconds', 'expected 0 to 5: so long a revocation stays unseen')
  const { clientId, clientSecret } = introspection ?? { clientId: 'none', clientSecret: 'none' }
  if (typeof clientId !== 'string' || clientId === '')
    reportAt('introspection.clientId', 'expected the id of an introspector')
  if (typeof clientSecret !== 'string' || clientSecret === '')
    reportAt('introspection.clientSecret', 'expected its secret')
  return countersignSource(countersign, { resource, now, ...deps })
}

function reportStore({ prefix, recognise }: OwnStoreOptions, report: (problem: OptionProblem) => void): void {
  if ((prefix === undefined) === (recognise === undefined)) {
    report({ path: 'store', message: 'expected either prefix or recognise: how its keys are told from others' })
  }
  if (prefix === undefined) return
  if (!/^[A-Za-z0-9._~-]{2,64}$/.test(prefix))
    report({ path: 'store.prefix', message: 'expected at least 2 of A-Z, a-z, 0-9 and . _ ~ -' })
  if (prefix.startsWith('cs_') || 'cs_'.startsWith(prefix)) {
    report({ path: 'store.prefix', message: 'expected another one: cs_ is what credentials of Countersign begin with' })
  }
}

function reportStaticKeys(
  all: readonly StaticKeyOptions[],
  { scopes: declared }: ProtectResource,
  report: (problem: OptionProblem) => void,
): void {
  for (const [at, { fromEnv, principal, roles = [], scopes = [] }] of all.entries()) {
    const reportAt = (path: string, message: string) => report({ path: `staticKeys[${at}].${path}`, message })
    if (typeof fromEnv !== 'string' || fromEnv === '') reportAt('fromEnv', 'expected the name of a variable')
    if (all.findIndex((other) => other.fromEnv === fromEnv) < at) reportAt('fromEnv', `${fromEnv} is named twice`)
    if (principal?.kind !== 'client' || typeof principal.id !== 'string' || parseName(principal.id) === undefined) {
      reportAt('principal', 'expected a client: { kind: "client", id: "nightly" }')
    }
    if (roles.length === 0 && scopes.length === 0)
      reportAt('roles', 'expected at least one role or scope: else it opens nothing')
    const wrong = roles.find((role) => !isRoleHere(role))
    if (wrong !== undefined) reportAt('roles', `"${wrong}" is not a role name: ${ROLE_FORM}`)
    const ungiven = whyNotGiven(scopes, declared)
    if (ungiven !== undefined) reportAt('scopes', ungiven)
  }
}

async function webSha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function runtimeEnvironment(): NonNullable<ProtectOptions['env']> {
  const runtime = globalThis as { readonly process?: { readonly env?: NonNullable<ProtectOptions['env']> } }
  return runtime.process?.env ?? {}
}
