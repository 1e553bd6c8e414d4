// What a known client asks for. RFC 6749 §3.2, §3.3, §4.4.
import { as, GRANT, granting } from './asking.ts'
import type { Case } from './case.ts'
import { GRANTED, METHOD, NAMED, refused } from './differences.ts'

export const tokenRequests: Record<string, Case> = {
  GET: { differs: METHOD, asks: (s) => ({ ...as(s), method: 'GET', query: '?grant_type=client_credentials' }) },
  PUT: { differs: METHOD, asks: (s) => ({ ...as(s), method: 'PUT', form: GRANT }) },
  'a JSON body': {
    asks: (s) => ({
      headers: { ...as(s).headers, 'Content-Type': 'application/json' },
      form: JSON.stringify(GRANT),
    }),
  },
  'parameters in the URL': { asks: (s) => ({ ...as(s), query: '?grant_type=client_credentials', form: '' }) },
  'no grant_type': { asks: (s) => ({ ...as(s), form: {} }) },
  'an empty grant_type': { asks: (s) => ({ ...as(s), form: { grant_type: '' } }) },
  'an unknown grant_type': { asks: (s) => ({ ...as(s), form: { grant_type: 'magic' } }) },
  'grant_type password': {
    asks: (s) => ({ ...as(s), form: { grant_type: 'password', username: 'a', password: 'b' } }),
  },
  'grant_type authorization_code': {
    asks: (s) => ({ ...as(s), form: { grant_type: 'authorization_code', code: 'c' } }),
  },
  'grant_type twice': {
    asks: (s) => ({ ...as(s), form: 'grant_type=client_credentials&grant_type=client_credentials' }),
  },
  'an unknown parameter': { differs: NAMED, asks: (s) => ({ ...as(s), form: { ...GRANT, colour: 'red' } }) },
  'an unknown parameter twice': {
    differs: refused('invalid_request', 'RFC 6749 §3.2: no parameter is there twice, known or not'),
    asks: (s) => ({ ...as(s), form: 'grant_type=client_credentials&colour=red&colour=blue' }),
  },
  'a parameter that is empty the first time': {
    differs: {
      status: [200, 400],
      error: [null, 'invalid_request'],
      members: [GRANTED, 'error'],
      scope: ['files:read files:write', undefined],
      because: 'RFC 6749 §3.2: what has no value counts as left out, so it is there once',
    },
    asks: (s) => ({ ...as(s), form: 'grant_type=&grant_type=client_credentials' }),
  },
  'a client that may use no grant': {
    differs: {
      error: ['unauthorized_client', 'invalid_request'],
      because: 'RFC 6749 §5.2: so is called a client that may not use the grant',
    },
    asks: granting((s) => as(s, 'idle')),
  },
  'one scope': { asks: (s) => ({ ...as(s), form: { ...GRANT, scope: 'files:read' } }) },
  'two scopes': { asks: (s) => ({ ...as(s), form: { ...GRANT, scope: 'files:read files:write' } }) },
  'a scope twice': { asks: (s) => ({ ...as(s), form: { ...GRANT, scope: 'files:read files:read' } }) },
  'a scope twice as a parameter': {
    asks: (s) => ({ ...as(s), form: 'grant_type=client_credentials&scope=files%3Aread&scope=files%3Awrite' }),
  },
  'an empty scope': { differs: NAMED, asks: (s) => ({ ...as(s), form: { ...GRANT, scope: '' } }) },
  'an unknown scope': {
    differs: refused(
      'invalid_scope',
      'RFC 6749 §5.2: nothing of what was asked for can be granted; a token without scopes would only fail later',
    ),
    asks: (s) => ({ ...as(s), form: { ...GRANT, scope: 'admin' } }),
  },
  'an unknown scope among others': { asks: (s) => ({ ...as(s), form: { ...GRANT, scope: 'files:read admin' } }) },
  'a scope in another case': {
    differs: refused('invalid_scope', 'RFC 6749 §3.3: scopes are compared with their case, so this one is unknown'),
    asks: (s) => ({ ...as(s), form: { ...GRANT, scope: 'FILES:READ' } }),
  },
  'two spaces between scopes': { asks: (s) => ({ ...as(s), form: { ...GRANT, scope: 'files:read  files:write' } }) },
}
