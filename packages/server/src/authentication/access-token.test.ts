// When an access token is believed, whatever happens while its signature is looked at.
import { beforeEach, expect, test } from 'bun:test'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type Denied, isDenied, writeAccessTokenClaims } from '@countersign/resource-server'
import { signedBy, twinOf } from '../../../../test/support/forging.ts'
import { Directory } from '../directory/directory.ts'
import { managementResource } from '../domain/management.ts'
import { isSignedWith } from '../keys/key-ring.ts'
import type { PublicJwk } from '../keys/signing-key.ts'
import { type AccessTokenDeps, accessTokenKind } from './access-token.ts'
import { type KnownCredential, KnownCredentials } from './known-credentials.ts'
import { knownTokenKind } from './known-tokens.ts'
import { recogniseBy } from './resolver.ts'

const ISSUER = 'https://auth.example.com'
const NOW = new Date('2030-01-01T00:00:00Z')

let published: PublicJwk[]
let revision: number
let confirmed: number
let meanwhile: () => void
let known: KnownCredentials
let recognise: ReturnType<typeof recogniseBy>
const signers = new Map<string, KeyObject>()

beforeEach(() => {
  published = [newKey('k1'), newKey('k2')]
  revision = 7
  confirmed = 0
  meanwhile = () => undefined
  known = new KnownCredentials(100)
  const deps: AccessTokenDeps = {
    ...{ issuer: ISSUER, known, revision: () => revision },
    keys: {
      find: (kid) => published.find((key) => key.kid === kid),
      isSigned(text, kid) {
        const key = published.find((one) => one.kid === kid)
        return key !== undefined && isSignedWith(createPublicKey({ key: { ...key }, format: 'jwk' }), text)
      },
    },
    async confirm() {
      confirmed++
      meanwhile()
    },
    sha256Hex: (text) => Bun.SHA256.hash(text, 'hex'),
  }
  const directory = new Directory(managementResource(ISSUER))
  recognise = recogniseBy([knownTokenKind({ ...deps, directory }), accessTokenKind(deps)])
})

function newKey(kid: string): PublicJwk {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  signers.set(kid, privateKey)
  return { kty: 'EC', crv: 'P-256', x, y, kid, alg: 'ES256', use: 'sig' }
}

let issued = 0
function token(facts: { revision?: number; client?: string } = {}, kid = 'k1'): string {
  const signer = signers.get(kid)
  if (signer === undefined) throw new Error(`no key ${kid}`)
  const { client = 'canister' } = facts
  const claims = writeAccessTokenClaims(
    {
      jti: `at_${String(++issued).padStart(26, '0')}`,
      ...{ subject: `client:${client}`, clientId: client, audience: 'https://webdav.example.com', resource: 'webdav' },
      ...{ scopes: ['files:read'], projects: null, networks: [], ancestors: ['secret_1'] },
      ...{ issuedAt: NOW, expiresAt: new Date(NOW.getTime() + 600_000), revision: facts.revision ?? 8 },
    },
    ISSUER,
  )
  return signedBy(signer, { alg: 'ES256', typ: 'at+jwt', kid }, claims)
}

const resolve = async (text: string): Promise<KnownCredential | Denied | undefined> => recognise(text)?.(text)
const outcome = async (text: string) => {
  const found = await resolve(text)
  if (found === undefined) return 'not ours'
  return isDenied(found) ? [found.code, found.detail.because] : found.stored.owner.id
}

test('a token is known at once, and from then on by its own digest', () => {
  const text = token()
  expect(recognise(text)?.(text)).not.toBeInstanceOf(Promise)
  const again = recognise(text)?.(text)
  expect(again).toBe(known.get(Bun.SHA256.hash(text, 'hex')) as KnownCredential)
})

test('a key that is retired vouches for nothing', async () => {
  published = published.filter(({ kid }) => kid !== 'k1')
  expect(await outcome(token())).toEqual(['token_unverified', 'kid'])
  expect(known.size).toBe(0)
})

test('a key that is retired while this node catches up vouches for nothing, and nothing is kept', async () => {
  meanwhile = () => {
    revision = 20
    published = published.filter(({ kid }) => kid !== 'k1')
    known.forget(undefined)
  }
  expect(await outcome(token({ revision: 20 }))).toEqual(['token_unverified', 'kid'])
  expect(known.size).toBe(0)
  expect(await outcome(token({ revision: 20 }, 'k2'))).toBe('canister')
})

test('another key of the same id vouches for nothing of the first', async () => {
  const text = token()
  const old = signers.get('k1') as KeyObject
  published = [newKey('k1')]
  expect(await outcome(text)).toEqual(['token_unverified', 'signature'])
  signers.set('k1', old)
})

test('a token of a later revision has this node catch up, once it is known to be signed', async () => {
  meanwhile = () => {
    revision = 20
  }
  const ahead = token({ revision: 20 })
  const forged = `${ahead.slice(0, -8)}AAAAAAAA`
  expect(await outcome(forged)).toEqual(['token_unverified', 'signature'])
  expect(confirmed).toBe(0)
  expect(await outcome(ahead)).toBe('canister')
  expect(confirmed).toBe(1)
  meanwhile = () => undefined
  expect(await outcome(token({ revision: 99 }))).toEqual(['token_unverified', 'revision'])
})

test('many at once, of several clients and in both spellings, are each who they are', async () => {
  const tokens = Array.from({ length: 100 }, (_, n) => token({ client: `c${n % 7}` }, n % 2 === 0 ? 'k1' : 'k2'))
  const all = tokens.flatMap((text, n) => [text, twinOf(text), text].map((one) => [one, `c${n % 7}`] as const))
  const found = await Promise.all(all.slice(0, 250).map(([text]) => outcome(text)))
  expect(found).toEqual(all.slice(0, 250).map(([, client]) => client))
})

test('of a flood of forgeries nothing is kept', async () => {
  for (let n = 0; n < 500; n++) {
    expect((await outcome(`${token({ client: `c${n}` }).slice(0, -8)}AAAAAAAA`))[0]).toBe('token_unverified')
  }
  expect(known.size).toBe(0)
})

test('what says neither our issuer nor a key of ours is not ours, be it a JWT or none', async () => {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const theirs = (header: object, claims: object) => `${encode({ alg: 'ES256', ...header })}.${encode(claims)}.AAAA`
  for (const text of [
    theirs({ kid: 'x' }, { iss: 'https://idp.example.com' }),
    theirs({}, { iss: [ISSUER] }),
    theirs({}, { __proto__: null, iss: `${ISSUER}/` }),
    theirs({ kid: ['k1'] }, {}),
    'eyJ.x',
    'ey.ey.ey',
    'eyJhbGciOiJkaXIifQ..a.b.c',
  ]) {
    expect([text, await outcome(text)]).toEqual([text, 'not ours'])
  }
  expect(await outcome(theirs({}, { iss: ISSUER }))).toEqual(['credential_kind_refused', undefined])
  expect(await outcome(theirs({ kid: 'k1' }, { iss: 'https://idp.example.com' }))).toEqual([
    'credential_kind_refused',
    undefined,
  ])
  expect(await outcome(`${encode({ alg: 'ES256', kid: 'k1' })}.!.AAAA`)).toEqual(['token_malformed', undefined])
})
