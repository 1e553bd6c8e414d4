import { describe, expect, test } from 'bun:test'
import type { Claims } from './jwt.ts'
import { whyLegacyToken, whyNoServiceAccount } from './kubernetes-token.ts'
import { PLATFORM_CLAIMS } from './testing/platform-claims.ts'

const SUBJECT = 'system:serviceaccount:atlas-production:atlas'
const bound = (claim: unknown, subject = SUBJECT) => whyNoServiceAccount({ 'kubernetes.io': claim }, subject, false)

describe('a token of a ServiceAccount', () => {
  test('is of the subject that it says', () => {
    expect(bound({ namespace: 'atlas-production', serviceaccount: { name: 'atlas' } })).toBeUndefined()
    expect(whyNoServiceAccount(PLATFORM_CLAIMS.kubernetes, SUBJECT, true)).toBeUndefined()
  })

  for (const other of [
    'system:serviceaccount:atlas-production:other',
    'system:serviceaccount:other:atlas',
    'system:serviceaccount:atlas:atlas-production',
    'system:serviceaccount:atlas-production:atlas:',
    'system:serviceaccount:atlas-production:Atlas',
    'SYSTEM:serviceaccount:atlas-production:atlas',
    'atlas-production:atlas',
    'atlas',
  ]) {
    test(`is not of ${other}`, () => {
      const claim = { namespace: 'atlas-production', serviceaccount: { name: 'atlas' } }
      expect(bound(claim, other)).toBe('its sub is not the ServiceAccount that its claim kubernetes.io names')
    })
  }

  for (const claim of [
    null,
    'atlas',
    [],
    [{ namespace: 'atlas-production', serviceaccount: { name: 'atlas' } }],
    {},
    { namespace: 'atlas-production' },
    { serviceaccount: { name: 'atlas' } },
    { namespace: '', serviceaccount: { name: 'atlas' } },
    { namespace: ['atlas-production'], serviceaccount: { name: 'atlas' } },
    { namespace: 'atlas-production', serviceaccount: 'atlas' },
    { namespace: 'atlas-production', serviceaccount: [{ name: 'atlas' }] },
    { namespace: 'atlas-production', serviceaccount: { name: '' } },
    { namespace: 'atlas-production', serviceaccount: { name: 7 } },
    JSON.parse('{"__proto__":{"namespace":"atlas-production","serviceaccount":{"name":"atlas"}}}'),
  ]) {
    test(`says nothing by ${JSON.stringify(claim)}`, () =>
      expect(bound(claim)).toBe('its claim kubernetes.io names no namespace and ServiceAccount'))
  }

  test('has to say so only where the issuer is a cluster', () => {
    expect(whyNoServiceAccount({}, SUBJECT, false)).toBeUndefined()
    expect(whyNoServiceAccount({}, SUBJECT, true)).toMatch(/its claim kubernetes.io is missing/)
    expect(whyNoServiceAccount(Object.create({ 'kubernetes.io': {} }) as Claims, SUBJECT, true)).toMatch(/is missing/)
  })
})

describe('the token of a ServiceAccount Secret is told, with what to use in its place', () => {
  const legacy = {
    iss: 'kubernetes/serviceaccount',
    'kubernetes.io/serviceaccount/namespace': 'atlas-production',
    'kubernetes.io/serviceaccount/secret.name': 'atlas-token-x2x4z',
    'kubernetes.io/serviceaccount/service-account.name': 'atlas',
    'kubernetes.io/serviceaccount/service-account.uid': '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798',
    sub: SUBJECT,
  }
  test('by its issuer', () => expect(whyLegacyToken({ iss: legacy.iss })).toMatch(/projected token/))
  test('by its claims, whoever it says signed it', () =>
    expect(whyLegacyToken({ ...legacy, iss: PLATFORM_CLAIMS.kubernetes.iss })).toMatch(/projected token/))
  test('and no other is taken for one', () => {
    for (const claims of Object.values(PLATFORM_CLAIMS)) expect(whyLegacyToken(claims)).toBeUndefined()
  })
})
