// Who may end a token. RFC 7009.
import { as, asked, basic, NOBODYS, revokedFirst } from './asking.ts'
import { type Case, type Difference, FORGE } from './case.ts'
import { METHOD, NOT_SHOWN } from './differences.ts'

const revoke = asked('/oauth/revoke')

const NEVER_KEPT: Difference = {
  cache: ['no-store', null],
  because: 'No answer of an OAuth endpoint is for a cache (RFC 6749 §5.1 asks it of one of them)',
}

export const revocation: Record<string, Case> = {
  'a token of its own': { differs: NEVER_KEPT, asks: revoke(async (s) => ({ token: await s.tokenOf('canister') })) },
  'a token of its own, a JWT': {
    differs: {
      ...NEVER_KEPT,
      status: [200, 400],
      error: [null, 'unsupported_token_type'],
      members: ['', 'error'],
      because: 'RFC 7009 §2: our JWTs can be revoked, each by itself',
    },
    asks: revoke(async (s) => ({ token: await s.tokenOf('canister', FORGE) })),
  },
  'a token of another client': {
    differs: NEVER_KEPT,
    asks: revoke(async (s) => ({ token: await s.tokenOf('other') })),
  },
  'an unknown token': { differs: NEVER_KEPT, asks: revoke(() => ({ token: 'unknown' })) },
  'a token that was revoked': {
    differs: NEVER_KEPT,
    asks: revoke(async (s) => revokedFirst(s, await s.tokenOf('canister'))),
  },
  'a hint that does not fit': {
    differs: NEVER_KEPT,
    asks: revoke(async (s) => ({ token: await s.tokenOf('canister'), token_type_hint: 'refresh_token' })),
  },
  'a hint that nobody knows': {
    differs: NEVER_KEPT,
    asks: revoke(async (s) => ({ token: await s.tokenOf('canister'), token_type_hint: 'magic' })),
  },
  'no token': { differs: NEVER_KEPT, asks: revoke(() => ({})) },
  'an empty token': { differs: NEVER_KEPT, asks: revoke(() => ({ token: '' })) },
  'a token twice': { differs: NEVER_KEPT, asks: revoke(() => 'token=a&token=b') },
  GET: {
    differs: METHOD,
    asks: async (s) => ({
      path: '/oauth/revoke',
      method: 'GET',
      ...as(s),
      query: `?token=${await s.tokenOf('canister')}`,
    }),
  },
  'no client': {
    differs: { ...NOT_SHOWN, ...NEVER_KEPT, because: NOT_SHOWN.because },
    asks: async (s) => ({ path: '/oauth/revoke', form: { token: await s.tokenOf('canister') } }),
  },
  'a wrong secret': {
    differs: NEVER_KEPT,
    asks: async (s) => ({
      path: '/oauth/revoke',
      ...basic('canister', NOBODYS),
      form: { token: await s.tokenOf('canister') },
    }),
  },
}
