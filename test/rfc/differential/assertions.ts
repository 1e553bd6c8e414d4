// Who the client is: by an assertion that it signed. RFC 7521 §4.2, RFC 7523 §3.
import { GRANT, shown } from './asking.ts'
import type { Case, Sent, Side } from './case.ts'
import { CHALLENGED, NAMED, noClient, refused } from './differences.ts'

/** An assertion of `signer` with these claims and this header, for the issuer if no other audience is named. */
const signed =
  (
    claims: (side: Side) => Record<string, unknown> = () => ({}),
    header: Record<string, unknown> = {},
    key: 'key' | 'otherKey' = 'key',
  ): Case['asks'] =>
  async (side) => ({ form: shown(await side[key].assertion(side.issuer, claims(side), header)) })
const at = (seconds: number) => Math.floor(Date.now() / 1000) + seconds

export const assertions: Record<string, Case> = {
  'nothing beside it': { differs: NAMED, asks: signed() },
  'its client_id beside it': {
    differs: NAMED,
    asks: async (s) => ({ form: { ...shown(await s.key.assertion(s.issuer)), client_id: 'signer' } }),
  },
  'another client_id beside it': {
    differs: noClient('RFC 7521 §4.2.1: an assertion that is not for the client that is named is invalid_client'),
    asks: async (s) => ({ form: { ...shown(await s.key.assertion(s.issuer)), client_id: 'canister' } }),
  },
  'audience the token endpoint': {
    differs: refused(
      'invalid_client',
      'Our issuer alone is an audience here, so that no assertion is worth anything at two servers (RFC 7523 §3 leaves it open)',
      ['Basic', null],
    ),
    asks: signed(({ issuer }) => ({ aud: `${issuer}/oauth/token` })),
  },
  'audience in an array': { differs: NAMED, asks: signed(({ issuer }) => ({ aud: [issuer] })) },
  'audience among others': {
    differs: refused('invalid_client', 'One that is for another server, too, could be brought here by that server', [
      'Basic',
      null,
    ]),
    asks: signed(({ issuer }) => ({ aud: [issuer, 'https://as.test'] })),
  },
  'audience another server': { differs: CHALLENGED, asks: signed(() => ({ aud: 'https://as.test' })) },
  'no audience': { differs: CHALLENGED, asks: signed(() => ({ aud: undefined })) },
  expired: { differs: CHALLENGED, asks: signed(() => ({ iat: at(-600), exp: at(-300) })) },
  'no expiry': { differs: CHALLENGED, asks: signed(() => ({ exp: undefined })) },
  'good for a day': {
    differs: refused(
      'invalid_client',
      'RFC 7523 §3 (4) lets a server refuse what is good for unreasonably long: we take 5 minutes',
      ['Basic', null],
    ),
    asks: signed(() => ({ exp: at(86_400) })),
  },
  'not yet valid': { differs: CHALLENGED, asks: signed(() => ({ nbf: at(600), exp: at(660) })) },
  'no jti': { differs: CHALLENGED, asks: signed(() => ({ jti: undefined })) },
  'issuer is not its subject': { differs: CHALLENGED, asks: signed(() => ({ iss: 'canister' })) },
  'subject is another client': { differs: CHALLENGED, asks: signed(() => ({ sub: 'canister' })) },
  'unknown client': { differs: CHALLENGED, asks: signed(() => ({ iss: 'nobody', sub: 'nobody' })) },
  'of a key that nobody registered': { differs: CHALLENGED, asks: signed(undefined, {}, 'otherKey') },
  'no kid': { differs: NAMED, asks: signed(undefined, { kid: undefined }) },
  'unknown kid': { differs: CHALLENGED, asks: signed(undefined, { kid: 'two' }) },
  'alg none': {
    differs: CHALLENGED,
    asks: async (s) => {
      const [, payload] = (await s.key.assertion(s.issuer)).split('.')
      return { form: shown(`${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`) }
    },
  },
  'signature cut off': {
    differs: CHALLENGED,
    asks: async (s) => ({ form: shown((await s.key.assertion(s.issuer)).replace(/[^.]+$/, '')) }),
  },
  'no JWT': {
    differs: noClient('RFC 7523 §3.2: whatever is wrong with an assertion is invalid_client'),
    asks: () => ({ form: shown('abc') }),
  },
  'of another type': {
    differs: noClient('RFC 7523 §3.2: whatever is wrong with an assertion is invalid_client'),
    asks: async (s) => ({
      form: { ...shown(await s.key.assertion(s.issuer)), client_assertion_type: 'urn:example:saml' },
    }),
  },
  'without its type': {
    differs: noClient('RFC 7523 §3.2: whatever is wrong with an assertion is invalid_client'),
    asks: async (s) => ({ form: { ...GRANT, client_assertion: await s.key.assertion(s.issuer) } }),
  },
  'the second time': {
    differs: CHALLENGED,
    asks: async (s) => {
      const again: Sent = { form: shown(await s.key.assertion(s.issuer)) }
      await s.send(again)
      return again
    },
  },
}
