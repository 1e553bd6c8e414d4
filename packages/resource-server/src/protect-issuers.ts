// The external issuers of protect(), as they are written, and what cannot stand in them.

import { discoveredKeys } from './discovery.ts'
import { inlineKeys } from './inline-keys.ts'
import {
  DEFAULT_MAX_LIFETIME_SECONDS,
  DEFAULT_TOLERANCE_SECONDS,
  TOKEN_PROFILES,
  type TokenPolicy,
  type TokenProfile,
} from './issuer.ts'
import { VERIFICATION_ALGORITHMS, type VerificationKeys } from './jwk-set.ts'
import { isShared, platformOfIssuer } from './known-issuers.ts'
import { isReservedName, parseName } from './names.ts'
import type { GivingRule, ProtectIssuer } from './protect-external.ts'
import type { Faults } from './protect-faults.ts'
import { isRoleHere, type OptionProblem, ROLE_FORM } from './protect-problems.ts'
import { whyNotGiven } from './protect-resource.ts'
import { readKeys } from './read-keys.ts'
import { type KeyFetch, remoteKeys } from './remote-keys.ts'
import { DEFAULT_GROUPS_CLAIMS, type RoleMappings } from './role-mapping.ts'
import { checkTrustRule } from './trust-lint.ts'
import { compileTrustRules, TRUST_MODES, type TrustRule } from './trust-rule.ts'

export type ProtectTrustRule = Pick<TrustRule, 'name' | 'match'> & {
  /** Omitted: `enforce`. */
  readonly mode?: TrustRule['mode']
  /** From then on it trusts nobody. Omitted: never. */
  readonly expiresAt?: Date | null
  /** What whoever fits may do, beside the roles that the claims map to. */
  readonly roles?: readonly string[]
  readonly scopes?: readonly string[]
  /** The client that whoever fits stands for. Omitted: for itself, as a workload. */
  readonly as?: { readonly client: string }
}

export type ProtectIssuerOptions = {
  /** What it is called here; no two issuers share it. */
  readonly name: string
  /** Its `iss`, byte for byte. */
  readonly issuer: string
  /** What it signs with, asymmetric. Omitted: RS256 and ES256. */
  readonly algorithms?: readonly string[]
  /** Omitted: `plain`. */
  readonly profile?: TokenProfile
  /** Its keys: pinned here. Without any of the three they are found by its discovery document. */
  readonly jwks?: unknown
  /** Its keys: where it publishes them. */
  readonly jwksUri?: string
  /** Its keys: reads the key set, as parsed JSON, from a file or the like; asked again every few seconds. */
  readonly readKeys?: () => Promise<unknown>
  /** The longest life of a token that is believed. Omitted: a day. */
  readonly maxLifetimeSeconds?: number
  /** How far its clock may be off. Omitted: 60. */
  readonly toleranceSeconds?: number
  /** Clients whose tokens are believed. Omitted: all. */
  readonly allowedClients?: readonly string[] | null
  /** Whether its tokens have to be those of Kubernetes ServiceAccounts. */
  readonly kubernetes?: boolean
  /** In place of those of all issuers; `{}`: its claims give no role, as they should not where its groups are a partner's. */
  readonly roleMappings?: RoleMappings
  readonly groupsClaims?: readonly string[]
  /** Whose tokens are believed. Omitted: of whoever has a mapped role. */
  readonly trust?: readonly ProtectTrustRule[]
}

export type IssuersDeps = {
  readonly scopes: readonly string[] | undefined
  readonly roleMappings: RoleMappings | undefined
  readonly groupsClaims: readonly string[] | undefined
  readonly fetch: KeyFetch
  readonly now: () => Date
  readonly monotonicMs: () => number
  readonly faults: Faults
  readonly report: (problem: OptionProblem) => void
}

type Report = (path: string, message: string) => void

export const JWKS_EXPECTED = 'expected a JWK Set with at least one key: { keys: [...] }'
const DEFAULT_ALGORITHMS = ['RS256', 'ES256']
const ALGORITHMS = Object.keys(VERIFICATION_ALGORITHMS)
const HTTP_URL = /^(https:\/\/[!-~]+|http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?(\/[!-~]*)?)$/

/** Prepares the issuers; what cannot stand in them is reported, and none is to be used then. */
export function compileIssuers(all: readonly ProtectIssuerOptions[], deps: IssuersDeps): readonly ProtectIssuer[] {
  const compiled = all.map((options, at) =>
    compileIssuer(options, deps, (path, message) => deps.report({ path: `issuers[${at}].${path}`, message })),
  )
  for (const [at, { name, issuer }] of all.entries()) {
    const report: Report = (path, message) => deps.report({ path: `issuers[${at}].${path}`, message })
    const before = all.slice(0, at)
    if (before.some((other) => other.name === name)) report('name', `another issuer is called ${name}`)
    const twin = before.find((other) => other.issuer !== issuer && bare(other.issuer) === bare(issuer))
    if (twin !== undefined) report('issuer', `differs from that of ${twin.name} by a slash at its end alone`)
    const namesake = before.find((other) => other.issuer === issuer)
    if (namesake !== undefined) reportUntold(namesake, all[at] as ProtectIssuerOptions, report)
  }
  return compiled
}

function compileIssuer(options: ProtectIssuerOptions, deps: IssuersDeps, report: Report): ProtectIssuer {
  const policy = policyOf(options, report)
  const mapping = {
    mappings: options.roleMappings ?? deps.roleMappings ?? {},
    groupsClaims: options.groupsClaims ?? deps.groupsClaims ?? DEFAULT_GROUPS_CLAIMS,
  }
  reportMappings(options.roleMappings, report)
  const { trust } = options
  const rules = trust?.map((rule, at) =>
    compileRule(rule, policy, deps.scopes, (path, message) => report(`trust[${at}].${path}`, message)),
  )
  if (rules?.length === 0) report('trust', 'expected at least one rule; without any it would trust nobody')
  const names = rules?.map(({ name }) => name) ?? []
  for (const name of new Set(names.filter((one, at) => names.indexOf(one) !== at)))
    report('trust', `two rules are called ${name}`)

  const givesByRule = rules?.some(({ roles, scopes }) => roles.length > 0 || scopes.length > 0) ?? false
  if (!givesByRule && Object.keys(mapping.mappings).length === 0) {
    report('trust', 'nothing gives its tokens a role or a scope: expected trust rules that do, or roleMappings')
  }
  const platform = typeof options.issuer === 'string' ? platformOfIssuer(options.issuer) : undefined
  if (trust === undefined && platform !== undefined && isShared(platform, options.issuer)) {
    report('trust', `${platform.title} signs for everybody: expected trust rules that say whose tokens are yours`)
  }
  return { policy, keys: keysOf(options, policy, deps, report), rules: rules && compileTrustRules(rules), mapping }
}

function policyOf(options: ProtectIssuerOptions, report: Report): TokenPolicy {
  const {
    name,
    issuer,
    algorithms = DEFAULT_ALGORITHMS,
    profile = 'plain',
    allowedClients = null,
    kubernetes = false,
  } = options
  const { maxLifetimeSeconds = DEFAULT_MAX_LIFETIME_SECONDS, toleranceSeconds = DEFAULT_TOLERANCE_SECONDS } = options
  if (typeof name !== 'string' || parseName(name) === undefined || isReservedName(name)) {
    report('name', 'expected a-z, 0-9 and . _ @ -, first a letter or digit, at most 63 characters, no reserved name')
  }
  if (typeof issuer !== 'string' || issuer === '') report('issuer', 'expected the iss of its tokens, byte for byte')
  if (algorithms.length === 0) report('algorithms', `expected at least one of ${ALGORITHMS.join(', ')}`)
  for (const alg of algorithms) {
    if (ALGORITHMS.includes(alg)) continue
    const isShared = /^HS/.test(alg)
    report(
      'algorithms',
      isShared
        ? `${alg} is signed with a shared secret, which whoever checks could sign with too`
        : `expected ${ALGORITHMS.join(', ')}, not ${alg}`,
    )
  }
  if (!TOKEN_PROFILES.includes(profile)) report('profile', `expected one of ${TOKEN_PROFILES.join(', ')}`)
  if (!isWithin(maxLifetimeSeconds, 60, 31 * 86_400)) report('maxLifetimeSeconds', 'expected 60 to 2678400')
  if (!isWithin(toleranceSeconds, 0, 300)) report('toleranceSeconds', 'expected 0 to 300')
  if (allowedClients?.length === 0) report('allowedClients', 'expected at least one; leave it out for all of them')
  return {
    name,
    issuer,
    algorithms,
    profile,
    maxLifetimeSeconds,
    toleranceSeconds,
    allowedClients,
    isKubernetes: kubernetes,
  }
}

export function reportMappings(mappings: RoleMappings | undefined, report: Report): void {
  for (const [role, values] of Object.entries(mappings ?? {})) {
    if (!isRoleHere(role)) report(`roleMappings.${role}`, `"${role}" is not a role name: ${ROLE_FORM}`)
    if (!Array.isArray(values) || values.length === 0 || values.some((one) => typeof one !== 'string' || one === '')) {
      report(`roleMappings.${role}`, 'expected a list of the values that give it')
    }
  }
}

function compileRule(
  rule: ProtectTrustRule,
  policy: TokenPolicy,
  declared: readonly string[] | undefined,
  report: Report,
): GivingRule {
  const { name, mode = 'enforce', expiresAt = null, roles = [], scopes = [], as } = rule
  // Without types it may be missing: then it asks nothing, which the linter refuses.
  const match = typeof rule.match === 'object' && rule.match !== null ? rule.match : {}
  if (typeof name !== 'string' || parseName(name) === undefined) report('name', 'expected a-z, 0-9 and . _ @ -')
  if (!TRUST_MODES.includes(mode)) report('mode', `expected one of ${TRUST_MODES.join(', ')}`)
  if (expiresAt !== null && !(expiresAt instanceof Date && Number.isFinite(expiresAt.getTime())))
    report('expiresAt', 'expected a Date')
  const wrong = roles.find((role) => !isRoleHere(role))
  if (wrong !== undefined) report('roles', `"${wrong}" is not a role name: ${ROLE_FORM}`)
  const ungiven = whyNotGiven(scopes, declared)
  if (ungiven !== undefined) report('scopes', ungiven)
  const client = as?.client
  if (as !== undefined && (typeof client !== 'string' || parseName(client) === undefined))
    report('as.client', 'expected the id of a client')
  for (const { path, message } of checkTrustRule({ match }, policy).problems) report(path, message)
  return { name, match, mode, expiresAt, roles, scopes, client, issuer: policy.name }
}

function keysOf(
  options: ProtectIssuerOptions,
  { name, issuer, algorithms }: TokenPolicy,
  deps: IssuersDeps,
  report: Report,
): VerificationKeys {
  const { jwks, jwksUri, readKeys: read } = options
  const given = { jwks, jwksUri, readKeys: read }
  const named = Object.entries(given).filter(([, value]) => value !== undefined)
  if (named.length > 1) report(named.map(([source]) => source).join(', '), 'expected one source of keys, not several')
  if (jwks !== undefined && listedIn(jwks) === undefined) report('jwks', JWKS_EXPECTED)
  if (jwksUri !== undefined && !HTTP_URL.test(jwksUri)) report('jwksUri', 'expected an https URL')
  if (named.length === 0 && !HTTP_URL.test(issuer)) {
    report('issuer', 'expected an https URL, or one of jwks, jwksUri and readKeys: its keys cannot be found by it')
  }
  const { fetch, now, monotonicMs, faults } = deps
  const common = { algorithms, now, monotonicMs, onLoad: faults.ofKeys(`issuer ${name}`) }
  if (jwks !== undefined) return inlineKeys({ ...common, jwks })
  if (read !== undefined) return readKeys({ ...common, source: `the keys of ${name}`, read })
  if (jwksUri !== undefined) return remoteKeys({ ...common, uri: jwksUri, fetch })
  return discoveredKeys({ ...common, issuer, fetch })
}

/**
 * Tokens of one `iss` are of one issuer, unless each that signs as it has its keys pinned, under ids of their own.
 *
 * Security: else whoever runs one cluster could sign for another.
 */
function reportUntold(one: ProtectIssuerOptions, other: ProtectIssuerOptions, report: Report): void {
  const isPinned = ({ jwks, readKeys: read }: ProtectIssuerOptions) => jwks !== undefined || read !== undefined
  const unpinned = [one, other].find((issuer) => !isPinned(issuer))
  if (unpinned !== undefined) {
    report(
      'issuer',
      `${one.name} signs as ${one.issuer} too: then each needs pinned keys (jwks or readKeys), and ${unpinned.name} has none`,
    )
  }
  const kids = [one, other].map(({ jwks }) => (listedIn(jwks) ?? []).map(({ kid }) => kid ?? undefined))
  if (kids.flat().includes(undefined)) report('jwks', `expected a kid in each key, since ${one.name} has the same iss`)
  const shared = kids[0]?.find((kid) => kids[1]?.includes(kid))
  if (shared !== undefined)
    report('jwks', `the kid ${String(shared)} is that of a key of ${one.name} too, which has the same iss`)
}

/** The keys of a JWK Set; undefined: it is none, or has none. */
export function listedIn(jwks: unknown): readonly { readonly kid?: unknown }[] | undefined {
  const keys = typeof jwks === 'object' && jwks !== null && 'keys' in jwks ? jwks.keys : undefined
  const areKeys = Array.isArray(keys) && keys.length > 0 && keys.every((key) => typeof key === 'object' && key !== null)
  return areKeys ? keys : undefined
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max
}

function bare(issuer: unknown): string {
  return String(issuer).replace(/\/$/, '')
}
