// The credentials that Countersign issues, as an API without a proxy before it believes them.

import type { JSONWebKeySet } from 'jose'
import { isDenied } from './access-rule.ts'
import { ACCESS_TOKEN_ALG, type AccessTokenFacts, believedFrom, parseSubject } from './access-token.ts'
import {
  type Introspected,
  type IntrospectionClient,
  introspectionClient,
  type ProtectFetch,
} from './introspection-client.ts'
import { issuerKeys } from './issuer-keys.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { parseNetwork } from './networks.ts'
import { BUILT_IN_GROUP, type Principal } from './principal.ts'
import {
  type Believed,
  clientCalled,
  grantFrom,
  NOT_NARROWED,
  OWNER_AT_LARGE,
  type Resolve,
  type ResourceScopes,
} from './protect-believed.ts'
import type { Faults } from './protect-faults.ts'
import type { Vouched } from './protect-remembered.ts'
import { type Denied, deny } from './refusals.ts'
import type { isSigned } from './signature.ts'
import { signedAccessToken } from './signed-access-token.ts'

export type CountersignOptions = {
  /** Its public URL, byte for byte. */
  readonly issuer: string
  /** Its keys. Omitted: fetched from it when first needed, and kept. */
  readonly keys?: JSONWebKeySet
  /** A client that the resource names as introspector. Omitted: API keys and opaque tokens are refused. */
  readonly introspection?: { readonly clientId: string; readonly clientSecret: string }
  /** How long the answer of an introspection is good for, and a revocation unseen. Omitted: 1; at most 5. */
  readonly cacheSeconds?: number
}

export type CountersignDeps = {
  readonly resource: ResourceScopes & { readonly identifier: string }
  readonly fetch: ProtectFetch
  /** Undefined: the clock of the runtime. */
  readonly now: (() => Date) | undefined
  readonly monotonicMs: () => number
  readonly check: typeof isSigned
  readonly faults: Faults
}

export type CountersignSource = {
  readonly issuer: string
  /** Access tokens that are JWTs: offline, as they were signed. */
  verify(jwt: UnverifiedJwt): Promise<Vouched | Denied>
  /** API keys, personal access tokens and opaque access tokens: as they are now. */
  readonly introspect: Resolve | undefined
}

export function countersignSource(options: CountersignOptions, deps: CountersignDeps): CountersignSource {
  const { issuer, keys: pinned, introspection, cacheSeconds = 1 } = options
  const { resource, fetch, now, monotonicMs, check, faults } = deps
  const source = { issuer, fetch, ...(pinned !== undefined && { keys: pinned }), ...(now !== undefined && { now }) }
  const keys = issuerKeys(source, faults.ofKeys('countersign'))
  const client =
    introspection &&
    introspectionClient({
      ...{ issuer, ...introspection, resource: resource.identifier, cacheSeconds, fetch, monotonicMs },
      noteFault: faults.of('introspection'),
    })
  return {
    issuer,
    async verify(jwt) {
      const signed = await signedAccessToken(jwt, issuer, keys, check)
      if (isDenied(signed)) return signed
      const believed = believedToken(signed.facts, resource)
      if (isDenied(believed)) return believed
      const { kid } = jwt.header
      return { believed, isGood: () => keys.find(kid, ACCESS_TOKEN_ALG) === signed.key }
    },
    introspect: client && ((shown) => introspected(client, shown, resource)),
  }
}

function believedToken(facts: AccessTokenFacts, resource: ResourceScopes): Believed | Denied {
  const { jti, subject, clientId, audience, scopes, projects, expiresAt } = facts
  const principal = principalOf(subject)
  const networks = facts.networks.map(parseNetwork)
  if (principal === undefined) return deny('token_unverified', { because: 'sub' })
  if (!networks.every((network) => network !== undefined)) return deny('token_unverified', { because: 'networks' })
  const narrowing = { ...NOT_NARROWED, projects }
  const given = { roles: [], scopes, projects: facts.permittedProjects ?? null }
  return {
    kind: 'access_token',
    client: clientId,
    caller: {
      principal,
      credential: { id: jti, notBefore: believedFrom(facts), expiresAt, narrowing, audience, networks },
      revocation: undefined,
      owner: OWNER_AT_LARGE,
      groups: new Set([BUILT_IN_GROUP[principal.kind]]),
      grant: grantFrom(given, narrowing, resource),
    },
  }
}

async function introspected(
  client: IntrospectionClient,
  { text, digest, clientAddress }: Parameters<Resolve>[0],
  resource: ResourceScopes,
): Promise<Believed | Denied> {
  const said = await client(text, digest, clientAddress)
  return isDenied(said) ? said : believedAs(said, resource)
}

function believedAs(said: Introspected, resource: ResourceScopes): Believed | Denied {
  const { id, subject, clientId, audience, notBefore, expiresAt, groups } = said
  const principal = principalOf(subject)
  if (principal === undefined) {
    return deny('store_unavailable', { of: 'introspection', because: 'its answer has a sub of another kind' })
  }
  // Whether it is the credential that is confined or its owner is not told: it counts as the credential, everywhere.
  const narrowing = { ...NOT_NARROWED, projects: said.projects }
  return {
    kind: 'issued',
    client: clientId,
    caller: {
      principal,
      // Where it may be used from was judged by Countersign, which was told the address.
      credential: { id, notBefore, expiresAt, narrowing, audience, networks: [] },
      revocation: undefined,
      owner: OWNER_AT_LARGE,
      groups: new Set([...groups, BUILT_IN_GROUP[principal.kind]]),
      grant: grantFrom(said, narrowing, resource),
    },
  }
}

function principalOf(subject: string): Exclude<Principal, { kind: 'anonymous' }> | undefined {
  const named = parseSubject(subject)
  if (named === undefined) return undefined
  const { kind, id } = named
  return kind === 'user' ? { kind, id, name: id, email: undefined } : clientCalled(id)
}
