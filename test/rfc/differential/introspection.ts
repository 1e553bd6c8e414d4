// What is said of a token, and to whom. RFC 7662.
import { as, asked, authorization, basic, NOBODYS, revokedFirst, shown } from './asking.ts'
import { type Case, type Difference, FORGE } from './case.ts'
import { METHOD, NOT_SHOWN, UNREADABLE } from './differences.ts'

const introspect = asked('/oauth/introspect')

/** The members of the RFC, and those that tell our resources what a verified request would. */
const OURS = 'active aud client_id credential exp groups iat iss jti kind principal projects roles scope sub token_type'
const DESCRIBED: Difference = {
  members: [OURS, 'active aud client_id exp iat iss token_type'],
  scope: ['files:read files:write', undefined],
  because:
    'RFC 7662 §2.2: whom it stands for and what it may do are what a resource asks for; more members are allowed',
}

export const introspection: Record<string, Case> = {
  'a token of its own': { differs: DESCRIBED, asks: introspect(async (s) => ({ token: await s.tokenOf('canister') })) },
  'a token of its own, a JWT': {
    differs: {
      status: [200, 400],
      error: [null, 'unsupported_token_type'],
      active: [true, undefined],
      scope: ['repo:read', undefined],
      members: [OURS, 'error'],
      because: 'RFC 7662 §2.1: a token is a token; of our JWTs, too, it is known whether they were revoked',
    },
    asks: introspect(async (s) => ({ token: await s.tokenOf('canister', FORGE) })),
  },
  'a token of another client': { asks: introspect(async (s) => ({ token: await s.tokenOf('other') })) },
  'a token of another client, for an introspector': {
    differs: DESCRIBED,
    asks: introspect(async (s) => ({ token: await s.tokenOf('other') }), 'reader'),
  },
  'an unknown token': { asks: introspect(() => ({ token: 'unknown' })) },
  'a token that was revoked': {
    asks: introspect(async (s) => revokedFirst(s, await s.tokenOf('canister'))),
  },
  'a token with a letter more': { asks: introspect(async (s) => ({ token: `${await s.tokenOf('canister')}x` })) },
  'a hint that fits': {
    differs: DESCRIBED,
    asks: introspect(async (s) => ({ token: await s.tokenOf('canister'), token_type_hint: 'access_token' })),
  },
  'a hint that does not fit': {
    differs: DESCRIBED,
    asks: introspect(async (s) => ({ token: await s.tokenOf('canister'), token_type_hint: 'refresh_token' })),
  },
  'a hint that nobody knows': {
    differs: DESCRIBED,
    asks: introspect(async (s) => ({ token: await s.tokenOf('canister'), token_type_hint: 'magic' })),
  },
  'no token': { asks: introspect(() => ({})) },
  'an empty token': { asks: introspect(() => ({ token: '' })) },
  'a token twice': { asks: introspect(() => 'token=a&token=b') },
  GET: {
    differs: METHOD,
    asks: async (s) => ({
      path: '/oauth/introspect',
      method: 'GET',
      ...as(s),
      query: `?token=${await s.tokenOf('canister')}`,
    }),
  },
  'a JSON body': {
    asks: (s) => ({
      path: '/oauth/introspect',
      headers: { ...as(s).headers, 'Content-Type': 'application/json' },
      form: '{"token":"a"}',
    }),
  },
  'no client': {
    differs: NOT_SHOWN,
    asks: async (s) => ({ path: '/oauth/introspect', form: { token: await s.tokenOf('canister') } }),
  },
  'a wrong secret': {
    asks: async (s) => ({
      path: '/oauth/introspect',
      ...basic('canister', NOBODYS),
      form: { token: await s.tokenOf('canister') },
    }),
  },
  'the token itself instead of a client': {
    differs: UNREADABLE,
    asks: async (s) => {
      const token = await s.tokenOf('canister')
      return { path: '/oauth/introspect', ...authorization(`Bearer ${token}`), form: { token } }
    },
  },
  'an assertion': {
    asks: async (s) => {
      const { grant_type: _, ...client } = shown(await s.key.assertion(s.issuer))
      return { path: '/oauth/introspect', form: { ...client, token: 'unknown' } }
    },
  },
}
