// Whom a token of another issuer stands for, once it is known to be genuine.

import {
  DEFAULT_GROUPS_CLAIMS,
  type Denied,
  deny,
  type ExternalFacts,
  externalTokenId,
  identityOfToken,
  isDenied,
  mapRoles,
  type RoleMappings,
} from '@countersign/resource-server'
import type { Directory } from '../directory/directory.ts'
import type { BelievedCredential, SubjectRef } from '../domain/credential.ts'
import type { ExternalIssuer } from '../domain/issuer.ts'
import { newCredential } from '../domain/new-credential.ts'
import type { ServerTrustRule } from '../domain/trust-rule.ts'

export type StandingDeps = {
  readonly directory: Directory
  readonly clock: () => Date
  readonly sha256Hex: (text: string) => string
  /** Of issuers that have none of their own. */
  readonly groupMappings: RoleMappings
}

/** Whom a genuine token stands for, by which rule. */
export type Standing = {
  readonly rule: ServerTrustRule
  readonly stored: BelievedCredential
  readonly subject: string
  /** Names of groups that the rule and the claims put it into, whether or not they give anything now. */
  readonly groups: readonly string[]
}

/**
 * Finds the trust rule that says whom a token stands for, and the groups that its claims map to. Without a rule nobody.
 * `among` says which rules are asked.
 */
export function standingOf(
  facts: ExternalFacts,
  issuer: ExternalIssuer,
  deps: StandingDeps,
  among?: (rule: ServerTrustRule) => boolean,
): Standing | Denied {
  const matched = deps.directory.trustRules.match(facts, deps.clock(), among)
  if (matched.outcome === 'none') {
    const { nearest, shadow } = matched
    return deny('trust_rule_missing', {
      ...claimed(facts),
      ...(nearest !== undefined && { nearest: nearest.rule, claim: nearest.claim, because: nearest.because }),
      ...(shadow !== undefined && { shadow: shadow.name }),
    })
  }
  const { rule } = matched
  const owner = ownerBy(rule, facts, deps.directory)
  if (owner === undefined) return deny('trust_rule_missing', { ...claimed(facts), unlinked: rule.name })
  const mapped = mappedGroups(facts, issuer, deps.groupMappings)
  if ('outcome' in mapped) return mapped
  const listed = rule.as.kind === 'workload' ? rule.as.groups : []
  const groups = [...new Set([...listed, ...mapped])]
  return { rule, stored: toBelieved(facts, issuer, rule, owner, deps), subject: facts.subject, groups }
}

function claimed({ issuer, subject }: ExternalFacts) {
  return { issuer, subject: subject.slice(0, 128) }
}

function ownerBy({ as }: ServerTrustRule, { issuer, subject }: ExternalFacts, directory: Directory) {
  switch (as.kind) {
    case 'client':
      return { kind: 'client', id: as.id } as const
    case 'workload':
      return { kind: 'workload', id: `${issuer}:${subject}` } as const
    case 'user': {
      const id = directory.linkedUser(issuer, subject)
      return id === undefined ? undefined : ({ kind: 'user', id } as const)
    }
  }
}

function mappedGroups(
  facts: ExternalFacts,
  issuer: ExternalIssuer,
  byDefault: RoleMappings,
): readonly string[] | Denied {
  const mappings = issuer.groupMappings ?? byDefault
  if (Object.keys(mappings).length === 0) return []
  const mapped = mapRoles(facts.claims, { mappings, groupsClaims: issuer.groupsClaims ?? DEFAULT_GROUPS_CLAIMS })
  return isDenied(mapped) ? deny(mapped.code, { issuer: issuer.name, ...mapped.detail }) : mapped
}

/**
 * What the record of this token would be, had it one.
 *
 * It counts as made when its issuer's clock, as wrong as that may be, had it made at the earliest: so that all that is
 * revoked of its owner goes through what was there.
 */
function toBelieved(
  facts: ExternalFacts,
  issuer: ExternalIssuer,
  rule: ServerTrustRule,
  owner: SubjectRef,
  { sha256Hex }: StandingDeps,
): BelievedCredential {
  const now = new Date(facts.issuedAt.getTime() - issuer.toleranceSeconds * 1000)
  return newCredential(
    { now, revision: 0, actor: { by: `issuer:${issuer.name}` } },
    {
      id: externalId(facts, sha256Hex),
      kind: 'jwt',
      owner,
      name: '',
      hint: `a token of ${issuer.name}`,
      narrowing: rule.narrowing,
      external: { issuer: issuer.name, audiences: facts.audiences },
      notBefore: facts.believedFrom,
      expiresAt: facts.believedUntil,
    },
  )
}

/**
 * The public id of a token of another issuer: by what it says, so that the same token in another spelling, or with
 * another signature, has the same one. @see RFC 7519 §4.1.7
 */
export function externalId(facts: ExternalFacts, sha256Hex: (text: string) => string): string {
  return externalTokenId(sha256Hex(identityOfToken(facts)))
}
