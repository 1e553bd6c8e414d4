// Keys that anybody could sign for: checked here, since the imports of runtimes take them.

import { base64url } from 'jose'
import { claimOf } from './jwt.ts'

const MIN_RSA_BITS = 2048
/** Each signature costs the verifier time that grows with the square. */
const MAX_RSA_BITS = 8192
const COORDINATE_BYTES: Readonly<Record<string, number>> = { 'P-256': 32, 'P-384': 48, 'P-521': 66, Ed25519: 32 }

/**
 * Says why signatures of a public key prove nothing; undefined: no reason was found. Whether a point lies on its
 * curve is not checked here.
 */
export function whyWeak(jwk: Readonly<Record<string, unknown>>): string | undefined {
  const number = (name: string) => bytesOf(claimOf(jwk, name))
  if (claimOf(jwk, 'kty') === 'RSA') return whyWeakRsa(number('n'), number('e'))

  const length = COORDINATE_BYTES[String(claimOf(jwk, 'crv'))]
  const x = number('x')
  if (x === undefined || x.length !== length) return 'its x has not the length of its curve'
  if (claimOf(jwk, 'kty') === 'EC' && number('y')?.length !== length) return 'its y has not the length of its curve'
  return claimOf(jwk, 'crv') === 'Ed25519' && isOfSmallOrder(x)
    ? 'anybody can sign for it: its order is small'
    : undefined
}

function whyWeakRsa(modulus: Uint8Array | undefined, exponent: Uint8Array | undefined): string | undefined {
  if (modulus === undefined || exponent === undefined) return 'it lacks n or e in base64url'
  if (modulus.length > MAX_RSA_BITS / 8 + 1 || exponent.length > 8) return 'it is longer than 8192 bits'
  const n = toInteger(modulus)
  const e = toInteger(exponent)
  const bits = n.toString(2).length
  if (bits < MIN_RSA_BITS) return `it has ${bits} bits; expected at least 2048`
  if (bits > MAX_RSA_BITS) return 'it is longer than 8192 bits'
  // With e = 1 every text is its own signature.
  if (n % 2n === 0n || e % 2n === 0n || e < 3n) return 'it is no RSA key'
  return isOfRoca(n) ? 'its private part can be computed (ROCA, CVE-2017-15361)' : undefined
}

/** The primes that say most: the powers of 65537 reach only some of the remainders by them. */
const TELLING_PRIMES = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157]
let remainders: readonly (readonly [prime: bigint, reached: ReadonlySet<number>])[] | undefined

/**
 * Says whether a modulus was made by the broken generator of CVE-2017-15361, whose primes are powers of 65537 by all
 * small primes. One in 2^28 of all others is taken for one.
 */
function isOfRoca(modulus: bigint): boolean {
  remainders ??= TELLING_PRIMES.map((prime) => [BigInt(prime), powersBy(prime)] as const)
  return remainders.every(([prime, reached]) => reached.has(Number(modulus % prime)))
}

function powersBy(prime: number): ReadonlySet<number> {
  const reached = new Set<number>()
  for (let power = 1; !reached.has(power); power = (power * 65537) % prime) reached.add(power)
  return reached
}

const FIELD = 2n ** 255n - 19n
const ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n
const SMALL_ORDER: ReadonlySet<bigint> = new Set([0n, 1n, FIELD - 1n, ORDER_8, FIELD - ORDER_8])

/** For such a point one signature fits every text, or one in eight. Other spellings of a number count as such. */
function isOfSmallOrder(x: Uint8Array): boolean {
  const y = BigInt.asUintN(255, toInteger(x.toReversed()))
  return y >= FIELD || SMALL_ORDER.has(y)
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]+$/.test(value)) return undefined
  try {
    return base64url.decode(value)
  } catch {
    return undefined
  }
}

function toInteger(bytes: Uint8Array): bigint {
  let hex = '0x0'
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0')
  return BigInt(hex)
}
