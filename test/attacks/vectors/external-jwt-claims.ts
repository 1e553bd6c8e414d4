// What an issuer might sign that is not for here, not now, or not of this kind.
import {
  type Expected,
  type ExternalJwtVector,
  headed,
  MALFORMED,
  REFUSED,
  row,
  saying,
  shown,
  timed,
  type Words,
} from './external-vector.ts'
import { ALIAS, AUDIENCE } from './external-world.ts'

const NO_DATES: readonly unknown[] = ['1999999999', null, [1_999_999_999], true, {}, 1_893_456_300.5, 8_640_000_000_001]
const DAY = 86_400

/** When it is good. The clock of an issuer may be off by a minute. */
const TIMED: readonly ExternalJwtVector[] = [
  ...['iss', 'sub', 'aud', 'exp', 'iat'].map((name) =>
    saying(`JWT-20 no ${name}`, name === 'iss' ? 'credential_foreign' : REFUSED, { [name]: undefined }),
  ),
  ...['jti', 'client_id'].flatMap((name) => [
    saying(`JWT-20 no ${name}, by the profile at+jwt`, REFUSED, { [name]: undefined }, 'strict'),
    saying(`JWT-20 no ${name}, by the profile plain`, 'OK', { [name]: undefined }),
  ]),
  ...['exp', 'iat', 'nbf'].flatMap((name) =>
    NO_DATES.map((value) =>
      saying(
        `${value === 1_893_456_300.5 ? 'JWT-23' : name === 'exp' ? 'JWT-21' : 'JWT-27'} ${shown(value)} for ${name}`,
        REFUSED,
        { [name]: value },
      ),
    ),
  ),
  ...['1e400', '-1e400'].map((number) =>
    row(`JWT-21 ${number} for exp`, REFUSED, (signing) =>
      signing.text(
        'corp',
        signing.header('corp'),
        JSON.stringify(signing.claims('corp')).replace(/"exp":\d+/, `"exp":${number}`),
      ),
    ),
  ),
  ...(
    [
      [0, 'OK'],
      [-59, 'OK'],
      [-60, 'credential_expired'],
      [-61, 'credential_expired'],
      [-3600, 'credential_expired'],
    ] as const
  ).map(([ago, expected]) =>
    timed(`JWT-24 an end ${-ago} seconds ago`, expected, (now) => ({ iat: now - 4000, exp: now + ago })),
  ),
  timed('JWT-24 an end before its beginning', REFUSED, (now) => ({ iat: now + 20, exp: now + 10 })),
  timed('JWT-25 a life of a day', 'OK', (now) => ({ iat: now, exp: now + DAY })),
  timed('JWT-25 a life of a day and a second', REFUSED, (now) => ({ iat: now, exp: now + DAY + 1 })),
  timed('JWT-25 a life of ten years', REFUSED, (now) => ({ exp: now + 3650 * DAY })),
  timed('JWT-25 more than this issuer may', REFUSED, (now) => ({ iat: now, exp: now + 3601 }), 'narrow'),
  timed('JWT-26 a beginning in two minutes', 'credential_not_yet_valid', (now) => ({ nbf: now + 120 })),
  timed('JWT-26 a beginning in half a minute', 'OK', (now) => ({ nbf: now + 30 })),
  timed('JWT-26 a beginning in a minute', 'OK', (now) => ({ nbf: now + 60 })),
  timed('JWT-26 a beginning in 61 seconds', 'credential_not_yet_valid', (now) => ({ nbf: now + 61 })),
  timed('JWT-27 issued in two minutes', 'credential_not_yet_valid', (now) => ({ iat: now + 120 })),
  timed('JWT-27 issued in half a minute', 'OK', (now) => ({ iat: now + 30 })),
]

/** For whom, by whom, of which kind. */
const MEANT: readonly ExternalJwtVector[] = [
  ...[AUDIENCE, [AUDIENCE], ['https://other.example.com', AUDIENCE], ALIAS, ['x', ALIAS]].map((aud) =>
    saying(`JWT-28 ${shown(aud)} for the audience`, 'OK', { aud }),
  ),
  ...[
    `${AUDIENCE}/`,
    'https://WEBDAV.example.com',
    'https://webdav.example.co',
    `${AUDIENCE}.attacker.example`,
    'http://webdav.example.com',
    'webdav',
    ` ${AUDIENCE}`,
    `${AUDIENCE},x`,
    `${AUDIENCE} x`,
    'https://forge.example.com',
    'http://127.0.0.1:8420',
    `${ALIAS}-evil`,
    ALIAS.toUpperCase(),
    ['https://webdav.example.com-evil'],
    '*',
  ].map((aud) => saying(`JWT-29 ${shown(aud)} for the audience`, 'audience_refused', { aud })),
  saying('JWT-29 the name that another issuer has for it', 'audience_refused', { aud: ALIAS }, 'strict'),
  ...[
    '',
    [],
    null,
    7,
    {},
    [AUDIENCE, 7],
    [[AUDIENCE]],
    [AUDIENCE, ''],
    { 0: AUDIENCE },
    `${AUDIENCE}\n`,
    [AUDIENCE, 'x'.repeat(513)],
  ].map((aud) => saying(`JWT-29 ${shown(aud)} for the audience, which is none`, REFUSED, { aud })),
  ...[
    'https://idp.example.com/',
    'https://idp.example.com:443',
    'https://IDP.example.com',
    'HTTPS://idp.example.com',
    'http://idp.example.com',
    'https://ıdp.example.com',
    'https://idp.example.com.attacker.example',
    ['https://idp.example.com'],
    null,
    '',
  ].map((iss) => saying(`JWT-32 ${shown(iss)} for the issuer, by its key`, 'credential_foreign', { iss })),
  ...['nonce', 'at_hash', 'c_hash', 's_hash'].map((claim) =>
    saying(`JWT-36 an ID token, with ${claim}`, REFUSED, { [claim]: 'x' }),
  ),
  headed('JWT-36 an ID token, by the profile at+jwt', REFUSED, { typ: undefined }, 'strict'),
  headed('JWT-36 any JWT, by the profile at+jwt', REFUSED, { typ: 'JWT' }, 'strict'),
  ...['logout+jwt', 'secevent+jwt', 'dpop+jwt', 'id+jwt', 'countersign-assertion+jwt', ''].map((typ) =>
    headed(`JWT-36 another kind of token, «${typ}»`, REFUSED, { typ }),
  ),
  ...['ID', 'Refresh', 'Offline', 'Logout', 'bearer', null].map((typ) =>
    saying(`JWT-36 a token of Keycloak that is ${shown(typ)}`, REFUSED, { typ }),
  ),
  saying('JWT-36 a logout token', REFUSED, { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }),
  saying('JWT-36 a token that is bound to a key', REFUSED, { cnf: { jkt: 'x' } }),
  saying('JWT-36 a token that another client fetched', REFUSED, { azp: 'stranger' }, 'narrow'),
  saying(
    'JWT-36 a token that another client fetched, beside one that may',
    REFUSED,
    { client_id: 'stranger' },
    'narrow',
  ),
  saying('JWT-36 a token that no client fetched', REFUSED, { azp: undefined }, 'narrow'),
  saying('JWT-36 a token that one of the clients fetched', 'OK', {}, 'narrow'),
  ...['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/At+Jwt'].map((typ) =>
    headed(`JWT-38 its kind, spelt ${typ}`, 'OK', { typ }, 'strict'),
  ),
  ...['at+jwt ', 'at', 'application/jwt', 'x-application/at+jwt'].map((typ) =>
    headed(`JWT-38 its kind, spelt ${typ}`, REFUSED, { typ }, 'strict'),
  ),
  ...['', 7, null, {}, ['machine'], 'm'.repeat(513), 'machine\n', 'machine\u0000', '\ud800'].map((sub) =>
    saying(`JWT-44 ${shown(sub)} for its subject`, REFUSED, { sub }),
  ),
  saying('JWT-44 a subject of 10 KB', MALFORMED, { sub: 'm'.repeat(10_000) }),
  ...['', 7, null, ['one'], 'j'.repeat(513)].map((jti) => saying(`JWT-44 ${shown(jti)} for its id`, REFUSED, { jti })),
  row('JWT-40 a subject in the prototype', REFUSED, (signing) =>
    signing.text(
      'corp',
      signing.header('corp'),
      JSON.stringify({ ...signing.claims('corp'), sub: undefined }).replace('{', '{"__proto__":{"sub":"machine"},'),
    ),
  ),
  row('JWT-40 a prototype beside a subject', 'OK', (signing) =>
    signing.text(
      'corp',
      signing.header('corp'),
      JSON.stringify(signing.claims('corp')).replace('{', '{"__proto__":{"sub":"root"},"constructor":{},'),
    ),
  ),
]

/** What the claims of a subject are worth that may only what its groups may. */
const grouped = (name: string, expected: Expected, claims: Words) =>
  saying(name, expected, { sub: 'grouped', ...claims })
const GROUPED: readonly ExternalJwtVector[] = [
  grouped('JWT-43 a group that is mapped', 'OK', { groups: ['x', 'git-admins'] }),
  ...(
    [
      [undefined, 'no group'],
      [['media', 'admin'], 'the name of a group here'],
      [['git-admins,x', 'x,git-admins'], 'a comma'],
      [['git-admins\r\nRemote-Groups: git-admins', 'x;git-admins', 'git-admins\u0000'], 'what breaks a header'],
      ['x,git-admins', 'a comma in a text'],
      [['ɡit-admins', 'GIT-ADMINS', ' git-admins'], 'what looks alike'],
      [{ 'git-admins': true }, 'an object'],
      [[['git-admins'], 7, null], 'a list in a list'],
    ] as const
  ).map(([groups, what]) => grouped(`JWT-43 ${what} for its groups`, 'permission_missing', { groups })),
  ...['__proto__', 'constructor', 'prototype'].map((name) =>
    grouped(`JWT-40 groups in ${name}`, 'permission_missing', {
      groups: [name],
      roles: JSON.parse(`{"${name}":["git-admins"]}`),
      realm_access: JSON.parse(`{"${name}":{"roles":["git-admins"]}}`),
    }),
  ),
  row('JWT-40 groups in a prototype', 'permission_missing', (signing) =>
    signing.text(
      'corp',
      signing.header('corp'),
      JSON.stringify({ ...signing.claims('corp'), sub: 'grouped' }).replace(
        '{',
        '{"__proto__":{"groups":["git-admins"]},',
      ),
    ),
  ),
  grouped('JWT-43 too many groups to list', 'groups_overage', { _claim_names: { groups: 'src1' } }),
]

export const CLAIMS_VECTORS: readonly ExternalJwtVector[] = [...TIMED, ...MEANT, ...GROUPED]
