// Tokens of other issuers, as an API without a proxy before it believes them.

import { isDenied } from './access-rule.ts'
import { type ExternalFacts, readExternalToken } from './external-token.ts'
import { externalTokenId, identityOfToken } from './external-token-id.ts'
import type { TokenPolicy } from './issuer.ts'
import type { VerificationKeys } from './jwk-set.ts'
import { claimOf, type UnverifiedJwt } from './jwt.ts'
import { BUILT_IN_GROUP, type Principal } from './principal.ts'
import {
  type Believed,
  clientCalled,
  grantFrom,
  NOT_NARROWED,
  OWNER_AT_LARGE,
  type ResourceScopes,
} from './protect-believed.ts'
import type { Vouched } from './protect-remembered.ts'
import { type Denied, deny } from './refusals.ts'
import { mapRoles, type RoleMapping } from './role-mapping.ts'
import type { isSigned } from './signature.ts'
import type { TrustRule, TrustRules } from './trust-rule.ts'

/** A trust rule, and what it gives at the resource. */
export type GivingRule = TrustRule & {
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  /** The client that whoever fits stands for; undefined: for itself, as a workload. */
  readonly client: string | undefined
}

/** An issuer as it was configured, ready for its tokens. */
export type ProtectIssuer = {
  readonly policy: TokenPolicy
  readonly keys: VerificationKeys
  /** Undefined: there are none; whoever has a mapped role is let in. */
  readonly rules: TrustRules<GivingRule> | undefined
  readonly mapping: RoleMapping
}

export type ExternalDeps = {
  readonly resource: ResourceScopes
  readonly now: () => Date
  readonly sha256: (text: string) => string | Promise<string>
  readonly check: typeof isSigned
}

/** Says whom tokens of other issuers stand for: by keys of theirs alone, by trust rules, and by the roles that claims map to. */
export class ExternalSource {
  readonly #deps: ExternalDeps
  readonly #byIss = new Map<string, ProtectIssuer[]>()

  constructor(issuers: readonly ProtectIssuer[], deps: ExternalDeps) {
    this.#deps = deps
    for (const issuer of issuers) this.#byIss.set(issuer.policy.issuer, [...this.#of(issuer.policy.issuer), issuer])
  }

  isRegistered(iss: unknown): boolean {
    return this.#of(iss).length > 0
  }

  async verify(jwt: UnverifiedJwt): Promise<Vouched | Denied> {
    const issuer = await this.#issuerOf(jwt)
    if (isDenied(issuer)) return issuer
    const facts = readExternalToken(jwt, issuer.policy)
    if (isDenied(facts)) return facts
    const key = await keyOf(jwt, issuer, this.#deps)
    if (isDenied(key)) return key

    const { now, resource, sha256 } = this.#deps
    const id = externalTokenId(await sha256(identityOfToken(facts)))
    // Nothing is waited for from here on: what is remembered is what the rules say now.
    const rule = ruleOf(facts, issuer, now())
    if (rule !== undefined && isDenied(rule)) return rule
    const { kid, alg } = jwt.header
    const endsAt = rule?.expiresAt ?? null
    return {
      believed: believedBy(facts, id, issuer, rule, resource),
      isGood: () => issuer.keys.find(kid, alg) === key && (endsAt === null || now() < endsAt),
    }
  }

  #of(iss: unknown): readonly ProtectIssuer[] {
    return (typeof iss === 'string' && this.#byIss.get(iss)) || []
  }

  /** Of several who sign as the same `iss`, the one whose key it names. Each of those has pinned keys. */
  async #issuerOf({ header, claims }: UnverifiedJwt): Promise<ProtectIssuer | Denied> {
    const all = this.#of(claimOf(claims, 'iss'))
    const [only, ...others] = all
    if (only === undefined) return deny('credential_foreign', { because: 'iss' })
    if (others.length === 0) return only
    const refuse = (because: string) =>
      deny('external_token_refused', { issuer: all.map(({ policy }) => policy.name).join(' or '), because })
    const { kid, alg } = header
    if (kid === undefined) return refuse('several issuers sign as this iss, and it names no kid')
    const found = await Promise.all(all.map(async (issuer) => ({ issuer, key: await issuer.keys.find(kid, alg) })))
    const holders = found.filter(({ key }) => typeof key !== 'string')
    const [holder] = holders
    if (holder !== undefined && holders.length === 1) return holder.issuer
    const silent = found.find(({ key }) => key === 'unavailable')
    if (silent !== undefined) return deny('keys_unavailable', { of: `issuer ${silent.issuer.policy.name}` })
    return refuse(
      holder === undefined ? 'none of them has a key of this kid and alg' : 'more than one has a key of this kid',
    )
  }
}

async function keyOf(
  jwt: UnverifiedJwt,
  { policy, keys }: ProtectIssuer,
  { check }: ExternalDeps,
): Promise<CryptoKey | Denied> {
  const { kid, alg } = jwt.header
  const refuse = (because: string) => deny('external_token_refused', { issuer: policy.name, because })
  const key = await keys.find(kid, alg)
  if (key === 'unavailable') return deny('keys_unavailable', { of: `issuer ${policy.name}` })
  if (key === 'unknown') {
    return refuse(
      kid === undefined
        ? `it names no kid, and there is not exactly one ${alg} key`
        : `there is no ${alg} key of its kid`,
    )
  }
  return (await check(jwt, key, alg)) ? key : refuse('its signature is not of that key')
}

/** The trust rule that it fits; undefined: none is asked for. */
function ruleOf(facts: ExternalFacts, { rules }: ProtectIssuer, now: Date): GivingRule | undefined | Denied {
  const matched = rules?.match(facts, now)
  if (matched === undefined) return undefined
  if (matched.outcome === 'match') return matched.rule
  const { nearest, shadow } = matched
  return deny('trust_rule_missing', {
    issuer: facts.issuer,
    subject: facts.subject.slice(0, 128),
    ...(nearest !== undefined && { nearest: nearest.rule, claim: nearest.claim, because: nearest.because }),
    ...(shadow !== undefined && { shadow: shadow.name }),
  })
}

function believedBy(
  facts: ExternalFacts,
  id: string,
  { mapping }: ProtectIssuer,
  rule: GivingRule | undefined,
  resource: ResourceScopes,
): Believed {
  const { issuer, audiences, believedFrom, believedUntil } = facts
  const principal = principalBy(facts, rule)
  const mapped = mapRoles(facts.claims, mapping)
  const isUnreadable = isDenied(mapped)
  const roles = isUnreadable ? [] : [...new Set([...(rule?.roles ?? []), ...mapped])]
  return {
    kind: 'external',
    client: principal.kind === 'client' ? principal.id : undefined,
    unreadable: isUnreadable ? deny(mapped.code, { issuer, ...mapped.detail }) : undefined,
    caller: {
      principal,
      credential: {
        ...{ id, notBefore: believedFrom, expiresAt: believedUntil, narrowing: NOT_NARROWED },
        ...{ audience: null, external: { issuer, audiences }, networks: [] },
      },
      revocation: undefined,
      owner: OWNER_AT_LARGE,
      groups: new Set([BUILT_IN_GROUP[principal.kind]]),
      grant: isUnreadable
        ? undefined
        : grantFrom({ roles, scopes: rule?.scopes ?? [], projects: null }, NOT_NARROWED, resource),
    },
  }
}

function principalBy(
  { issuer, subject }: ExternalFacts,
  rule: GivingRule | undefined,
): Extract<Principal, { kind: 'client' | 'workload' }> {
  if (rule?.client !== undefined) return clientCalled(rule.client)
  return { kind: 'workload', id: `${issuer}:${subject}`, issuer, subject }
}
