// Tokens of other issuers at the token endpoint: in place of a client's secret, or beside it.

import {
  claimOf,
  type Denied,
  deny,
  isDenied,
  parseJwt,
  type UnverifiedJwt,
  whyLegacyToken,
} from '@countersign/resource-server'
import { type StandingDeps, standingOf } from '../authentication/external-standing.ts'
import type { ExternalTokens } from '../authentication/external-tokens.ts'
import { KnownCredential } from '../authentication/known-credentials.ts'
import type { Directory, Owner } from '../directory/directory.ts'
import type { ExternalIssuer } from '../domain/issuer.ts'
import type { ServerTrustRule } from '../domain/trust-rule.ts'
import type { Store } from '../store/store.ts'
import { useAssertion } from '../store/used-assertions.ts'
import { assertionRefused, isForUsAlone, JTI_EXPECTED, SINGLE_USE_JTI } from './private-key-jwt-claims.ts'

export type FederationDeps = {
  /** The public URL. */
  readonly issuer: string
  readonly directory: Directory
  readonly store: Store
  readonly externalTokens: Pick<ExternalTokens, 'genuine'>
  readonly standing: StandingDeps
}

/** A genuine token for us alone that a rule trusts, not used up yet. */
export type ProvenFederation = {
  /** As it was shown: judged like any credential. */
  readonly known: KnownCredential
  /** What mints, once that is judged good. */
  readonly minting: KnownCredential
  readonly rule: ServerTrustRule
  readonly single:
    | { readonly issuer: ExternalIssuer; readonly jti: string | undefined; readonly until: Date }
    | undefined
}

/** Whether an assertion is of an issuer that is registered here. The id of a client is never an `iss` of those. */
export function isFederated(jwt: UnverifiedJwt | undefined, { directory }: Pick<FederationDeps, 'directory'>): boolean {
  const iss = jwt && claimOf(jwt.claims, 'iss')
  return typeof iss === 'string' && directory.issuersOf(iss).length > 0
}

/**
 * Finds out whether a token of another issuer stands for somebody by one of the rules `among`. Whether it is live, and the
 * state of whom it stands for, is not judged here.
 *
 * Security: its audience is our issuer and nothing else, so that no token that was meant for a resource, ours or another's,
 * can be traded here; and none that is traded here is good for any resource.
 *
 * @see RFC 7521 §4.2, RFC 7523 §3
 */
export async function proveFederation(
  text: string,
  deps: FederationDeps,
  among: (rule: ServerTrustRule) => boolean,
): Promise<ProvenFederation | Denied> {
  const jwt = parseJwt(text)
  if (jwt === undefined) return assertionRefused('it is no JWT in the one form that is taken', undefined)
  if (!isFederated(jwt, deps)) {
    return assertionRefused(whyLegacyToken(jwt.claims) ?? 'its iss is no issuer that is registered here', undefined)
  }
  if (!isForUsAlone(claimOf(jwt.claims, 'aud'), deps.issuer)) {
    return assertionRefused(`its aud is not ${deps.issuer} alone`, undefined)
  }
  const genuine = await deps.externalTokens.genuine(jwt)
  if (isDenied(genuine)) return genuine
  const { issuer, facts } = genuine
  if (issuer.singleUseAssertions && !SINGLE_USE_JTI.test(facts.jti ?? '')) {
    const because = `tokens of its issuer are for a single use, and ${JTI_EXPECTED}`
    return deny('external_token_refused', { issuer: issuer.name, because })
  }
  const standing = standingOf(facts, issuer, deps.standing, among)
  if (isDenied(standing)) return standing
  const { rule, stored } = standing
  const ancestors = [`rule_${rule.name}`, `issuer_${issuer.name}`]
  // It was for us: the tokens that it mints are for resources. What was revoked before now is judged of `known`; from here
  // on every line that is drawn through its rule or its issuer counts.
  const forResources = { ...stored, external: undefined }
  const revision = deps.directory.revision + 1
  const minting = new Federated({ ...forResources, ancestors, revision }, rule, issuer)
  const single = issuer.singleUseAssertions ? { issuer, jti: facts.jti, until: facts.believedUntil } : undefined
  return { known: new KnownCredential(forResources), minting, rule, single }
}

/** Uses it up, for all nodes and restarts, if it is for a single use. Undefined: it is, or this was the first time. */
export async function spendFederation({ single }: ProvenFederation, store: Store): Promise<Denied | undefined> {
  if (single === undefined) return undefined
  const { issuer, jti, until } = single
  const client = `issuer:${issuer.name}`
  const isFirst = await useAssertion(store, { client, jti: jti ?? '', expiresAt: until })
  return isFirst ? undefined : deny('assertion_replayed', { client })
}

/** Stands for its client as long as neither its rule nor its issuer was changed since it was proven. */
class Federated extends KnownCredential {
  constructor(
    stored: KnownCredential['stored'],
    private readonly rule: ServerTrustRule,
    private readonly issuer: ExternalIssuer,
  ) {
    super(stored)
  }

  protected override ownerIn(directory: Directory): Owner | undefined {
    const isAsProven = directory.trustRule(this.rule.name) === this.rule
    return isAsProven && directory.issuer(this.issuer.name) === this.issuer ? super.ownerIn(directory) : undefined
  }
}
