// Where a credential may stand, and what becomes of every other place.
import { basic, bearer, type Expected, type Line, type Vector, type Wallet } from './vector.ts'

const NOTHING: Expected = ['N401', 'credential_missing']
const MALFORMED: Expected = ['R400', 'credential_malformed']
const AMBIGUOUS: Expected = ['R400', 'credential_ambiguous']
const FOREIGN: Expected = ['T401', 'credential_foreign']
const SESSION: Line = ['Cookie', '__Host-session=0123456789abcdef0123456789abcdef; session=0123456789abcdef']

const authorization = (value: string): Line => ['Authorization', value]
const apiKey = (value: string): Line => ['X-Api-Key', value]
const row = (name: string, expected: Expected, lines: (wallet: Wallet) => readonly Line[]): Vector => ({
  name,
  lines,
  expected,
})

export const HEADER_VECTORS: readonly Vector[] = [
  row('HDR-01 no credential at all: asked for one, told of no error', NOTHING, () => []),

  row('HDR-02 the scheme in lower case', 'OK', ({ key }) => [authorization(`bearer ${key}`)]),
  row('HDR-02 the scheme in capitals', 'OK', ({ key }) => [authorization(`BEARER ${key}`)]),
  row('HDR-02 the scheme in mixed case', 'OK', ({ key }) => [authorization(`bEaReR ${key}`)]),

  row('HDR-03 two spaces after the scheme', 'OK', ({ key }) => [authorization(`Bearer  ${key}`)]),
  row('HDR-03 many spaces after the scheme', 'OK', ({ key }) => [authorization(`Bearer ${' '.repeat(40)}${key}`)]),
  row('HDR-03 a tab after the scheme', MALFORMED, ({ key }) => [authorization(`Bearer\t${key}`)]),

  row('HDR-04 spaces and tabs around the value', 'OK', ({ key }) => [authorization(` \t Bearer ${key}\t `)]),
  row('HDR-04 spaces around X-Api-Key', 'OK', ({ key }) => [apiKey(`  ${key} `)]),

  row('HDR-05 the scheme alone', MALFORMED, () => [authorization('Bearer')]),
  row('HDR-05 the scheme and a space', MALFORMED, () => [authorization('Bearer ')]),
  row('HDR-05 an empty Authorization', MALFORMED, () => [authorization('')]),
  row('HDR-05 Basic alone', MALFORMED, () => [authorization('Basic')]),
  row('HDR-05 an empty X-Api-Key', MALFORMED, () => [apiKey('')]),
  row('HDR-05 a good key beside an empty X-Api-Key', MALFORMED, ({ key }) => [bearer(key), apiKey('')]),

  row('HDR-06 two Authorization field lines: refused, never picks one', AMBIGUOUS, ({ key, other }) => [
    bearer(key),
    bearer(other),
  ]),
  row('HDR-06 the same Authorization field line twice', AMBIGUOUS, ({ key }) => [bearer(key), bearer(key)]),
  row('HDR-06 two X-Api-Key field lines', AMBIGUOUS, ({ key, other }) => [apiKey(key), apiKey(other)]),
  row('HDR-06 a bad line before the good one', AMBIGUOUS, ({ key }) => [bearer('wrong'), bearer(key)]),

  row('HDR-07 two credentials in one field', AMBIGUOUS, ({ key, other }) => [
    authorization(`Bearer ${key}, Bearer ${other}`),
  ]),
  row('HDR-07 a comma inside the credential', AMBIGUOUS, ({ key, other }) => [authorization(`Bearer ${key},${other}`)]),
  row('HDR-07 a comma after the credential', AMBIGUOUS, ({ key }) => [authorization(`Bearer ${key},`)]),
  row('HDR-07 a space inside the credential', MALFORMED, ({ key, other }) => [authorization(`Bearer ${key} ${other}`)]),
  row('HDR-07 a semicolon inside the credential', MALFORMED, ({ key }) => [authorization(`Bearer ${key};x`)]),

  row('HDR-08 Basic and Bearer', AMBIGUOUS, ({ key }) => [authorization('Basic eDp5'), bearer(key)]),
  row('HDR-08 Bearer and Basic', AMBIGUOUS, ({ key, other }) => [bearer(key), basic(`x:${other}`)]),
  row('HDR-08 Digest, which may hold commas, and Bearer', AMBIGUOUS, ({ key }) => [
    authorization('Digest username="x", realm="y"'),
    bearer(key),
  ]),

  row('HDR-09 Bearer and another X-Api-Key', AMBIGUOUS, ({ key, other }) => [bearer(key), apiKey(other)]),
  row('HDR-09 Bearer and an equal X-Api-Key', AMBIGUOUS, ({ key }) => [bearer(key), apiKey(key)]),
  row('HDR-09 Basic and X-Api-Key', AMBIGUOUS, ({ key, other }) => [basic(`x:${key}`), apiKey(other)]),

  row('HDR-10 a cookie beside a good key makes no difference', 'OK', ({ key }) => [bearer(key), SESSION]),
  row('HDR-11 a bad key is not rescued by a cookie', FOREIGN, () => [bearer('wrong'), SESSION]),
  row('HDR-12 a scheme that is not ours is not overlooked for a cookie', FOREIGN, () => [
    authorization('Negotiate abcd'),
    SESSION,
  ]),
  row('HDR-12 a password that is no key is not overlooked for a cookie', FOREIGN, () => [basic('alice:pw'), SESSION]),

  row('HDR-22 a percent-encoded key is not decoded', FOREIGN, ({ key }) => [bearer(`%63${key.slice(1)}`)]),
  row('HDR-22 a percent sign behind the key', FOREIGN, ({ key }) => [bearer(`${key}%20`)]),

  row('HDR-25 a key under the scheme Token', FOREIGN, ({ key }) => [authorization(`Token ${key}`)]),
  row('HDR-25 a key under the scheme ApiKey', FOREIGN, ({ key }) => [authorization(`ApiKey ${key}`)]),
  row('HDR-25 a key without a scheme', FOREIGN, ({ key }) => [authorization(key)]),

  row('HDR-26 the key as password without a user', 'OK', ({ key }) => [basic(`:${key}`)]),
  row('HDR-26 the key as password of anybody', 'OK', ({ key }) => [basic(`anybody:${key}`)]),
  row('HDR-26 the key as user, another password', FOREIGN, ({ key }) => [basic(`${key}:x`)]),
  row('HDR-26 the key as user and no password: an empty credential', MALFORMED, ({ key }) => [basic(`${key}:`)]),

  row('HDR-27 Basic that is not base64', MALFORMED, () => [authorization('Basic a*b=')]),
  row('HDR-27 Basic without a colon', MALFORMED, ({ key }) => [basic(key)]),
  row('HDR-27 Basic that is not UTF-8', MALFORMED, () => [authorization('Basic Yvw6eA==')]),
  row('HDR-27 Basic with a NUL', MALFORMED, ({ key }) => [basic(`x:${key}\0`)]),
  row('HDR-27 a colon in the password is a password like any other', FOREIGN, ({ key }) => [basic(`x:${key}:y`)]),

  row('HDR-28 Proxy-Authorization', NOTHING, ({ key }) => [['Proxy-Authorization', `Bearer ${key}`]]),

  row('HDR-33 X_Api_Key with underscores', NOTHING, ({ key }) => [['X_Api_Key', key]]),
  row('HDR-33 X_Api_Key beside a good key', 'OK', ({ key, other }) => [bearer(key), ['X_Api_Key', other]]),
  row('HDR-33 Remote_User and Remote-User', NOTHING, () => [
    ['Remote_User', 'admin'],
    ['Remote-User', 'admin'],
  ]),
  row('HDR-33 X_Forwarded_Method and X_Original_Method do not change what is asked', 'OK', ({ reader }) => [
    bearer(reader),
    ['X_Forwarded_Method', 'DELETE'],
    ['X_Original_Method', 'DELETE'],
    ['X_Forwarded_Uri', '/../etc'],
    ['X_Original_URL', 'https://evil.test/'],
  ]),
]
