// Key sets of others (RFC 7517): which of their keys may verify a signature, and of which algorithm.

import { importJWK } from 'jose'
import { whyWeak } from './jwk-set-weakness.ts'
import { claimOf } from './jwt.ts'

/** A key for a signature of `alg`; 'unknown': the source has none; 'unavailable': the source cannot be asked. */
export type Found = CryptoKey | 'unknown' | 'unavailable'

export type VerificationKeys = {
  /**
   * Finds the key of exactly this `kid` and `alg`. Without a `kid` the one key of `alg`, unless there are several.
   * Never throws or rejects; a promise comes back only when a source has to be waited for.
   *
   * The same key comes back as the same object for as long as its source shows it: what was verified with it may be
   * remembered until another answer comes.
   */
  find(kid: string | undefined, alg: string): Found | Promise<Found>
}

export type VerificationKey = {
  readonly kid: string | undefined
  readonly alg: string
  readonly key: CryptoKey
  /** The public numbers: two keys are one when these are equal. */
  readonly material: string
}

export type JwkSet = {
  readonly keys: readonly VerificationKey[]
  /** Faults that the owner of the set should hear of. The other keys are usable all the same. */
  readonly problems: readonly JwkRemark[]
  /** Keys that are for something else: other types, uses and algorithms. @see RFC 7517 §5 */
  readonly ignored: readonly JwkRemark[]
}

export type JwkRemark = {
  /** Place in `keys`, from 0. */
  readonly at: number
  readonly kid: string | undefined
  readonly because: string
}

/** What `parseJwkSet` reads, in words. */
export const JWK_SET_EXPECTED = 'a JSON object with "keys", a list of at most 100 keys'
const MAX_KEYS = 100
const MAX_KID_LENGTH = 512

type KeyType = { readonly kty: 'EC' | 'OKP' | 'RSA'; readonly crv?: string }
const RSA = { kty: 'RSA' } as const
const ED25519 = { kty: 'OKP', crv: 'Ed25519' } as const

/** Signature algorithms that a key of others may be for; none has a shared secret. @see RFC 7518 §3.1, RFC 9864 */
export const VERIFICATION_ALGORITHMS: Readonly<Record<string, KeyType>> = {
  ES256: { kty: 'EC', crv: 'P-256' },
  ES384: { kty: 'EC', crv: 'P-384' },
  ES512: { kty: 'EC', crv: 'P-521' },
  EdDSA: ED25519,
  Ed25519: ED25519,
  RS256: RSA,
  RS384: RSA,
  RS512: RSA,
  PS256: RSA,
  PS384: RSA,
  PS512: RSA,
}

/**
 * Reads a JWK Set. Undefined: it is not `JWK_SET_EXPECTED`. What is wrong with one key leaves the others usable.
 *
 * A key is usable for its own `alg`, or when it names none for each of `algorithms` that its type allows.
 *
 * Security: `oct` keys are never taken, so that no public text verifies an HMAC. A key that was published with its
 * private part is everyone's: it is refused wherever else the set lists it, too. Two keys of one `kid` and `alg`
 * are both refused: which is meant would be for an attacker to choose. `x5c`, `x5u` and the like are never read. That
 * points lie on their curve is checked by the import of the runtime.
 *
 * @see RFC 7517 §5, RFC 8725 §3.4
 */
export async function parseJwkSet(
  json: unknown,
  { algorithms }: { readonly algorithms: readonly string[] },
): Promise<JwkSet | undefined> {
  const listed = isObject(json) ? claimOf(json, 'keys') : undefined
  if (!Array.isArray(listed) || listed.length > MAX_KEYS) return undefined

  const leaked = new Set(listed.filter(isObject).filter(hasPrivatePart).map(materialOf))
  const usable: (VerificationKey & { readonly at: number })[] = []
  const problems: JwkRemark[] = []
  const ignored: JwkRemark[] = []
  for (const [at, jwk] of listed.entries()) {
    const kid = isObject(jwk) ? kidOf(jwk) : undefined
    const foreign = isObject(jwk) ? whyForeign(jwk, algorithms) : undefined
    if (foreign !== undefined) {
      ignored.push({ at, kid, because: foreign })
      continue
    }
    const keys = isObject(jwk) ? await importKeys(jwk, algorithms, leaked) : 'it is no JSON object'
    if (typeof keys === 'string') problems.push({ at, kid, because: keys })
    else usable.push(...keys.map((key) => ({ at, ...key })))
  }
  const ambiguous = usable.filter((key) => usable.some((other) => isAnotherOfSameName(key, other)))
  for (const { at, kid, alg } of ambiguous) problems.push({ at, kid, because: `another ${alg} key has the same kid` })
  return { keys: usable.filter((key) => !ambiguous.includes(key)), problems, ignored }
}

/** Makes the look-up by `kid` and `alg`; undefined: there is no such key, or without a `kid` not exactly one. */
export function keyFinder(
  keys: readonly VerificationKey[],
): (kid: string | undefined, alg: string) => CryptoKey | undefined {
  const byAlg = new Map<string, { named: Map<string, CryptoKey>; only: VerificationKey | undefined }>()
  for (const key of keys) {
    const { named, only } = byAlg.get(key.alg) ?? { named: new Map<string, CryptoKey>(), only: key }
    if (key.kid !== undefined) named.set(key.kid, key.key)
    byAlg.set(key.alg, { named, only: only?.material === key.material ? only : undefined })
  }
  return (kid, alg) => {
    const those = byAlg.get(alg)
    return kid === undefined ? those?.only?.key : those?.named.get(kid)
  }
}

type Jwk = Readonly<Record<string, unknown>>
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']
/** The second one is what SPIFFE says in its bundles of keys that sign tokens. @see SPIFFE Trust Domain and Bundle §4.2.2 */
const USES: readonly unknown[] = ['sig', 'jwt-svid']
const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e']

/** Why the key is none of ours to judge; undefined: it claims to verify one of the algorithms. */
function whyForeign(jwk: Jwk, algorithms: readonly string[]): string | undefined {
  const kty = memberOf(jwk, 'kty')
  const use = memberOf(jwk, 'use')
  const operations = memberOf(jwk, 'key_ops')
  if (kty === 'oct') return 'it is a shared secret'
  // Only of a public key: one that was published with its private part is a problem whatever it is for.
  if (hasPrivatePart(jwk)) return undefined
  if (use !== undefined && !USES.includes(use)) return 'its use is not sig'
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return 'its key_ops have no verify'
  }
  return algorithmsOf(jwk, algorithms).length === 0 ? 'it is for no algorithm that is allowed' : undefined
}

function algorithmsOf(jwk: Jwk, allowed: readonly string[]): readonly string[] {
  const pinned = memberOf(jwk, 'alg')
  return allowed.filter((alg) => {
    const type = Object.hasOwn(VERIFICATION_ALGORITHMS, alg) ? VERIFICATION_ALGORITHMS[alg] : undefined
    const fits = type !== undefined && type.kty === memberOf(jwk, 'kty') && type.crv === curveOf(jwk, type)
    return fits && (pinned === undefined || pinned === alg)
  })
}

/** An RSA key has no curve, whatever it says. */
function curveOf(jwk: Jwk, type: KeyType): unknown {
  return type.crv === undefined ? undefined : memberOf(jwk, 'crv')
}

/** The key once for each algorithm, or why it is refused. */
async function importKeys(
  jwk: Jwk,
  algorithms: readonly string[],
  leaked: ReadonlySet<string>,
): Promise<readonly VerificationKey[] | string> {
  const material = materialOf(jwk)
  if (leaked.has(material)) return 'its private part is published'
  const kid = kidOf(jwk)
  if (kid === undefined && memberOf(jwk, 'kid') !== undefined) return 'its kid is no text of at most 512 characters'
  const weakness = whyWeak(jwk)
  if (weakness !== undefined) return weakness

  const publicPart = Object.fromEntries(PUBLIC_MEMBERS.map((name) => [name, memberOf(jwk, name)]))
  try {
    const imported = algorithmsOf(jwk, algorithms).map(async (alg) => {
      const key = await importJWK({ ...publicPart, kty: String(publicPart.kty) }, alg)
      if (key instanceof Uint8Array) throw new TypeError('a shared secret')
      return { kid, alg, key, material }
    })
    return await Promise.all(imported)
  } catch {
    return 'it is no valid key of its type'
  }
}

function hasPrivatePart(jwk: Jwk): boolean {
  return PRIVATE_MEMBERS.some((name) => memberOf(jwk, name) !== undefined)
}

function materialOf(jwk: Jwk): string {
  return JSON.stringify(PUBLIC_MEMBERS.map((name) => memberOf(jwk, name)))
}

/** What a member says. null is what some serializers write for one that is absent. */
function memberOf(jwk: Jwk, name: string): unknown {
  return claimOf(jwk, name) ?? undefined
}

function kidOf(jwk: Jwk): string | undefined {
  const kid = memberOf(jwk, 'kid')
  return typeof kid === 'string' && kid !== '' && kid.length <= MAX_KID_LENGTH ? kid : undefined
}

function isAnotherOfSameName(one: VerificationKey, other: VerificationKey): boolean {
  return one.kid !== undefined && one.kid === other.kid && one.alg === other.alg && one.material !== other.material
}

function isObject(value: unknown): value is Jwk {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
