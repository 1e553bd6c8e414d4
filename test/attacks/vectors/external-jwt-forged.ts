// Tokens that somebody else made up in the name of an issuer: by another key, another algorithm, another form.
import { createHmac } from 'node:crypto'
import { encode, numbers, signatureOf, strangersKey, twinOf, withSignature } from '../../support/forging.ts'
import { type ExternalJwtVector, headed, MALFORMED, REFUSED, row, saying, shown } from './external-vector.ts'
import { rsa, rsaSigned, signerOf } from './external-world.ts'

const stranger = strangersKey()
const RSA = { alg: 'RS256', kid: 'corp-rsa' }
const SECRETS: Readonly<Record<string, string | Buffer>> = {
  'the PEM': rsa.publicKey.export({ type: 'spki', format: 'pem' }),
  'the PEM behind a space': ` ${rsa.publicKey.export({ type: 'spki', format: 'pem' })}`,
  'the PEM behind a line end': `\n${rsa.publicKey.export({ type: 'spki', format: 'pem' })}`,
  'the PEM behind a BOM': `\ufeff${rsa.publicKey.export({ type: 'spki', format: 'pem' })}`,
  'the PEM of PKCS #1': rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }),
  'the DER': rsa.publicKey.export({ type: 'spki', format: 'der' }),
  'the JWK': JSON.stringify(rsa.publicKey.export({ format: 'jwk' })),
  'the modulus': Buffer.from(String(rsa.publicKey.export({ format: 'jwk' }).n), 'base64url'),
  nothing: '',
}

/** What is wrong with the algorithm, the key, or where the key is said to be. */
const CONFUSED: readonly ExternalJwtVector[] = [
  ...['none', 'None', 'nOnE', 'NONE'].flatMap((alg) => [
    row(`JWT-01 «${alg}» for its algorithm, without a signature`, MALFORMED, (signing) =>
      signing.forged('corp', { alg }, () => Buffer.alloc(0)),
    ),
    row(`JWT-01 «${alg}» for its algorithm, with some signature`, REFUSED, (signing) =>
      signing.forged('corp', { alg }, () => Buffer.alloc(64)),
    ),
  ]),
  ...Object.entries(SECRETS).flatMap(([what, secret]) =>
    ['HS256', 'HS384', 'HS512'].map((alg) =>
      row(`JWT-02 ${alg} with ${what} of its key as a shared secret`, REFUSED, (signing) =>
        signing.forged('corp', { alg, kid: 'corp-rsa' }, (input) =>
          createHmac(alg.replace('HS', 'sha'), secret).update(input).digest(),
        ),
      ),
    ),
  ),
  row('JWT-02 the same, under the algorithm of its key', REFUSED, (signing) =>
    signing.forged('corp', RSA, (input) =>
      createHmac('sha256', SECRETS['the PEM'] ?? '')
        .update(input)
        .digest(),
    ),
  ),
  row('JWT-03 a key that names no algorithm is for one that the issuer has', 'OK', (signing) =>
    signing.forged('corp', RSA, rsaSigned),
  ),
  row('JWT-03 and for no other: RS512', REFUSED, (signing) =>
    signing.forged('corp', { ...RSA, alg: 'RS512' }, (input) => rsaSigned(input, 'sha512')),
  ),
  row('JWT-03 and for no other: PS256', REFUSED, (signing) =>
    signing.forged('corp', { ...RSA, alg: 'PS256' }, (input) => rsaSigned(input, 'sha256', true)),
  ),
  row('JWT-04 PS256 under the name of RS256', REFUSED, (signing) =>
    signing.forged('corp', RSA, (input) => rsaSigned(input, 'sha256', true)),
  ),
  row('JWT-04 an RSA signature under the id of the other key', REFUSED, (signing) =>
    signing.forged('corp', { ...RSA, kid: 'corp-1' }, rsaSigned),
  ),
  ...['RS256', 'ES384', 'ES512', 'ES256K', 'EdDSA', 'es256', 'ES256 '].map((alg) =>
    headed(`JWT-04 its signature under ${alg}`, REFUSED, { alg }),
  ),
  row('JWT-06 a key of its own that is for encryption', REFUSED, (signing) =>
    signing.token('corp', {}, { kid: 'corp-enc' }, signerOf('corp-enc').privateKey),
  ),
  ...(
    [
      ['JWT-07 a key that it brings along', { jwk: stranger.jwk }],
      ['JWT-07 a key that it brings along under its own id', { jwk: stranger.jwk, kid: stranger.jwk.kid }],
      ['JWT-08 a key behind an address', { jku: 'https://attacker.example/jwks.json', kid: stranger.jwk.kid }],
      ['JWT-08 a key behind an address of the inside', { jku: 'http://169.254.169.254/latest/' }],
      ['JWT-08 a certificate behind an address', { x5u: 'https://attacker.example/cert.pem' }],
      ['JWT-09 a chain of certificates', { x5c: [Buffer.from('a certificate').toString('base64')] }],
      ['JWT-34 another key under the id of its own', {}],
      ['JWT-34 a key that nobody published', { kid: stranger.jwk.kid }],
      ['JWT-34 a key named by a path', { kid: '../../../../dev/null' }],
      ['JWT-34 a key named by a member of every object', { kid: '__proto__' }],
    ] as const
  ).map(([name, header]) => row(name, REFUSED, (signing) => signing.token('corp', {}, header, stranger.privateKey))),
  headed('JWT-11 no key named, where there is one of its algorithm', 'OK', { kid: undefined }),
  headed('JWT-11 no key named, where there are two', REFUSED, { kid: undefined }, 'strict'),
  headed('JWT-11 no key named, where two issuers share a name', REFUSED, { kid: undefined }, 'east'),
  ...[null, '', 7, ['corp-1'], {}].map((kid) => headed(`JWT-11 ${shown(kid)} for a key`, MALFORMED, { kid })),
  row('JWT-34 the key of another issuer', REFUSED, (signing) =>
    signing.token('corp', {}, {}, signerOf('strict-1').privateKey),
  ),
  row('JWT-34 the key of another issuer, by its id', REFUSED, (signing) =>
    signing.token('corp', {}, { kid: 'strict-1' }, signerOf('strict-1').privateKey),
  ),
  row('JWT-34 the claims changed under the signature', REFUSED, (signing) => {
    const [header, , signature] = signing.token('corp', { sub: 'nobody' }).split('.')
    return `${header}.${encode(signing.claims('corp'))}.${signature}`
  }),
  row('JWT-35 an issuer that nobody knows', 'credential_foreign', (signing) =>
    signing.token('corp', { iss: 'https://attacker.example' }, { kid: stranger.jwk.kid }, stranger.privateKey),
  ),
  ...['http://169.254.169.254/latest', 'file:///etc/passwd', '__proto__', ' https://idp.example.com'].map((iss) =>
    saying(`JWT-35 ${iss} for its issuer`, 'credential_foreign', { iss }),
  ),
]

const parts = (jwt: string) => jwt.split('.') as [header: string, claims: string, signature: string]
const respelt = (name: string, change: (part: string) => string) =>
  [0, 1, 2].map((at) =>
    row(`${name} in part ${at + 1}`, MALFORMED, (signing) =>
      parts(signing.token('corp'))
        .map((part, index) => (index === at ? change(part) : part))
        .join('.'),
    ),
  )
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** What has another form than the one. */
const SHAPED: readonly ExternalJwtVector[] = [
  row('JWT-14 two parts', MALFORMED, (signing) => parts(signing.token('corp')).slice(0, 2).join('.')),
  ...['.x', '.x.y', '.x.y.z'].map((more) =>
    row(`JWT-14 ${more.length / 2 + 3} parts`, MALFORMED, (signing) => `${signing.token('corp')}${more}`),
  ),
  row('JWT-14 an empty signature', MALFORMED, (signing) => signing.token('corp').replace(/[^.]+$/, '')),
  row('JWT-14 a JWT in a JWT', MALFORMED, (signing) =>
    signing.text('corp', { ...signing.header('corp'), cty: 'JWT' }, signing.token('corp')),
  ),
  row('JWT-14 claims that are a list', MALFORMED, (signing) =>
    signing.text('corp', signing.header('corp'), `[${JSON.stringify(signing.claims('corp'))}]`),
  ),
  headed('JWT-14 an extension that must be understood', MALFORMED, { crit: ['exp'], exp: 1 }),
  headed('JWT-14 claims that are not encoded', MALFORMED, { b64: false }),
  row(
    'JWT-15 an encrypted token with a compressed bomb',
    MALFORMED,
    () => `${encode({ alg: 'dir', enc: 'A128GCM', zip: 'DEF' })}..AAAA.AAAA.AAAA`,
  ),
  row(
    'JWT-15 an encrypted token, whose key would take for ever',
    MALFORMED,
    () => `${encode({ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2s: 'AAAA', p2c: 2 ** 31 })}.AAAA.AAAA.AAAA.AAAA`,
  ),
  ...respelt('JWT-16 padding', (part) => `${part}=`),
  ...respelt('JWT-16 a line of another alphabet', (part) => `${part}+/`),
  row('JWT-16 bits that say nothing', MALFORMED, (signing) => {
    const jwt = signing.token('corp')
    return jwt.slice(0, -1) + ALPHABET.charAt(ALPHABET.indexOf(jwt.at(-1) ?? '') | 1)
  }),
  row('JWT-17 the other signature of the same text', 'OK', (signing) => twinOf(signing.token('corp'))),
  row('JWT-41 60 KB of claims', MALFORMED, (signing) => signing.token('corp', { x: 'x'.repeat(60_000) })),
  row('JWT-41 10 000 groups', MALFORMED, (signing) =>
    signing.token('corp', { groups: Array.from({ length: 10_000 }, (_, n) => `g${n}`) }),
  ),
  ...[32, 2500].map((depth) =>
    row(`JWT-41 ${depth} lists in each other`, MALFORMED, (signing) => {
      const claims = JSON.stringify(signing.claims('corp'))
      const nested = `{"x":${'['.repeat(depth)}${']'.repeat(depth)},`
      return signing.text('corp', signing.header('corp'), claims.replace('{', nested))
    }),
  ),
  ...['iss', 'sub', 'aud', 'exp', 'groups'].map((name) =>
    row(`JWT-40 «${name}» twice`, MALFORMED, (signing) => {
      const claims = { groups: ['x'], ...signing.claims('corp') }
      const again = `{"\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}":"x",`
      return signing.text('corp', signing.header('corp'), JSON.stringify(claims).replace('{', again))
    }),
  ),
]

/** Signatures that are none. */
const UNSIGNED: readonly ExternalJwtVector[] = [
  ...(
    [
      ['zeros', () => numbers(0n, 0n)],
      ['r of zero', ({ s }) => numbers(0n, s)],
      ['s of zero', ({ r }) => numbers(r, 0n)],
      ['r of the order', ({ s, order }) => numbers(order, s)],
      ['r and s of one', () => numbers(1n, 1n)],
      ['a byte less', ({ bytes }) => bytes.subarray(0, 63)],
      ['zeros behind', ({ bytes }) => Buffer.concat([bytes, Buffer.alloc(2)])],
      ['one bit changed', ({ bytes }) => Buffer.from(bytes.map((byte, at) => (at === 63 ? byte ^ 1 : byte)))],
    ] as [string, (signature: ReturnType<typeof signatureOf>) => Buffer][]
  ).map(([what, change]) =>
    row(`JWT-19 a signature of ${what}`, REFUSED, (signing) => {
      const signature = signatureOf(signing.token('corp'))
      return withSignature(signature.input, change(signature))
    }),
  ),
  ...(
    [
      ['zeros', () => Buffer.alloc(256)],
      ['one', () => Buffer.concat([Buffer.alloc(255), Buffer.of(1)])],
      ['the modulus', () => SECRETS['the modulus'] as Buffer],
      ['a byte more before', (bytes) => Buffer.concat([Buffer.alloc(1), bytes])],
      ['a byte less', (bytes) => bytes.subarray(1)],
      ['itself and the modulus', (bytes) => plusModulus(bytes)],
    ] as [string, (signature: Buffer) => Buffer][]
  ).map(([what, change]) =>
    row(`JWT-19 an RSA signature of ${what}`, REFUSED, (signing) =>
      signing.forged('corp', RSA, (input) => change(rsaSigned(input))),
    ),
  ),
]

/** The next number that is the same one modulo the key's: one byte longer where it does not fit. */
function plusModulus(signature: Buffer): Buffer {
  const sum =
    BigInt(`0x${signature.toString('hex')}`) + BigInt(`0x${(SECRETS['the modulus'] as Buffer).toString('hex')}`)
  const hex = sum.toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
}

export const FORGED_VECTORS: readonly ExternalJwtVector[] = [...CONFUSED, ...SHAPED, ...UNSIGNED]
