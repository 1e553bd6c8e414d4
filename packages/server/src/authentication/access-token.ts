import {
  ACCESS_TOKEN_ALG,
  type AccessTokenFacts,
  type Denied,
  deny,
  isDenied,
  isSigned,
  parseJwt,
  parseNetwork,
  readAccessToken,
  type UnverifiedJwt,
} from '@countersign/resource-server'
import { OWNER_KINDS, type OwnerRef, type StoredCredential } from '../domain/credential.ts'
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
      return claimsIssuer(text, deps.issuer) ? resolve : undefined
    },
  }
}

/** Whether the text says that it is ours, in whatever spelling: then nobody else need be asked. Nothing is believed. */
function claimsIssuer(text: string, issuer: string): boolean {
  const [, claims = ''] = text.split('.', 2)
  try {
    const said: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString())
    return typeof said === 'object' && said !== null && 'iss' in said && said.iss === issuer
  } catch {
    return false
  }
}

async function verifyToken(text: string, deps: AccessTokenDeps): Promise<KnownCredential | Denied> {
  const jwt = parseJwt(text)
  if (jwt === undefined) return deny('token_malformed')
  const facts = readAccessToken(jwt.header, jwt.claims, deps.issuer)
  if (isDenied(facts)) return facts
  const refused = await signatureRefused(jwt, deps.keys)
  if (refused !== undefined) return refused
  if (isAhead(facts, deps)) await deps.confirm()
  if (isAhead(facts, deps)) return deny('token_unverified', { because: 'revision' })
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

async function signatureRefused(jwt: UnverifiedJwt, keys: Pick<KeyRing, 'find'>): Promise<Denied | undefined> {
  const { kid } = jwt.header
  const key = kid === undefined ? undefined : keys.find(kid)
  if (key === undefined) return deny('token_unverified', { because: 'kid' })
  if (!(await isSigned(jwt, key, ACCESS_TOKEN_ALG))) return deny('token_unverified', { because: 'signature' })
  // It may have been taken out of use while the signature was looked at.
  return keys.find(key.kid) === key ? undefined : deny('token_unverified', { because: 'kid' })
}

/** What the record of this token would be, had it one. */
function toStored(facts: AccessTokenFacts): StoredCredential | Denied {
  const owner = ownerOf(facts.subject)
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
    expiresAt: facts.expiresAt,
    ancestors: facts.ancestors,
  })
}

function ownerOf(subject: string): OwnerRef | undefined {
  const kind = OWNER_KINDS.find((one) => subject.startsWith(`${one}:`))
  return kind && { kind, id: subject.slice(kind.length + 1) }
}

function cannotTell(error: unknown): Denied {
  if (error instanceof LookUpsBusy) return deny('store_busy', { because: error.message })
  return deny('store_unavailable', { because: error instanceof Error ? error.message : String(error) })
}
