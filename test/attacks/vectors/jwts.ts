// Access tokens that are nearly ours: as somebody else would forge them, and as only our own key could sign them.
import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import type { RefusalCode } from '@countersign/resource-server'
import {
  encode,
  type Forge,
  type Json,
  numbers,
  signatureOf,
  signedBy,
  strangersKey,
  twinOf,
  withSignature,
} from '../../support/forging.ts'

/** One line of the catalogue as data: run against the server in each dialect, and against the library. */
export type JwtVector = {
  readonly name: string
  readonly text: (forge: Forge) => string
  readonly expected: 'OK' | readonly [kind: 'T401' | 'R400', code: RefusalCode]
  /** What the library calls it, where that is another code: it does not know which others may be asked. */
  readonly library?: RefusalCode
}

type Expected = JwtVector['expected']
const MALFORMED: Expected = ['T401', 'token_malformed']
const UNVERIFIED: Expected = ['T401', 'token_unverified']
const FOREIGN: Expected = ['T401', 'credential_foreign']
const OTHER_KIND: Expected = ['T401', 'credential_kind_refused']
const ELSEWHERE: Expected = ['T401', 'audience_refused']

const row = (name: string, expected: Expected, text: JwtVector['text'], library?: RefusalCode): JwtVector => ({
  ...{ name, text, expected },
  ...(library !== undefined && { library }),
})
/** Signed rightly, by our own key: only what it says is wrong. */
const saying = (name: string, expected: Expected, claims: Readonly<Record<string, unknown>>, library?: RefusalCode) =>
  row(name, expected, (forge) => forge.signed(claims), library)
const headed = (name: string, expected: Expected, header: Readonly<Record<string, unknown>>) =>
  row(name, expected, (forge) => forge.signed({}, header))
/** The claims of a live token behind a header and a signature of somebody else's. */
const forged = (
  name: string,
  expected: Expected,
  make: (forge: Forge) => { header: Json; by: (input: string) => Buffer },
) =>
  row(name, expected, (forge) => {
    const { header, by } = make(forge)
    const input = `${encode(header)}.${encode(forge.claims)}`
    return withSignature(input, by(input))
  })
const parts = (jwt: string) => jwt.split('.') as [header: string, claims: string, signature: string]
const respelt = (name: string, expected: Expected, change: (part: string) => string) =>
  [0, 1, 2].map((at) =>
    row(`${name} in part ${at + 1}`, expected, ({ live }) =>
      parts(live)
        .map((part, index) => (index === at ? change(part) : part))
        .join('.'),
    ),
  )

const stranger = strangersKey()
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const pem = ({ publicJwk }: Forge) => createPublicKey({ key: { ...publicJwk }, format: 'jwk' })
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const SECRETS: Readonly<Record<string, (forge: Forge) => string | Buffer>> = {
  'the PEM': (forge) => pem(forge).export({ type: 'spki', format: 'pem' }),
  'the PEM without its last line end': (forge) => String(pem(forge).export({ type: 'spki', format: 'pem' })).trim(),
  'the PEM behind a space': (forge) => ` ${pem(forge).export({ type: 'spki', format: 'pem' })}`,
  'the PEM behind a BOM': (forge) => `\ufeff${pem(forge).export({ type: 'spki', format: 'pem' })}`,
  'the DER': (forge) => pem(forge).export({ type: 'spki', format: 'der' }),
  'the JWK': ({ publicJwk }) => JSON.stringify(publicJwk),
  'the point': ({ publicJwk: { x, y } }) => Buffer.from(`${x}${y}`, 'base64url'),
  'the id': ({ publicJwk }) => publicJwk.kid,
  nothing: () => '',
}

/** What is wrong with the algorithm, the key, or where the key is said to be. */
const CONFUSED: readonly JwtVector[] = [
  ...['none', 'None', 'nOnE', 'NONE', ''].flatMap((alg) => {
    const expected = alg === '' ? MALFORMED : UNVERIFIED
    return [
      row(
        `JWT-01 «${alg}» for its algorithm, without a signature`,
        MALFORMED,
        ({ header, claims }) => `${encode({ ...header, alg })}.${encode(claims)}.`,
      ),
      forged(`JWT-01 «${alg}» for its algorithm, with some signature`, expected, ({ header, live }) => ({
        header: { ...header, alg },
        by: () => signatureOf(live).bytes,
      })),
    ]
  }),
  ...Object.entries(SECRETS).map(([what, secret]) =>
    forged(`JWT-02 signed with ${what} of our key as a shared secret`, UNVERIFIED, (forge) => ({
      header: { ...forge.header, alg: 'HS256' },
      by: (input) => createHmac('sha256', secret(forge)).update(input).digest(),
    })),
  ),
  row('JWT-02 the same, under the algorithm of our key', UNVERIFIED, (forge) => {
    const input = `${encode(forge.header)}.${encode(forge.claims)}`
    const mac = createHmac('sha256', JSON.stringify(forge.publicJwk)).update(input).digest()
    return withSignature(input, Buffer.concat([mac, mac]))
  }),
  ...['ES384', 'ES512', 'ES256K', 'RS256', 'PS256', 'EdDSA', 'es256', 'ES256 '].map((alg) =>
    headed(`JWT-04 our signature under ${alg}`, UNVERIFIED, { alg }),
  ),
  forged('JWT-04 an RSA signature under the id of our key', UNVERIFIED, ({ header }) => ({
    header: { ...header, alg: 'RS256' },
    by: (input) => sign('sha256', Buffer.from(input), rsa),
  })),
  ...(
    [
      ['JWT-07 a key that it brings along', { jwk: stranger.jwk }],
      ['JWT-07 a key that it brings along under its own id', { jwk: stranger.jwk, kid: stranger.jwk.kid }],
      ['JWT-08 a key behind an address', { jku: 'https://attacker.example/jwks.json' }],
      ['JWT-08 a key behind an address of the inside', { jku: 'http://169.254.169.254/latest/' }],
      ['JWT-08 a certificate behind an address', { x5u: 'https://attacker.example/cert.pem', kid: stranger.jwk.kid }],
      ['JWT-09 a chain of certificates', { x5c: [Buffer.from('a certificate').toString('base64')] }],
      ['JWT-34 no other key, under the id of ours', {}],
      ['JWT-34 a key that nobody published', { kid: stranger.jwk.kid }],
      ['JWT-34 a key named by a path', { kid: '../../../../dev/null' }],
      ['JWT-34 a key named by a member of every object', { kid: '__proto__' }],
    ] as const
  ).map(([name, header]) =>
    row(name, UNVERIFIED, (forge) => signedBy(stranger.privateKey, { ...forge.header, ...header }, forge.claims)),
  ),
  row('JWT-11 no key named', UNVERIFIED, (forge) => {
    const { kid: _, ...header } = forge.header
    return forge.signedText(header, forge.claims)
  }),
  ...[null, '', 7, ['k'], {}].map((kid) => headed(`JWT-11 ${JSON.stringify(kid)} for a key`, MALFORMED, { kid })),
  row(
    'JWT-34 the claims changed under the signature',
    UNVERIFIED,
    ({ header, claims, live }) =>
      `${encode(header)}.${encode({ ...claims, scope: 'files:read files:write admin:all' })}.${parts(live)[2]}`,
  ),
]

/** What has another form than a JWT of ours. */
const SHAPED: readonly JwtVector[] = [
  row('JWT-14 two parts', MALFORMED, ({ live }) => parts(live).slice(0, 2).join('.')),
  row('JWT-14 four parts', MALFORMED, ({ live }) => `${live}.x`),
  row('JWT-14 five parts', MALFORMED, ({ live }) => `${live}.x.y`),
  row('JWT-14 six parts', MALFORMED, ({ live }) => `${live}.x.y.z`),
  row('JWT-14 an empty signature', MALFORMED, ({ live }) => live.replace(/[^.]+$/, '')),
  row('JWT-14 an empty header', FOREIGN, ({ live }) => live.replace(/^[^.]+/, ''), 'token_malformed'),
  row('JWT-14 empty claims, by a key of ours', MALFORMED, ({ live }) => live.replace(/\.[^.]+\./, '..')),
  row('JWT-14 claims that cannot be read, by a key of ours', MALFORMED, ({ header }) => `${encode(header)}.AAAA.AAAA`),
  row('JWT-14 a JWT in a JWT', MALFORMED, (forge) => forge.signedText({ ...forge.header, cty: 'JWT' }, forge.live)),
  row('JWT-14 the JSON serialization', ['R400', 'credential_ambiguous'], ({ live }) => {
    const [header, payload, signature] = parts(live)
    return JSON.stringify({ payload, protected: header, signature })
  }),
  row('JWT-14 claims that are no object', MALFORMED, (forge) => forge.signedText(forge.header, '["iss"]')),
  row(
    'JWT-14 a header that is no object',
    FOREIGN,
    (forge) => forge.signedText('"ES256"', forge.claims),
    'token_malformed',
  ),
  headed('JWT-14 an extension that must be understood', MALFORMED, { crit: ['exp'], exp: 1 }),
  headed('JWT-14 claims that are not encoded', MALFORMED, { b64: false }),
  row(
    'JWT-15 an encrypted token with a compressed bomb',
    FOREIGN,
    ({ header }) => `${encode({ alg: 'dir', enc: 'A128GCM', zip: 'DEF', typ: header.typ })}..AAAA.AAAA.AAAA`,
    'token_malformed',
  ),
  row(
    'JWT-15 an encrypted token, whose key would take for ever',
    MALFORMED,
    ({ header }) =>
      `${encode({ ...header, alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2s: 'AAAA', p2c: 2 ** 31 })}.AAAA.AAAA.AAAA.AAAA`,
  ),
  ...respelt('JWT-16 padding', MALFORMED, (part) => `${part}=`),
  ...respelt('JWT-16 a character too many', MALFORMED, (part) => `${part}A`).slice(0, 2),
  row('JWT-16 a character too many behind the signature', UNVERIFIED, ({ live }) => `${live}A`),
  ...respelt('JWT-16 a line of another alphabet', MALFORMED, (part) => `${part}+/`),
  ...respelt('JWT-16 a tilde', MALFORMED, (part) => `${part.slice(0, 4)}~${part.slice(4)}`),
  row('JWT-16 bits that say nothing', MALFORMED, ({ live }) => withUnusedBits(live)),
  row('JWT-16 the alphabet of base64', MALFORMED, (forge) => {
    // Told by a character that it has: a signature has both alphabets' own sooner or later.
    for (;;) {
      const jwt = forge.signed()
      const other = jwt.replaceAll('-', '+').replaceAll('_', '/')
      if (other !== jwt) return other
    }
  }),
  row('JWT-16 a space', ['R400', 'credential_malformed'], ({ live }) => live.replace('.', ' .')),
  row('JWT-17 the other signature of the same text', 'OK', ({ live }) => twinOf(live)),
]

/** Signatures that are none. */
const UNSIGNED: readonly JwtVector[] = (
  [
    ['zeros', () => numbers(0n, 0n)],
    ['r of zero', ({ s }) => numbers(0n, s)],
    ['s of zero', ({ r }) => numbers(r, 0n)],
    ['r of the order', ({ s, order }) => numbers(order, s)],
    ['s of the order', ({ r, order }) => numbers(r, order)],
    ['r beyond the order', ({ r, s, order }) => (r + order < 2n ** 256n ? numbers(r + order, s) : numbers(order, s))],
    ['r and s of one', () => numbers(1n, 1n)],
    ['r and s exchanged', ({ r, s }) => numbers(s, r)],
    ['r twice', ({ r }) => numbers(r, r)],
    ['r negated', ({ r, s, order }) => numbers(order - r, s)],
    ['all bits', () => Buffer.alloc(64, 255)],
    ['a byte less', ({ bytes }) => bytes.subarray(0, 63)],
    ['half of it', ({ bytes }) => bytes.subarray(0, 32)],
    ['one byte', () => Buffer.alloc(1)],
    ['zeros behind', ({ bytes }) => Buffer.concat([bytes, Buffer.alloc(2)])],
    ['zeros before', ({ bytes }) => Buffer.concat([Buffer.alloc(2), bytes])],
    ['itself twice', ({ bytes }) => Buffer.concat([bytes, bytes])],
    ['one bit changed', ({ bytes }) => Buffer.from(bytes.map((byte, at) => (at === 63 ? byte ^ 1 : byte)))],
    ['DER', ({ bytes }) => derOf(bytes)],
  ] as [string, (signature: ReturnType<typeof signatureOf>) => Buffer][]
).map(([what, change]) =>
  row(`JWT-19 a signature of ${what}`, UNVERIFIED, ({ live }) => {
    const signature = signatureOf(live)
    return withSignature(signature.input, change(signature))
  }),
)

const NO_DATES: Readonly<Record<string, unknown>> = {
  'a text': '1999999999',
  null: null,
  'a list': [1_999_999_999],
  true: true,
  'an object': {},
  'a fraction': 1_893_456_300.5,
  'a negative number': -1,
  zero: 0,
  'more than a date holds': 8_640_000_000_001,
}

/** What is signed by our own key, and says what no token of ours says. */
const SAYING: readonly JwtVector[] = [
  ...['exp', 'iat', 'iss', 'sub', 'aud', 'jti', 'client_id', 'scope', 'credential', 'resource', 'revision'].map(
    (name) =>
      name === 'exp'
        ? saying('JWT-20 no exp', UNVERIFIED, { exp: undefined })
        : saying(
            `JWT-20 no ${name}`,
            UNVERIFIED,
            { [name]: undefined },
            name === 'iss' ? 'credential_foreign' : undefined,
          ),
  ),
  ...Object.entries(NO_DATES).flatMap(([what, value]) => [
    saying(`${what === 'a fraction' ? 'JWT-23' : 'JWT-21'} ${what} for exp`, UNVERIFIED, { exp: value }),
    ...(value === 0 || value === -1 ? [] : [saying(`JWT-27 ${what} for iat`, UNVERIFIED, { iat: value })]),
  ]),
  ...['1e400', '-1e400', '1893456600.001', '189345e400'].map((number) =>
    row(`JWT-21 ${number} for exp`, UNVERIFIED, ({ header, claims, signedText }) =>
      signedText(header, JSON.stringify(claims).replace(/"exp":\d+/, `"exp":${number}`)),
    ),
  ),
  row('JWT-23 a whole number, written as a fraction, for exp', 'OK', ({ header, claims, signedText }) =>
    signedText(header, JSON.stringify(claims).replace(/"exp":(\d+)/, '"exp":$1.0')),
  ),
  row('JWT-24 an end before its beginning', UNVERIFIED, ({ signed, claims }) =>
    signed({ exp: Number(claims.iat) - 1 }),
  ),
  row('JWT-26 a beginning in two minutes', UNVERIFIED, ({ signed, now }) => signed({ nbf: now() + 120 })),
  saying('JWT-26 a beginning that is no date', UNVERIFIED, { nbf: 'soon' }),
  row('JWT-27 issued two minutes from now', ['T401', 'credential_not_yet_valid'], ({ signed, now }) =>
    signed({ iat: now() + 120 }),
  ),
  row('JWT-27 issued half a minute from now, by a clock that is ahead', 'OK', ({ signed, now }) =>
    signed({ iat: now() + 30 }),
  ),
  ...(
    [
      'https://webdav.example.com/',
      'https://WEBDAV.example.com',
      'https://webdav.example.co',
      'https://webdav.example.com.evil.test',
      'http://webdav.example.com',
      'webdav',
      ' https://webdav.example.com',
      'https://intranet.example.com',
      'http://127.0.0.1:8420',
    ] as const
  ).map((aud) => saying(`JWT-29 «${aud}» for the audience`, ELSEWHERE, { aud })),
  ...['', [], null, 7, {}, ['https://webdav.example.com'], ['https://webdav.example.com', 'https://evil.test']].map(
    (aud) => saying(`JWT-29 ${JSON.stringify(aud)} for the audience, which is one text in ours`, UNVERIFIED, { aud }),
  ),
  ...[
    'http://127.0.0.1:8420/',
    'http://127.0.0.1:08420',
    'HTTP://127.0.0.1:8420',
    'https://127.0.0.1:8420',
    'http://localhost:8420',
    'http://127.0.0.1',
    ['http://127.0.0.1:8420'],
    null,
  ].map((iss) =>
    saying(`JWT-32 ${JSON.stringify(iss)} for the issuer, by a key of ours`, UNVERIFIED, { iss }, 'credential_foreign'),
  ),
  row('JWT-35 an issuer that nobody knows', FOREIGN, ({ header, claims }) =>
    signedBy(stranger.privateKey, { ...header, kid: stranger.jwk.kid }, { ...claims, iss: 'https://attacker.example' }),
  ),
  ...[
    undefined,
    'JWT',
    'id+jwt',
    'secevent+jwt',
    'at+jwt ',
    'at',
    '',
    'countersign-assertion+jwt',
    'application/jwt',
  ].map((typ) => headed(`JWT-36 another kind of token, «${typ}»`, OTHER_KIND, { typ })),
  ...[7, null, ['at+jwt']].map((typ) => headed(`JWT-36 ${JSON.stringify(typ)} for a kind`, MALFORMED, { typ })),
  ...['application/at+jwt', 'AT+JWT', 'at+jwt', 'Application/At+Jwt'].map((typ) =>
    headed(`JWT-38 its kind, spelt ${typ}`, 'OK', { typ }),
  ),
  row('JWT-40 scopes in the prototype', UNVERIFIED, ({ header, claims, signedText }) =>
    signedText(
      header,
      JSON.stringify({ ...claims, scope: undefined }).replace('{', '{"__proto__":{"scope":"files:read"},'),
    ),
  ),
  row('JWT-40 a prototype beside the scopes', 'OK', ({ header, claims, signedText }) =>
    signedText(header, JSON.stringify(claims).replace('{', '{"__proto__":{"scope":"pages:admin"},"constructor":{},')),
  ),
  ...['iss', 'sub', 'aud', 'scope', 'exp', 'jti'].flatMap((name) =>
    [name, escaped(name)].map((other) =>
      row(`JWT-40 «${name}» twice, the other time as ${other}`, MALFORMED, ({ header, claims, signedText }) =>
        signedText(header, JSON.stringify(claims).replace('{', `{"${other}":${JSON.stringify(claims[name])},`)),
      ),
    ),
  ),
  row('JWT-40 a name twice deep inside', MALFORMED, ({ header, claims, signedText }) =>
    signedText(header, JSON.stringify(claims).replace('{', '{"x":[{"a":1,"\\u0061":1}],')),
  ),
  row('JWT-40 two algorithms', MALFORMED, ({ header, claims, signedText }) =>
    signedText(JSON.stringify(header).replace('{', '{"alg":"none",'), claims),
  ),
  row('JWT-41 60 KB of claims', FOREIGN, ({ signed }) => signed({ x: 'x'.repeat(60_000) })),
  row('JWT-41 10 000 groups', FOREIGN, ({ signed }) =>
    signed({ groups: Array.from({ length: 10_000 }, (_, n) => `g${n}`) }),
  ),
  ...[32, 1000, 2500].map((depth) =>
    row(`JWT-41 ${depth} lists in each other`, MALFORMED, ({ header, claims, signedText }) =>
      signedText(header, JSON.stringify(claims).replace('{', `{"x":${'['.repeat(depth)}${']'.repeat(depth)},`)),
    ),
  ),
  row('JWT-41 a BOM before the claims', MALFORMED, ({ header, claims, signedText }) =>
    signedText(header, `\ufeff${JSON.stringify(claims)}`),
  ),
  row('JWT-41 bytes that are no UTF-8', MALFORMED, ({ header, claims, live }) => {
    const bytes = Buffer.from(JSON.stringify({ ...claims, x: '??' }))
    bytes[bytes.indexOf('??')] = 0xff
    return `${encode(header)}.${encode(bytes)}.${parts(live)[2]}`
  }),
  ...[
    ['', 'nothing'],
    [7, 'a number'],
    ['client:', 'a kind alone'],
    ['canister', 'a name alone'],
    ['client:canister\n', 'a line end'],
    ['client:Canister', 'a capital'],
    ['client:canister,other', 'a comma'],
    ['client:\u0000canister', 'a control'],
    ['group:media', 'a group'],
    ['bootstrap:bootstrap', 'a kind that is none'],
    ['client:client:canister', 'a kind twice'],
    [`client:${'c'.repeat(64)}`, 'a name too long'],
    [{ kind: 'client' }, 'an object'],
  ].map(([sub, what]) => saying(`JWT-44 ${what} for whom it stands`, UNVERIFIED, { sub })),
  saying('JWT-44 a subject of 10 KB', FOREIGN, { sub: `client:${'c'.repeat(10_000)}` }),
  ...['at_1', 'key_01JABCDEFGHJKMNPQRSTVWXYZ0', '', 7, null].map((jti) =>
    saying(`JWT-44 ${JSON.stringify(jti)} for its id`, UNVERIFIED, { jti }),
  ),
  ...[[], 'a', null, {}, [''], [7]].flatMap((value) =>
    ['projects', 'networks'].map((name) =>
      saying(`JWT-44 ${JSON.stringify(value)} for the ${name} that confine it`, UNVERIFIED, { [name]: value }),
    ),
  ),
  saying('JWT-44 a network that is none', UNVERIFIED, { networks: ['10.0.0.0/33'] }),
  ...[-1, 1.5, '1', null].map((revision) =>
    saying(`JWT-44 ${JSON.stringify(revision)} for its revision`, UNVERIFIED, { revision }),
  ),
  ...[1, 'x', {}].map((ancestors) =>
    saying(`JWT-44 ${JSON.stringify(ancestors)} for what minted it`, UNVERIFIED, { ancestors }),
  ),
  saying('JWT-44 a key that it is bound to', UNVERIFIED, { cnf: { jkt: 'x' } }),
]

export const JWT_VECTORS: readonly JwtVector[] = [...CONFUSED, ...SHAPED, ...UNSIGNED, ...SAYING]

/** The same bytes of signature, by another last character. */
function withUnusedBits(jwt: string): string {
  const last = ALPHABET.indexOf(jwt.at(-1) ?? '')
  return jwt.slice(0, -1) + ALPHABET.charAt(last | 1)
}

/** The name, with its first letter as an escape: "\u0069ss". */
function escaped(name: string): string {
  return `\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}`
}

/** The signature as OpenSSL writes it. */
function derOf(bytes: Buffer): Buffer {
  const integer = (number: Buffer) => Buffer.concat([Buffer.from([2, number.length + 1, 0]), number])
  const both = Buffer.concat([integer(bytes.subarray(0, 32)), integer(bytes.subarray(32))])
  return Buffer.concat([Buffer.from([0x30, both.length]), both])
}
