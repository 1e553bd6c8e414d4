import {
  ACCESS_TOKEN_ALG,
  type AccessTokenFacts,
  believedFrom,
  type Denied,
  deny,
  isDenied,
  isSigned,
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
import { LookUps, LookUpsBusy } from './look-ups.ts'
import type { CredentialKind } from './resolver.ts'

export type AccessTokenDeps = {
  readonly issuer: string
  readonly keys: Pick<KeyRing, 'find'>
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
 * state of its client are judged by `decide` at each use.
 */
export function accessTokenKind(deps: AccessTokenDeps): CredentialKind {
  const { known, sha256Hex } = deps
  const verifications = new LookUps((text) => verifyToken(text, deps))
  const resolve = (text: string) => {
    const jwt = parseJwt(text)
    if (jwt === undefined) return deny('token_malformed')
    return verifications.get(text).catch(cannotTell)
  }
  return {
    recognise(text) {
      if (!text.startsWith('ey') || !text.includes('.')) return undefined
      const hit = known.get(sha256Hex(text))
      if (hit !== undefined) return () => hit
      return claimsToBeOurs(text, deps) ? resolve : undefined
    },
  }
}

/**
 * Whether the text says that it is ours, in whatever spelling: by its issuer or, should its claims not be readable, by the
 * key that it names. Then nobody else need be asked, and no upstream is left to read it in its own way. Nothing is believed.
 */
function claimsToBeOurs(text: string, { issuer, keys }: AccessTokenDeps): boolean {
  const [header = '', claims = ''] = text.split('.', 2)
  if (saidIn(claims, 'iss') === issuer) return true
  const kid = saidIn(header, 'kid')
  return typeof kid === 'string' && keys.find(kid) !== undefined
}

/** Reads as the most lenient of readers would. */
function saidIn(part: string, name: string): unknown {
  try {
    const said: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof said === 'object' && said !== null && Object.hasOwn(said, name) ? Reflect.get(said, name) : undefined
  } catch {
    return undefined
  }
}

async function verifyToken(text: string, deps: AccessTokenDeps): Promise<KnownCredential | Denied> {
  const jwt = parseJwt(text)
  if (jwt === undefined) return deny('token_malformed')
  const facts = readAccessToken(jwt.header, jwt.claims, deps.issuer)
  if (isDenied(facts)) return facts
  const key = keyNamedBy(jwt, deps.keys)
  if (key === undefined) return deny('token_unverified', { because: 'kid' })
  if (!(await isSigned(jwt, key, ACCESS_TOKEN_ALG))) return deny('token_unverified', { because: 'signature' })
  if (isAhead(facts, deps)) await deps.confirm()
  if (isAhead(facts, deps)) return deny('token_unverified', { because: 'revision' })
  // It may have been taken out of use while this waited. From here on nothing is waited for: what is kept is forgotten
  // with the key.
  if (keyNamedBy(jwt, deps.keys) !== key) return deny('token_unverified', { because: 'kid' })
  const stored = toStored(facts)
  if (isDenied(stored)) return stored
  const known = new KnownCredential(stored)
  deps.known.set(deps.sha256Hex(text), known)
  return known
}

/**
 * Issued by a node that knew more than this one: what was revoked up to then has to be known here too. Is it still ahead
 * after that, it was issued in a history that this database does not have, such as that which a restored backup lost.
 */
function isAhead({ revision }: AccessTokenFacts, deps: AccessTokenDeps): boolean {
  return revision > deps.revision() + 1
}

/** The published key that it says it is signed by. */
function keyNamedBy({ header }: UnverifiedJwt, keys: AccessTokenDeps['keys']) {
  return header.kid === undefined ? undefined : keys.find(header.kid)
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

function cannotTell(error: unknown): Denied {
  if (error instanceof LookUpsBusy) return deny('store_busy', { because: error.message })
  return deny('store_unavailable', { because: error instanceof Error ? error.message : String(error) })
}
