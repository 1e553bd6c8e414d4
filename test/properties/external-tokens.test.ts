// Tokens of other issuers: what is asked of them is asked of each, whatever else they say; and what their groups are worth
// is in the table alone.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  type Claims,
  DEFAULT_GROUPS_CLAIMS,
  isDenied,
  mapRoles,
  type RoleMapping,
  readExternalToken,
  TOKEN_PROFILES,
  type TokenPolicy,
  type UnverifiedJwt,
} from '../../packages/resource-server/src/index.ts'

const IAT = 1_800_000_000
const word = fc.constantFrom('a', 'b', 'c d', 'A', 'ä', '__proto__', 'constructor')

const policy: fc.Arbitrary<TokenPolicy> = fc.record({
  name: fc.constant('corp'),
  issuer: fc.constantFrom('https://idp.example.com', 'https://idp.example.com/'),
  algorithms: fc.constantFrom(['ES256'], ['RS256', 'ES256']),
  profile: fc.constantFrom(...TOKEN_PROFILES),
  maxLifetimeSeconds: fc.constantFrom(1, 600, 86_400),
  toleranceSeconds: fc.constantFrom(0, 60),
  allowedClients: fc.constantFrom(null, ['a', 'b']),
  isKubernetes: fc.boolean(),
})

const KUBERNETES = { namespace: 'prod', serviceaccount: { name: 'atlas', uid: 'x' } }
const OPTIONAL = fc.record(
  {
    nbf: fc.integer({ min: IAT - 100, max: IAT + 100 }),
    jti: fc.string({ minLength: 1, maxLength: 512 }),
    groups: fc.array(word),
    azp: fc.constantFrom('a', 'b'),
    scope: fc.string(),
  },
  { requiredKeys: [] },
)

/** A token that its policy lets through, and which of its claims that needs. */
const good = fc
  .record({
    policy,
    optional: OPTIONAL,
    sub: fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 100 })
      .filter((text) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)),
    aud: fc.oneof(word, fc.array(word, { minLength: 1, maxLength: 64 })),
    share: fc.double({ min: 0.001, max: 1, noNaN: true }),
  })
  .map(({ policy, optional, sub, aud, share }) => {
    const claims: Claims = {
      ...{ iss: policy.issuer, aud, iat: IAT, exp: IAT + Math.ceil(policy.maxLifetimeSeconds * share) },
      ...(policy.isKubernetes ? { sub: 'system:serviceaccount:prod:atlas', 'kubernetes.io': KUBERNETES } : { sub }),
      ...(policy.profile === 'at+jwt' && { jti: 'j' }),
      ...((policy.profile === 'at+jwt' || policy.allowedClients !== null) && { client_id: 'a' }),
      ...optional,
    }
    const needed = ['iss', 'sub', 'aud', 'exp', 'iat']
    if (policy.profile === 'at+jwt') needed.push('client_id', 'jti')
    if (policy.isKubernetes) needed.push('kubernetes.io')
    const typ = policy.profile === 'at+jwt' ? 'at+jwt' : undefined
    return { policy, claims, needed, header: { alg: 'ES256', kid: 'k', typ } }
  })

const isBelieved = (header: UnverifiedJwt['header'], claims: Claims, policy: TokenPolicy) =>
  !isDenied(readExternalToken({ text: '', header, claims }, policy))

const KNOWN_CLAIMS = [
  ...['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'client_id', 'azp', 'appid', 'cid', 'kubernetes.io', 'typ'],
  ...['nonce', 'at_hash', 'c_hash', 's_hash', 'cnf', 'events', '__proto__', 'constructor', 'groups', 'x'],
]
const name = fc.constantFrom(...KNOWN_CLAIMS)
const value: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom<unknown>(IAT, IAT + 1, IAT + 600, 'a', 'https://idp.example.com', 'Bearer') },
  fc.constantFrom<unknown>(KUBERNETES, 'system:serviceaccount:prod:atlas', ['a']),
  fc.jsonValue({ maxDepth: 3 }),
)

/** Members of their own, whatever they are called. */
const withClaim = (claims: Claims, name: string, value: unknown): Claims =>
  Object.fromEntries([...Object.entries(claims), [name, value]])
const without = (claims: Claims, name: string): Claims =>
  Object.fromEntries(Object.entries(claims).filter(([other]) => other !== name))

test('a token that says everything that its policy asks is believed, as what it says', () => {
  fc.assert(
    fc.property(good, ({ policy, claims, header }) => {
      const facts = readExternalToken({ text: '', header, claims }, policy)
      const { sub, aud, iat, exp, jti } = claims
      expect(facts).toMatchObject({
        issuer: 'corp',
        subject: sub,
        audiences: typeof aud === 'string' ? [aud] : aud,
        issuedAt: new Date(Number(iat) * 1000),
        expiresAt: new Date(Number(exp) * 1000),
        claims,
      })
      if (!isDenied(facts)) expect(facts.jti).toBe(jti as string | undefined)
    }),
    { numRuns: 500 },
  )
})

test('without one claim that is needed it is refused, whatever else it says then', () => {
  const others = fc.array(fc.tuple(name, value), { maxLength: 5 })
  fc.assert(
    fc.property(good, fc.nat(), others, ({ policy, claims, needed, header }, at, others) => {
      const missing = String(needed[at % needed.length])
      let changed = without(claims, missing)
      expect(isBelieved(header, changed, policy)).toBe(false)
      for (const [other, value] of others) if (other !== missing) changed = withClaim(changed, other, value)
      expect(isBelieved(header, changed, policy)).toBe(false)
    }),
    { numRuns: 2000 },
  )
})

test('with a claim that is needed of another type it is refused', () => {
  const kindOf = (value: unknown) => (value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value)
  fc.assert(
    fc.property(good, fc.nat(), fc.jsonValue({ maxDepth: 2 }), ({ policy, claims, needed, header }, at, value) => {
      const retyped = String(needed[at % needed.length])
      const kinds = retyped === 'aud' ? ['string', 'list'] : [kindOf(claims[retyped])]
      fc.pre(!kinds.includes(kindOf(value)))
      expect(isBelieved(header, withClaim(claims, retyped, value), policy)).toBe(false)
    }),
    { numRuns: 1000 },
  )
})

test('claims that nobody reads change nothing', () => {
  const unread = fc.string().filter((name) => !KNOWN_CLAIMS.includes(name))
  fc.assert(
    fc.property(good, unread, fc.jsonValue(), ({ policy, claims, header }, name, value) => {
      const said = withClaim(claims, name, value)
      const before = readExternalToken({ text: '', header, claims }, policy)
      const after: unknown = readExternalToken({ text: '', header, claims: said }, policy)
      expect(after).toEqual({ ...before, claims: said })
    }),
  )
})

test('whatever a token says it is refused in a few words of ours, or is what its policy asks', () => {
  let believed = 0
  const changes = fc.array(fc.tuple(name, value), { maxLength: 3 })
  fc.assert(
    fc.property(good, changes, policy, fc.boolean(), ({ claims, header, ...own }, changes, another, isOwn) => {
      const policy = isOwn ? own.policy : another
      const canary = 'c'.repeat(65)
      const said = changes.reduce((all, [name, value]) => withClaim(all, name, value), withClaim(claims, 'x', canary))
      const facts = readExternalToken({ text: canary, header, claims: said }, policy)
      if (isDenied(facts)) {
        expect(Object.keys(facts.detail)).toEqual(['issuer', 'because'])
        expect(String(facts.detail.because).length).toBeLessThan(200)
        return
      }
      believed++
      const seconds = (date: Date) => date.getTime() / 1000
      expect(said.iss).toBe(policy.issuer)
      expect(policy.algorithms).toContain(header.alg)
      expect(seconds(facts.expiresAt) - seconds(facts.issuedAt)).toBeLessThanOrEqual(policy.maxLifetimeSeconds)
      expect(facts.expiresAt > facts.issuedAt).toBe(true)
      expect(seconds(facts.believedUntil) - seconds(facts.expiresAt)).toBe(policy.toleranceSeconds)
      expect(seconds(facts.issuedAt) - seconds(facts.believedFrom)).toBeLessThanOrEqual(policy.toleranceSeconds)
      expect(facts.subject).not.toBe('')
      expect(facts.audiences.length).toBeGreaterThan(0)
      expect(Object.hasOwn(said, 'cnf')).toBe(false)
      if (policy.profile === 'plain') for (const claim of ['nonce', 'at_hash']) expect(claim in said).toBe(false)
      if (policy.profile === 'at+jwt') expect([header.typ, typeof said.client_id]).toEqual(['at+jwt', 'string'])
      if (policy.isKubernetes) expect(facts.subject).toStartWith('system:serviceaccount:')
      if (policy.allowedClients !== null) {
        const clients = ['azp', 'appid', 'cid', 'client_id'].filter((claim) => Object.hasOwn(said, claim))
        expect(clients.length).toBeGreaterThan(0)
        for (const claim of clients) expect(policy.allowedClients).toContain(said[claim] as string)
      }
    }),
    { numRuns: 3000 },
  )
  expect(believed).toBeGreaterThan(300)
})

const role = fc.constantFrom('ADMIN', 'READER', 'a', '__proto__', 'toString')
const mapping: fc.Arbitrary<RoleMapping> = fc.record({
  mappings: fc
    .array(fc.tuple(role, fc.array(word, { maxLength: 3 })), { maxLength: 4 })
    .map((rows) => Object.fromEntries(rows)),
  groupsClaims: fc.constantFrom(DEFAULT_GROUPS_CLAIMS, ['groups'], ['realm_access.roles', 'x'], []),
})
const groups = fc.oneof(
  fc.array(word, { maxLength: 4 }),
  fc.array(word, { maxLength: 4 }).map((all) => all.join(' ')),
  fc.jsonValue({ maxDepth: 2 }),
)
const grouped: fc.Arbitrary<Claims> = fc
  .record({ groups, roles: groups, x: groups, inner: groups }, { requiredKeys: [] })
  .map(({ inner, ...said }) => ({ ...said, realm_access: { roles: inner } }))

test('a role is given when the table has it for a value that is there, and no other ever is', () => {
  let given = 0
  fc.assert(
    fc.property(grouped, mapping, (claims, mapping) => {
      const inner = (claims.realm_access as Claims).roles
      const at: Claims = { groups: claims.groups, roles: claims.roles, x: claims.x, 'realm_access.roles': inner }
      const values = mapping.groupsClaims.flatMap((path) => {
        const said = at[path]
        const listed = typeof said === 'string' ? [said, ...said.split(' ')] : said
        return Array.isArray(listed) ? (listed as unknown[]) : []
      })
      const expected = Object.entries(mapping.mappings).filter(([, some]) => some.some((one) => values.includes(one)))
      const roles = mapRoles(claims, mapping)
      expect(roles).toEqual(expected.map(([role]) => role).sort())
      given += expected.length
    }),
    { numRuns: 2000 },
  )
  expect(given).toBeGreaterThan(100)
})

test('a value more, in the token or in the table, takes no role away', () => {
  fc.assert(
    fc.property(fc.array(word), fc.array(word), word, mapping, role, (groups, roles, more, mapping, wider) => {
      const given = mapRoles({ groups, roles }, mapping) as readonly string[]
      expect(mapRoles({ groups: [...groups, more], roles }, mapping)).toEqual(expect.arrayContaining([...given]))
      expect(mapRoles({ groups, roles: [more, ...roles] }, mapping)).toEqual(expect.arrayContaining([...given]))
      const { mappings } = mapping
      const some = Object.hasOwn(mappings, wider) ? (mappings[wider] ?? []) : []
      const table = Object.fromEntries([...Object.entries(mappings), [wider, [...some, more]]])
      expect(mapRoles({ groups, roles }, { ...mapping, mappings: table })).toEqual(expect.arrayContaining([...given]))
    }),
    { numRuns: 1000 },
  )
})

test('whatever the claims are, they give roles of the table or a refusal that says why', () => {
  const names = fc.constantFrom('groups', 'roles', 'realm_access', '_claim_names', 'hasgroups', 'groups:src1', 'x')
  fc.assert(
    fc.property(fc.dictionary(names, fc.jsonValue()), mapping, (claims, mapping) => {
      const roles = mapRoles(claims, mapping)
      if (isDenied(roles))
        expect(roles).toMatchObject({ code: 'groups_overage', detail: { because: expect.any(String) } })
      else for (const role of roles) expect(Object.hasOwn(mapping.mappings, role)).toBe(true)
    }),
    { numRuns: 1000 },
  )
})
