// Who the client is: by a secret in the header or in the form, or not at all. RFC 6749 §2.3, §5.2.
import { as, authorization, basic, basicRaw, GRANT, granting, NOBODYS, shown } from './asking.ts'
import type { Case } from './case.ts'
import { CHALLENGED, NAMED, NOT_SHOWN, noClient, refused, UNREADABLE } from './differences.ts'

export const clientAuthentication: Readonly<Record<string, Case>> = {
  Basic: { differs: NAMED, asks: granting((s) => as(s)) },
  'basic in lower case': {
    differs: NAMED,
    asks: granting((s) => authorization(as(s).headers.Authorization.replace('Basic', 'basic'))),
  },
  'Basic, every letter form-encoded': {
    differs: NAMED,
    asks: granting(({ secretOf }) => {
      const hex = (text: string) => [...text].map((c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')
      return basicRaw(`${hex('canister')}:${hex(String(secretOf.canister))}`)
    }),
  },
  'Basic, wrong secret': { asks: granting(() => basic('canister', NOBODYS)) },
  'Basic, secret of no form at all': { asks: granting(() => basic('canister', 'guess')) },
  'Basic, unknown client': { asks: granting(() => basic('nobody', NOBODYS)) },
  'Basic, secret of another client': { asks: granting(({ secretOf }) => basic('canister', String(secretOf.other))) },
  'Basic, id in another case': { asks: granting(({ secretOf }) => basic('CANISTER', String(secretOf.canister))) },
  'Basic, empty secret': { differs: UNREADABLE, asks: granting(() => basicRaw('canister:')) },
  'Basic, no colon': { differs: UNREADABLE, asks: granting(() => basicRaw('canister')) },
  'Basic, no id': { differs: UNREADABLE, asks: granting(({ secretOf }) => basicRaw(`:${secretOf.canister}`)) },
  'Basic, not base64': { differs: UNREADABLE, asks: granting(() => authorization('Basic !!!')) },
  'Basic, nothing after it': { differs: UNREADABLE, asks: granting(() => authorization('Basic')) },
  'Basic, broken form encoding': {
    differs: UNREADABLE,
    asks: granting(({ secretOf }) => basicRaw(`canister:${secretOf.canister}%zz`)),
  },
  'Bearer instead of Basic': { differs: UNREADABLE, asks: granting(() => authorization('Bearer abc')) },
  'a scheme that nobody knows': { differs: UNREADABLE, asks: granting(() => authorization('Negotiate abc')) },
  post: {
    differs: NAMED,
    asks: ({ secretOf }) => ({ form: { ...GRANT, client_id: 'canister', client_secret: String(secretOf.canister) } }),
  },
  'post, wrong secret': {
    differs: CHALLENGED,
    asks: () => ({ form: { ...GRANT, client_id: 'canister', client_secret: NOBODYS } }),
  },
  'post, unknown client': {
    differs: CHALLENGED,
    asks: () => ({ form: { ...GRANT, client_id: 'nobody', client_secret: NOBODYS } }),
  },
  'post, empty secret': {
    differs: CHALLENGED,
    asks: () => ({ form: { ...GRANT, client_id: 'canister', client_secret: '' } }),
  },
  'post, secret without id': {
    differs: NOT_SHOWN,
    asks: ({ secretOf }) => ({ form: { ...GRANT, client_secret: String(secretOf.canister) } }),
  },
  'post, id twice': {
    asks: ({ secretOf }) => ({
      form: [
        ['grant_type', 'client_credentials'],
        ['client_id', 'canister'],
        ['client_id', 'canister'],
        ['client_secret', String(secretOf.canister)],
      ],
    }),
  },
  'an id alone': { differs: CHALLENGED, asks: () => ({ form: { ...GRANT, client_id: 'canister' } }) },
  nothing: { differs: NOT_SHOWN, asks: () => ({ form: GRANT }) },
  'secret in the URL': {
    differs: noClient('RFC 6749 §2.3.1: a secret in the URL is no authentication'),
    asks: ({ secretOf }) => ({ form: GRANT, query: `?client_id=canister&client_secret=${secretOf.canister}` }),
  },
  'Basic and post, both right': {
    asks: (s) => ({ ...as(s), form: { ...GRANT, client_id: 'canister', client_secret: String(s.secretOf.canister) } }),
  },
  'Basic and an assertion': {
    asks: async (s) => ({ ...as(s, 'signer'), form: shown(await s.key.assertion(s.issuer)) }),
  },
  'Basic and the same client_id': {
    differs: NAMED,
    asks: (s) => ({ ...as(s), form: { ...GRANT, client_id: 'canister' } }),
  },
  'Basic and another client_id': { asks: (s) => ({ ...as(s), form: { ...GRANT, client_id: 'other' } }) },
  'Basic, by a client that may only sign': { asks: granting(() => basic('signer', NOBODYS)) },
  'post, by a client that may only use Basic': {
    differs: refused(
      'invalid_client',
      'A client authenticates in the ways that it is registered for, and in no other',
      ['Basic', null],
    ),
    asks: ({ secretOf }) => ({
      form: { ...GRANT, client_id: 'basic-only', client_secret: String(secretOf['basic-only']) },
    }),
  },
}
