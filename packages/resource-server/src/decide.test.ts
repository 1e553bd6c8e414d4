import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { AccessRule, MatchedRule, ProtectedResource, Requirement } from './access-rule.ts'
import { type Caller, type Circumstances, decide } from './decide.ts'
import { type Network, parseAddress, parseNetwork } from './networks.ts'
import { grantOf, type Narrowing, type Permission } from './rights.ts'
import { compileRulePath } from './rule-path.ts'

const NOW = new Date('2030-01-01T00:00:00Z')
const before = (ms: number) => new Date(NOW.getTime() - ms)
const DECLARED = ['files:read', 'files:write', 'pushes:create']
const UNNARROWED: Narrowing = { resources: null, scopes: null, projects: null }
const ASKS_NOTHING: Requirement = {
  public: false,
  principals: [],
  scopes: [],
  roles: [],
  groups: [],
  project: 'captured',
  networks: [],
  listener: undefined,
}

function networks(...texts: string[]): Network[] {
  return texts.map((text) => {
    const network = parseNetwork(text)
    if (network === undefined) throw new Error(text)
    return network
  })
}

function matched(require: Partial<Requirement>, project?: string): MatchedRule {
  const path = compileRulePath('/**')
  if ('problem' in path) throw new Error(path.problem)
  const rule: AccessRule = { index: 0, methods: undefined, path, require: { ...ASKS_NOTHING, ...require } }
  return { rule, project }
}

const webdav: ProtectedResource = {
  name: 'webdav',
  identifier: 'https://webdav.example.com',
  disabled: false,
  rules: [],
}

function permission(fields: Partial<Permission> = {}): Permission {
  return { id: 'perm_1', resource: 'webdav', scopes: ['files:read'], roles: [], projects: null, ...fields }
}

type Person = Partial<Omit<Caller, 'credential'>> & {
  credential?: Partial<Caller['credential']>
  permissions?: readonly Permission[]
}

function caller({ credential, permissions = [permission()], ...rest }: Person = {}): Caller {
  const unconfined = { notBefore: null, expiresAt: null, narrowing: UNNARROWED, audience: null, networks: [] }
  const state = { id: 'key_1', ...unconfined, ...credential }
  return {
    principal: { kind: 'client', id: 'canister', name: 'Canister' },
    revocation: undefined,
    owner: { disabled: false, networks: [] },
    groups: new Set(['media', 'clients']),
    grant: grantOf(permissions, state.narrowing, DECLARED),
    ...rest,
    credential: state,
  }
}

function from(address: string | undefined, listener: Circumstances['listener'] = 'public'): Circumstances {
  return { now: NOW, listener, clientAddress: () => (address === undefined ? undefined : parseAddress(address)) }
}

const outcome = (
  who: Caller | undefined,
  rule: MatchedRule,
  circumstances = from('192.0.2.1'),
  resource: ProtectedResource = webdav,
) => {
  const verdict = decide(who, resource, rule, circumstances)
  return verdict.outcome === 'allow' ? 'allow' : verdict.code
}

describe('nobody', () => {
  const rows: [string, string, MatchedRule, Circumstances?, ProtectedResource?][] = [
    ['is asked for a credential', 'credential_missing', matched({})],
    ['passes a public rule', 'allow', matched({ public: true })],
    [
      'is refused by a public rule on a disabled resource',
      'resource_disabled',
      matched({ public: true }),
      from('192.0.2.1'),
      { ...webdav, disabled: true },
    ],
    [
      'is refused outside the networks of a public rule',
      'network_refused',
      matched({ public: true, networks: networks('10.0.0.0/8') }),
    ],
    [
      'is refused where a network is asked for and the address is unknown',
      'client_address_unknown',
      matched({ public: true, networks: networks('10.0.0.0/8') }),
      from(undefined),
    ],
    ['is refused on the wrong listener', 'listener_refused', matched({ public: true, listener: 'internal' })],
  ]
  for (const [claim, code, rule, circumstances, resource] of rows) {
    test(claim, () => expect(outcome(undefined, rule, circumstances, resource)).toBe(code))
  }
})

describe('a credential', () => {
  const revocation = { at: before(1000), by: 'client:admin', reason: 'leaked', of: 'the credential' }
  const rows: [string, string, Person, Circumstances?][] = [
    ['that lives passes', 'allow', {}],
    ['that was revoked is dead', 'credential_revoked', { revocation }],
    ['is alive a millisecond before it expires', 'allow', { credential: { expiresAt: new Date(NOW.getTime() + 1) } }],
    ['is dead at the moment it expires', 'credential_expired', { credential: { expiresAt: NOW } }],
    ['is dead a millisecond after it expired', 'credential_expired', { credential: { expiresAt: before(1) } }],
    [
      'is not valid a millisecond too early',
      'credential_not_yet_valid',
      { credential: { notBefore: new Date(NOW.getTime() + 1) } },
    ],
    ['is valid from its first moment', 'allow', { credential: { notBefore: NOW } }],
    ['of a deleted owner is dead', 'owner_missing', { owner: undefined }],
    ['of a disabled owner is dead', 'owner_disabled', { owner: { disabled: true, networks: [] } }],
    ['works inside its networks', 'allow', { credential: { networks: networks('192.0.2.0/24') } }],
    [
      'is dead outside its networks',
      'credential_network_refused',
      { credential: { networks: networks('10.0.0.0/8') } },
    ],
    [
      "is dead outside its owner's networks",
      'credential_network_refused',
      { owner: { disabled: false, networks: networks('10.0.0.0/8') } },
    ],
    [
      'needs both networks at once',
      'credential_network_refused',
      {
        credential: { networks: networks('192.0.2.0/24') },
        owner: { disabled: false, networks: networks('10.0.0.0/8') },
      },
    ],
    [
      'with networks is refused from nowhere known',
      'client_address_unknown',
      { credential: { networks: networks('192.0.2.0/24') } },
      from(undefined),
    ],
    [
      'narrowed to another resource does not reach this one',
      'resource_not_granted',
      { credential: { narrowing: { ...UNNARROWED, resources: ['forge'] } } },
    ],
    [
      'narrowed to this resource reaches it',
      'allow',
      { credential: { narrowing: { ...UNNARROWED, resources: ['webdav'] } } },
    ],
    ['of an owner without permission is refused', 'permission_missing', { permissions: [] }],
  ]
  for (const [claim, code, who, circumstances] of rows) {
    test(claim, () => expect(outcome(caller(who), matched({}), circumstances)).toBe(code))
  }

  test('that is not narrowed does not reach the management API', () => {
    const management = { ...webdav, name: 'countersign' }
    expect(outcome(caller(), matched({}), from('192.0.2.1'), management)).toBe('resource_not_granted')
    const named = caller({ credential: { narrowing: { ...UNNARROWED, resources: ['countersign'] } } })
    expect(outcome(named, matched({}), from('192.0.2.1'), management)).toBe('allow')
  })

  test('is judged on public rules too, but needs no permission there', () => {
    expect(outcome(caller({ permissions: [] }), matched({ public: true }))).toBe('allow')
    expect(outcome(caller({ permissions: [], revocation }), matched({ public: true }))).toBe('credential_revoked')
  })

  test('that is dead learns nothing of what it lacks: faults come in order', () => {
    const everythingWrong: Person = {
      revocation,
      credential: { expiresAt: before(1), narrowing: { ...UNNARROWED, resources: ['forge'] } },
      owner: { disabled: true, networks: [] },
      permissions: [],
    }
    const disabled = { ...webdav, disabled: true }
    const strict = matched({ principals: ['user'], scopes: ['files:write'] })
    const order: string[] = []
    const cures: Person[] = [
      { revocation: undefined },
      { credential: { narrowing: { ...UNNARROWED, resources: ['forge'] } } },
      { owner: { disabled: false, networks: [] } },
    ]
    let who = everythingWrong
    for (const cure of [{}, ...cures]) {
      who = { ...who, ...cure }
      order.push(outcome(caller(who), strict, from('192.0.2.1'), disabled))
    }
    order.push(outcome(caller(who), strict))
    who = { ...who, credential: {} }
    order.push(outcome(caller(who), strict))
    who = { ...who, permissions: [permission()] }
    order.push(outcome(caller(who), strict))
    order.push(outcome(caller(who), matched({ scopes: ['files:write'] })))
    expect(order).toEqual([
      'credential_revoked',
      'credential_expired',
      'owner_disabled',
      'resource_disabled',
      'resource_not_granted',
      'permission_missing',
      'principal_kind_refused',
      'scope_missing',
    ])
  })
})

describe('a rule', () => {
  const rows: [string, string, Person, Partial<Requirement>, Circumstances?][] = [
    ['asks for all of its scopes', 'scope_missing', {}, { scopes: ['files:read', 'files:write'] }],
    ['is content with the scopes it asks for', 'allow', {}, { scopes: ['files:read'] }],
    [
      'sees patterns expanded',
      'allow',
      { permissions: [permission({ scopes: ['*:read', 'pushes:*'] })] },
      { scopes: ['files:read', 'pushes:create'] },
    ],
    [
      'sees scopes cut down by the credential',
      'scope_missing',
      {
        permissions: [permission({ scopes: ['files:read', 'files:write'] })],
        credential: { narrowing: { ...UNNARROWED, scopes: ['files:read'] } },
      },
      { scopes: ['files:write'] },
    ],
    [
      'asks for any of its roles',
      'allow',
      { permissions: [permission({ roles: ['editor'] })] },
      { roles: ['owner', 'editor'] },
    ],
    ['refuses who has none of its roles', 'role_missing', {}, { roles: ['owner'] }],
    ['asks for any of its groups', 'allow', {}, { groups: ['ops', 'media'] }],
    ['knows the built-in group of the kind', 'allow', {}, { groups: ['clients'] }],
    ['refuses who is in none of its groups', 'group_missing', {}, { groups: ['ops'] }],
    ['accepts only its kinds', 'principal_kind_refused', {}, { principals: ['user'] }],
    ['accepts its networks', 'allow', {}, { networks: networks('192.0.2.0/24') }],
    ['refuses other networks', 'network_refused', {}, { networks: networks('10.0.0.0/8') }],
    [
      'refuses an unknown address where it asks for a network',
      'client_address_unknown',
      {},
      { networks: networks('10.0.0.0/8') },
      from(undefined),
    ],
    ['accepts its listener', 'allow', {}, { listener: 'internal' }, from('192.0.2.1', 'internal')],
    ['refuses another listener', 'listener_refused', {}, { listener: 'internal' }],
  ]
  for (const [claim, code, who, require, circumstances] of rows) {
    test(claim, () => expect(outcome(caller(who), matched(require), circumstances)).toBe(code))
  }
})

describe('projects', () => {
  const confined = { credential: { narrowing: { ...UNNARROWED, projects: ['a'] } } }
  const heldInA: Person = { permissions: [permission({ projects: ['a'] })] }
  const rows: [string, string, Person, Partial<Requirement>, string | undefined][] = [
    ['a confined credential passes in its project', 'allow', confined, {}, 'a'],
    ['a confined credential stops in another project', 'project_not_granted', confined, {}, 'b'],
    ['a confined credential stops where the path names no project', 'project_not_captured', confined, {}, undefined],
    ['a confined credential passes where the handler looks', 'allow', confined, { project: 'any' }, undefined],
    [
      'a confined credential stops in another project on public rules too',
      'project_not_granted',
      confined,
      { public: true },
      'b',
    ],
    ['a confined permission passes in its project', 'allow', heldInA, {}, 'a'],
    ['a confined permission stops in another project', 'project_not_granted', heldInA, {}, 'b'],
    ['a confined permission stops where the path names no project', 'project_not_captured', heldInA, {}, undefined],
    ['a confined permission passes where the handler looks', 'allow', heldInA, { project: 'any' }, undefined],
    ['a confined permission does not matter on public rules', 'allow', heldInA, { public: true }, 'b'],
    [
      'credential and permission confined apart reach nothing',
      'project_not_granted',
      { ...heldInA, credential: { narrowing: { ...UNNARROWED, projects: ['b'] } } },
      {},
      'b',
    ],
    [
      'scopes of one project do not hold in another',
      'scope_missing',
      { permissions: [permission({ projects: ['a'], scopes: ['files:write'] }), permission({ id: 'perm_2' })] },
      { scopes: ['files:write'] },
      'b',
    ],
    [
      'scopes of one project add to those that hold everywhere',
      'allow',
      { permissions: [permission({ projects: ['a'], scopes: ['files:write'] }), permission({ id: 'perm_2' })] },
      { scopes: ['files:write', 'files:read'] },
      'a',
    ],
  ]
  for (const [claim, code, who, require, project] of rows) {
    test(claim, () => expect(outcome(caller(who), matched(require, project))).toBe(code))
  }

  /** Read everywhere, write in a, create in b and c. */
  const mixed: Person = {
    permissions: [
      permission({ scopes: ['files:read'], roles: ['guest'] }),
      permission({ id: 'perm_2', projects: ['a'], scopes: ['files:write'], roles: ['writer'] }),
      permission({ id: 'perm_3', projects: ['b', 'c'], scopes: ['pushes:create'], roles: ['keeper'] }),
    ],
  }
  const told = (who: Person, require: Partial<Requirement>) => {
    const verdict = decide(caller(who), webdav, matched({ project: 'any', ...require }), from(undefined))
    if (verdict.outcome === 'deny') return verdict.code
    const { projects, rights } = verdict
    return { projects, scopes: [...rights.scopes].sort(), roles: [...rights.roles].sort() }
  }
  const inA = { projects: ['a'], scopes: ['files:read', 'files:write'], roles: ['guest', 'writer'] }
  const inBAndC = { projects: ['b', 'c'], scopes: ['files:read', 'pushes:create'], roles: ['guest', 'keeper'] }
  const everywhere = { projects: null, scopes: ['files:read'], roles: ['guest'] }
  const lookedUp: [string, Person, Partial<Requirement>, ReturnType<typeof told>][] = [
    ['what holds everywhere, everywhere', mixed, { scopes: ['files:read'] }, everywhere],
    ['what holds in one project, there', mixed, { scopes: ['files:write'] }, inA],
    ['what holds in two projects, there', mixed, { scopes: ['pushes:create'] }, inBAndC],
    ['never what holds in no one project', mixed, { scopes: ['files:write', 'pushes:create'] }, 'scope_missing'],
    ['a role where it holds', mixed, { roles: ['writer'] }, inA],
    ['of several roles the one that holds in most projects', mixed, { roles: ['writer', 'keeper'] }, inBAndC],
    [
      'never a role of one project and a scope of another',
      mixed,
      { roles: ['writer'], scopes: ['pushes:create'] },
      'scope_missing',
    ],
    [
      'a credential for two projects, what holds in both',
      { ...mixed, credential: { narrowing: { ...UNNARROWED, projects: ['a', 'b'] } } },
      {},
      { projects: ['a', 'b'], scopes: ['files:read'], roles: ['guest'] },
    ],
    [
      'a credential for one project, all that holds there',
      { ...mixed, credential: { narrowing: { ...UNNARROWED, projects: ['a'] } } },
      {},
      inA,
    ],
  ]
  for (const [what, who, require, expected] of lookedUp) {
    test(`where the handler looks, it is told ${what}`, () => expect(told(who, require)).toEqual(expected))
  }

  test('the allowed answer says what the caller is confined to', () => {
    const verdict = decide(caller(heldInA), webdav, matched({}, 'a'), from(undefined))
    expect(verdict).toMatchObject({ outcome: 'allow', projects: ['a'] })
  })
})

describe('for every caller and rule', () => {
  const scope = fc.constantFrom(...DECLARED)
  const scopes = fc.uniqueArray(scope)
  const project = fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined })
  const projects = fc.option(fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }), { nil: null })
  const held = fc.array(fc.record({ scopes, projects }), { maxLength: 3 })
  const narrowed = fc.record({
    resources: fc.constantFrom(null, ['webdav'], ['forge']),
    scopes: fc.option(fc.uniqueArray(scope, { minLength: 1 }), { nil: null }),
    projects,
  })
  const allowed = (who: Person, require: Partial<Requirement>, at: string | undefined) =>
    outcome(caller(who), matched(require, at)) === 'allow'
  const withPermissions = (some: { scopes: string[]; projects: string[] | null }[]) => ({
    permissions: some.map((fields, index) => permission({ id: `perm_${index}`, ...fields })),
  })

  test('adding a scope to a rule never lets more callers in', () => {
    fc.assert(
      fc.property(held, scopes, scope, project, (permissions, wanted, extra, at) => {
        const who = withPermissions(permissions)
        return allowed(who, { scopes: wanted }, at) || !allowed(who, { scopes: [...wanted, extra] }, at)
      }),
    )
  })

  test('narrowing a credential never lets it do more', () => {
    fc.assert(
      fc.property(held, narrowed, scopes, project, (permissions, narrowing, wanted, at) => {
        const who = withPermissions(permissions)
        const narrow = { ...who, credential: { narrowing } }
        return allowed(who, { scopes: wanted }, at) || !allowed(narrow, { scopes: wanted }, at)
      }),
    )
  })

  test('taking a permission away never lets a caller do more', () => {
    fc.assert(
      fc.property(held, scopes, project, (permissions, wanted, at) => {
        const fewer = withPermissions(permissions.slice(1))
        return allowed(withPermissions(permissions), { scopes: wanted }, at) || !allowed(fewer, { scopes: wanted }, at)
      }),
    )
  })

  test('what is told where the handler looks holds in every project that is told', () => {
    const roles = fc.uniqueArray(fc.constantFrom('x', 'y'))
    const heldWithRoles = fc.array(fc.record({ scopes, projects, roles }), { maxLength: 4 })
    fc.assert(
      fc.property(heldWithRoles, narrowed, scopes, roles, (permissions, narrowing, wanted, anyOf) => {
        const who = caller({ ...withPermissions(permissions), credential: { narrowing } })
        const asked = { scopes: wanted, roles: anyOf }
        const verdict = decide(who, webdav, matched({ ...asked, project: 'any' }), from(undefined))
        const decidedAt = (project: string) => decide(who, webdav, matched(asked, project), from(undefined))
        const somewhere = ['a', 'b', 'c', 'elsewhere'].some((project) => decidedAt(project).outcome === 'allow')
        expect(verdict.outcome === 'allow').toBe(somewhere)
        if (verdict.outcome === 'deny') return
        for (const project of verdict.projects ?? ['a', 'b', 'c', 'elsewhere']) {
          const there = decidedAt(project)
          if (there.outcome === 'deny') throw new Error(`${project}: ${there.code}`)
          expect([...verdict.rights.scopes].filter((one) => !there.rights.scopes.has(one))).toEqual([])
          expect([...verdict.rights.roles].filter((one) => !there.rights.roles.has(one))).toEqual([])
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('what is allowed at a project holds rights that a permission gives there', () => {
    fc.assert(
      fc.property(held, narrowed, fc.constantFrom('a', 'b', 'c'), (permissions, narrowing, at) => {
        const verdict = decide(
          caller({ ...withPermissions(permissions), credential: { narrowing } }),
          webdav,
          matched({}, at),
          from(undefined),
        )
        if (verdict.outcome === 'deny') return true
        const given = permissions.filter((some) => some.projects === null || some.projects.includes(at))
        return [...verdict.rights.scopes].every(
          (one) =>
            given.some((some) => some.scopes.includes(one)) &&
            (narrowing.scopes === null || narrowing.scopes.includes(one)),
        )
      }),
    )
  })
})
