// The issuers that the vectors of external tokens are signed by, whom their subjects stand for, and how they sign.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { type ClaimMatch, type Claims, DEFAULT_TOLERANCE_SECONDS, type TokenPolicy } from '@countersign/resource-server'
import { encode, type Json, signedBy, strangersKey } from '../../support/forging.ts'

type Words = Readonly<Record<string, unknown>>
export type IssuerName = 'corp' | 'strict' | 'narrow' | 'github' | 'east' | 'west'

export const AUDIENCE = 'https://webdav.example.com'
/** What `corp` calls the resource in its tokens. */
export const ALIAS = 'api://0f3a6c1d'
const CLUSTER = 'https://kubernetes.default.svc.cluster.local'

/** Signs with RS256, PS256 and the like. */
export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const rsaJwk = rsa.publicKey.export({ format: 'jwk' })
const signers = new Map<string, ReturnType<typeof strangersKey>>()
/** The one P-256 key of this id. */
export function signerOf(kid: string): ReturnType<typeof strangersKey> {
  const signer = signers.get(kid) ?? strangersKey()
  signers.set(kid, signer)
  return signer
}
const jwkOf = (kid: string, words: Words = {}) => ({ ...signerOf(kid).jwk, kid, ...words })

const PLAIN: Omit<TokenPolicy, 'name' | 'issuer'> = {
  algorithms: ['ES256'],
  profile: 'plain',
  maxLifetimeSeconds: 86_400,
  toleranceSeconds: DEFAULT_TOLERANCE_SECONDS,
  allowedClients: null,
  isKubernetes: false,
}

/** By name: what is asked of its tokens, and its keys. */
export const ISSUERS: Readonly<Record<IssuerName, { readonly policy: TokenPolicy; readonly keys: readonly object[] }>> =
  {
    corp: {
      policy: { ...PLAIN, name: 'corp', issuer: 'https://idp.example.com', algorithms: ['ES256', 'RS256'] },
      // The RSA key says no algorithm.
      keys: [jwkOf('corp-1'), { ...rsaJwk, kid: 'corp-rsa' }, jwkOf('corp-enc', { use: 'enc' })],
    },
    strict: {
      policy: { ...PLAIN, name: 'strict', issuer: 'https://strict.example.com', profile: 'at+jwt' },
      keys: [jwkOf('strict-1'), jwkOf('strict-2')],
    },
    narrow: {
      policy: {
        ...{ ...PLAIN, name: 'narrow', issuer: 'https://narrow.example.com' },
        ...{ maxLifetimeSeconds: 3600, allowedClients: ['nightly'] },
      },
      keys: [jwkOf('narrow-1')],
    },
    github: {
      policy: { ...PLAIN, name: 'github', issuer: 'https://token.actions.githubusercontent.com' },
      keys: [jwkOf('github-1')],
    },
    east: { policy: { ...PLAIN, name: 'east', issuer: CLUSTER, isKubernetes: true }, keys: [jwkOf('east-1')] },
    west: { policy: { ...PLAIN, name: 'west', issuer: CLUSTER, isKubernetes: true }, keys: [jwkOf('west-1')] },
  }

export const WORKFLOW = 'repo:octo-org/octo-repo:ref:refs/heads/main'
export const ACCOUNT = 'system:serviceaccount:prod:atlas'

/** Whoever fits may read and write; `grouped` may only by the groups that its claims map to. */
export const TRUSTED: Readonly<
  Record<string, { readonly issuer: IssuerName; readonly match: Record<string, ClaimMatch>; readonly grouped?: true }>
> = {
  'corp-machine': { issuer: 'corp', match: { sub: { in: ['machine', 'host.example.com'] } } },
  'corp-grouped': { issuer: 'corp', match: { sub: 'grouped' }, grouped: true },
  'strict-machine': { issuer: 'strict', match: { sub: 'machine' } },
  'narrow-machine': { issuer: 'narrow', match: { sub: 'machine' } },
  workflow: {
    issuer: 'github',
    match: { sub: WORKFLOW, repository_id: '456789', repository_owner_id: '123456' },
  },
  branches: { issuer: 'github', match: { sub: { prefix: 'repo:octo-org/tools:' }, repository_id: '77' } },
  atlas: {
    issuer: 'east',
    match: { sub: ACCOUNT, 'kubernetes.io.serviceaccount.uid': 'uid-1' },
  },
}

/** Which values of its groups claims put a token of `corp` into the group `media`. */
export const MAPPED_GROUPS = ['git-admins']

const SAID: Readonly<Record<IssuerName, Words>> = {
  corp: { sub: 'machine' },
  strict: { sub: 'machine', client_id: 'nightly' },
  narrow: { sub: 'machine', azp: 'nightly' },
  github: { sub: WORKFLOW, repository: 'octo-org/octo-repo', repository_id: '456789', repository_owner_id: '123456' },
  east: { sub: ACCOUNT, 'kubernetes.io': boundTo('prod', 'atlas', 'uid-1') },
  west: { sub: ACCOUNT, 'kubernetes.io': boundTo('prod', 'atlas', 'uid-1') },
}

export function boundTo(namespace: string, name: string, uid: string): Words {
  return { namespace, serviceaccount: { name, uid } }
}

/** How the issuers sign at a time. */
export class Signing {
  constructor(readonly now: () => number) {}

  header(by: IssuerName): Words {
    return { alg: 'ES256', kid: `${by}-1`, typ: by === 'strict' ? 'at+jwt' : 'JWT' }
  }

  claims(by: IssuerName): Claims {
    const times = { iat: this.now() - 10, exp: this.now() + 300 }
    return { iss: ISSUERS[by].policy.issuer, aud: AUDIENCE, ...times, jti: 'one', ...SAID[by] }
  }

  /** Its good token, with other claims; undefined takes one out. */
  token(
    by: IssuerName,
    claims: Words = {},
    header: Words = {},
    key: KeyObject = signerOf(`${by}-1`).privateKey,
  ): string {
    return signedBy(key, { ...this.header(by), ...header }, { ...this.claims(by), ...claims })
  }

  /** These very texts, signed by its own key. */
  text(by: IssuerName, header: Json, claims: Json): string {
    return signedBy(signerOf(`${by}-1`).privateKey, header, claims)
  }

  /** Its good claims behind any header and signature. */
  forged(by: IssuerName, header: Words, signature: (input: string) => Buffer): string {
    const input = `${encode({ ...this.header(by), ...header })}.${encode(this.claims(by))}`
    return `${input}.${signature(input).toString('base64url')}`
  }
}

export function rsaSigned(input: string, hash = 'sha256', pss = false): Buffer {
  const key = pss ? { key: rsa.privateKey, padding: 6, saltLength: 32 } : rsa.privateKey
  return sign(hash, Buffer.from(input), key)
}
