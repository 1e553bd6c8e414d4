import {
  type AccessTokenFacts,
  believedFrom,
  claimOf,
  type Denied,
  deny,
  isDenied,
  parseJwt,
  parseNetwork,
  parseSubject,
  readAccessToken,
  type UnverifiedJwt,
} from '@countersign/resource-server'
import type { StoredCredential } from '../domain/credential.ts'
import { newCredential } from '../domain/new-credential.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { KnownCredential, type KnownCredentials } from './known-credentials.ts'
import { couldBeJwt, saidIn } from './lenient-jwt.ts'
import type { CredentialKind, Resolver } from './resolver.ts'

export type AccessTokenDeps = {
  readonly issuer: string
  readonly keys: Pick<KeyRing, 'find' | 'isSigned'>
  readonly known: KnownCredentials
  /** What this node is at. */
  readonly revision: () => number
  /** Asks the database for what changed; rejects when it cannot be asked. */
  readonly confirm: () => Promise<void>
  readonly sha256Hex: (text: string) => string
}

/**
 * Access tokens that we issued as JWTs (RFC 9068): recognised by their issuer, believed by our signature. What a token
 * says is kept once it was verified; what it may do is asked of live state, as for any other credential.
 *
 * Security: an opened signature says who minted what and when, never that it still holds: revocation, expiry and the
 * state of its client are judged by `decide` at each use. Nothing is waited for between the look at the key and the
 * keeping of what it vouched for, so what is kept is forgotten with the key.
 */
export function accessTokenKind(deps: AccessTokenDeps): CredentialKind {
  return {
    recognise(text) {
      if (!couldBeJwt(text)) return undefined
      const jwt = parseJwt(text)
      if (jwt === undefined) return claimsToBeOurs(text, deps) ? refuseMalformed : undefined
      return isOurs(jwt, deps) ? () => resolve(jwt, deps.sha256Hex(text), deps) : undefined
    },
  }
}

/** What is ours by its issuer or, should it name another, by the key that it names. */
function isOurs({ header, claims }: UnverifiedJwt, { issuer, keys }: AccessTokenDeps): boolean {
  return claimOf(claims, 'iss') === issuer || (header.kid !== undefined && keys.find(header.kid) !== undefined)
}

/** The same of a text that is not in the form that we read, for a reader who does. */
function claimsToBeOurs(text: string, { issuer, keys }: AccessTokenDeps): boolean {
  const [header = '', claims = ''] = text.split('.', 2)
  if (saidIn(claims, 'iss') === issuer) return true
  const kid = saidIn(header, 'kid')
  return typeof kid === 'string' && keys.find(kid) !== undefined
}

function refuseMalformed(): Denied {
  return deny('token_malformed')
}

function resolve(jwt: UnverifiedJwt, digest: string, deps: AccessTokenDeps): ReturnType<Resolver> {
  const facts = verifiedFacts(jwt, deps)
  if (isDenied(facts)) return facts
  return isAhead(facts, deps) ? resolveLater(jwt, digest, deps) : keep(digest, facts, deps)
}

function verifiedFacts({ text, header, claims }: UnverifiedJwt, deps: AccessTokenDeps): AccessTokenFacts | Denied {
  const { issuer, keys } = deps
  const facts = readAccessToken(header, claims, issuer)
  if (isDenied(facts)) return facts
  const { kid } = header
  if (kid === undefined || keys.find(kid) === undefined) return deny('token_unverified', { because: 'kid' })
  return keys.isSigned(text, kid) ? facts : deny('token_unverified', { because: 'signature' })
}

function keep(digest: string, facts: AccessTokenFacts, { known }: AccessTokenDeps): KnownCredential | Denied {
  const stored = toStored(facts)
  if (isDenied(stored)) return stored
  const believed = new KnownCredential(stored)
  known.set(digest, believed)
  return believed
}

/** The same once this node knows what the database does. */
async function resolveLater(
  jwt: UnverifiedJwt,
  digest: string,
  deps: AccessTokenDeps,
): Promise<KnownCredential | Denied> {
  try {
    await deps.confirm()
  } catch (error) {
    return deny('store_unavailable', { because: error instanceof Error ? error.message : String(error) })
  }
  const facts = verifiedFacts(jwt, deps)
  if (isDenied(facts)) return facts
  return isAhead(facts, deps) ? deny('token_unverified', { because: 'revision' }) : keep(digest, facts, deps)
}

/**
 * Issued by a node that knew more than this one: what was revoked up to then has to be known here too. Is it still ahead
 * after that, it was issued in a history that this database does not have, such as that which a restored backup lost.
 */
function isAhead({ revision }: AccessTokenFacts, deps: AccessTokenDeps): boolean {
  return revision > deps.revision() + 1
}

/** What the record of this token would be, had it one. */
function toStored(facts: AccessTokenFacts): StoredCredential | Denied {
  const owner = parseSubject(facts.subject)
  if (owner === undefined) return deny('token_unverified', { because: 'sub' })
  const networks = facts.networks.map(parseNetwork)
  if (!networks.every((network) => network !== undefined)) return deny('token_unverified', { because: 'networks' })
  const making = { now: facts.issuedAt, revision: facts.revision, actor: { by: facts.subject } }
  return newCredential(making, {
    id: facts.jti,
    kind: 'at',
    owner,
    name: '',
    hint: 'a JWT',
    narrowing: { resources: [facts.resource], scopes: facts.scopes, projects: facts.projects },
    audience: facts.audience,
    networks,
    networkTexts: facts.networks,
    notBefore: believedFrom(facts),
    expiresAt: facts.expiresAt,
    ancestors: facts.ancestors,
  })
}
