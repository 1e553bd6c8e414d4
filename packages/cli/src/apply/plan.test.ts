// What is to be done, from what is declared and what is there. Nothing is asked, nothing is written.

import { describe, expect, test } from 'bun:test'
import { Declaration } from '@countersign/admin-api'
import * as played from '../testing/play-api.ts'
import { makePlan } from './plan.ts'
import type { Present } from './present.ts'
import type { Step } from './step.ts'

type Loose = Record<string, unknown>

const FORGE = { name: 'forge', identifier: 'https://forge.example.com', rules: [] }
const ours = { managed_by: 'file' }
const group = { name: 'media', description: null, disabled: false, managed_by: 'file', created_at: played.THEN }
const user = { ...played.user, groups: [], email: null, name: 'alice', ...ours }
const client = { ...played.client, name: 'canister', groups: [], ...ours }
const resource = { ...played.resource, ...ours }
const held = { ...played.permission, group: 'media', ...ours }

function there(present: { [Noun in keyof Present]?: Loose[] } = {}): Present {
  const none = { groups: [], issuers: [], resources: [], clients: [], users: [], trustRules: [], permissions: [] }
  const credentials = { credentials: new Map(), managedCredentials: [], deleted: new Set() }
  return { ...none, ...credentials, ...present } as unknown as Present
}

function plan(declared: Loose, present?: Present, prune = false) {
  return makePlan(Declaration.parse(declared), present ?? there(), { prune, credentials: [], now: new Date() })
}

function stepsOf(declared: Loose, present?: Present, prune = false): readonly Step[] {
  const made = plan(declared, present, prune)
  if ('mistakes' in made) throw new Error(JSON.stringify(made.mistakes))
  return made.steps
}

const SIGN = { create: '+', change: '~', delete: '-' }
const inShort = (steps: readonly Step[]) => steps.map(({ action, noun, name }) => `${SIGN[action]} ${noun} ${name}`)

function mistakesOf(declared: Loose, present?: Present, prune = false): string[] {
  const made = plan(declared, present, prune)
  return 'mistakes' in made ? made.mistakes.map(({ way, message }) => `${way.join('.')}: ${message}`) : []
}

test('what is not there is made, whatever is referred to first, in the name of the file', () => {
  const declared = {
    name: 'platform',
    permissions: [{ group: 'media', resource: 'forge', scopes: ['a:read'] }],
    users: [{ username: 'alice', groups: ['media'] }],
    clients: [{ id: 'canister', default_resource: 'forge' }],
    resources: [{ ...FORGE, scopes: ['a:read'] }],
    groups: [{ name: 'media' }],
  }
  const steps = stepsOf(declared)
  expect(inShort(steps)).toEqual([
    '+ group media',
    '+ resource forge',
    '+ client canister',
    '+ user alice',
    '+ permission group media at forge: a:read',
  ])
  for (const step of steps) expect(step).toMatchObject({ body: { managed_by: 'platform' } })
})

describe('what is as declared stays, however the server orders it', () => {
  const webdav = {
    name: 'webdav',
    identifier: 'https://webdav.example.com',
    hosts: ['webdav.example.com', 'a.example'],
    scopes: ['files:read'],
    scope_details: { 'files:read': { description: 'Read files', surface: 'files' } },
    rules: [{ methods: ['GET'], path: '/**', require: { scopes: ['files:read'] } }],
    credential_header: 'X-Key',
  }
  const stored = { ...resource, hosts: ['a.example', 'webdav.example.com'], credential_header: 'x-key' }
  test.each<[string, Loose, Present]>([
    ['a group', { groups: [{ name: 'media', description: '' }] }, there({ groups: [group] })],
    ['a resource', { resources: [webdav] }, there({ resources: [stored] })],
    [
      'a client that names nothing',
      { clients: [{ id: 'canister' }] },
      there({ clients: [{ ...client, default_resource: 'webdav' }] }),
    ],
    [
      'a user in groups and roles',
      { users: [{ username: 'alice', groups: ['b', 'a', 'b'], roles: ['user', 'admin'], password_env: 'X' }] },
      there({
        groups: [
          { ...group, name: 'a' },
          { ...group, name: 'b' },
        ],
        users: [{ ...user, groups: ['a', 'b'], roles: ['admin', 'user'] }],
      }),
    ],
    [
      'a permission',
      { permissions: [{ group: 'media', resource: 'webdav', scopes: ['b:x', 'a:x'], projects: ['q', 'p'] }] },
      there({
        groups: [group],
        resources: [{ ...resource, scopes: ['a:x', 'b:x'] }],
        permissions: [{ ...held, scopes: ['a:x', 'b:x'], projects: ['p', 'q'] }],
      }),
    ],
  ])('%s', (_what, declared, present) => {
    expect(plan(declared, present)).toMatchObject({ steps: [], unchanged: 1 })
  })
})

describe('what is otherwise is changed, in those fields alone', () => {
  test.each<[string, Loose, Present, Loose]>([
    [
      'a field that is left out goes back to its default',
      { groups: [{ name: 'media' }] },
      there({ groups: [{ ...group, description: 'Films', disabled: true }] }),
      { description: null },
    ],
    [
      'what was shut out is let in by who says so',
      { groups: [{ name: 'media', disabled: false }] },
      there({ groups: [{ ...group, disabled: true }] }),
      { disabled: false },
    ],
    [
      'a default resource that is left out stays',
      { clients: [{ id: 'canister', networks: ['10.0.0.0/8'] }] },
      there({ clients: [{ ...client, default_resource: 'webdav' }] }),
      { networks: ['10.0.0.0/8'] },
    ],
    [
      'a default resource that is declared does not',
      { clients: [{ id: 'canister', default_resource: 'webdav' }] },
      there({ clients: [client], resources: [resource] }),
      { default_resource: 'webdav' },
    ],
    [
      'rules in another order are other rules',
      { resources: [{ ...FORGE, rules: [{ path: '/a' }, { path: '/b' }] }] },
      there({
        resources: [
          { ...resource, ...FORGE, hosts: [], scopes: [], scope_details: {}, rules: [{ path: '/b' }, { path: '/a' }] },
        ],
      }),
      { rules: [{ path: '/a' }, { path: '/b' }] },
    ],
    [
      'roles and names of a user',
      { users: [{ username: 'alice', name: 'Alice', roles: [] }] },
      there({ users: [user] }),
      { name: 'Alice', roles: [] },
    ],
  ])('%s', (_what, declared, present, body) => {
    const [step, ...more] = stepsOf(declared, present)
    expect(more).toEqual([])
    expect(step).toMatchObject({ action: 'change', adopts: false })
    expect(step).toHaveProperty('body', body)
  })
})

describe('what was made elsewhere', () => {
  const present = there({ groups: [{ ...group, managed_by: null }], users: [{ ...user, managed_by: 'other' }] })
  const declared = { groups: [{ name: 'media' }], users: [{ username: 'alice' }] }

  test('stops the run, all of it told at once', () => {
    expect(mistakesOf(declared, present)).toEqual([
      'groups.0: group media is there already, made by hand; "adopt: true" takes it over',
      'users.0: user alice is there already, made by the declared file other; "adopt: true" takes it over',
    ])
  })
  test('is taken over where the file says so', () => {
    const steps = stepsOf({ ...declared, adopt: true }, present)
    expect(inShort(steps)).toEqual(['~ group media', '~ user alice'])
    for (const step of steps) expect(step).toMatchObject({ adopts: true, body: ours })
  })
  test('is taken over where the entry says so, and only there', () => {
    const one = { groups: [{ name: 'media', adopt: true }], users: [{ username: 'alice' }] }
    expect(mistakesOf(one, present)).toHaveLength(1)
  })
  test('is never pruned', () => {
    const permissions = [{ ...held, managed_by: null }]
    expect(stepsOf({}, there({ ...present, permissions } as never), true)).toEqual([])
  })
})

describe('pruning', () => {
  const present = there({
    groups: [group],
    resources: [resource],
    clients: [client],
    users: [user],
    permissions: [held],
  })

  test('deletes what the file made and is silent of, what refers to others first', () => {
    expect(inShort(stepsOf({}, present, true))).toEqual([
      '- permission group media at webdav: files:read',
      '- user alice',
      '- client canister',
      '- resource webdav',
      '- group media',
    ])
  })
  test('is not done unless it is asked for, but told', () => {
    const made = plan({}, present)
    expect(made).toMatchObject({ steps: [] })
    expect('undeclared' in made && inShort(made.undeclared)).toHaveLength(5)
  })
  test('does not touch what a file of another name made', () => {
    expect(stepsOf({ name: 'other' }, present, true)).toEqual([])
  })
  test('makes room first for a resource that gets the hosts of another', () => {
    const renamed = { ...FORGE, hosts: ['webdav.example.com'] }
    expect(inShort(stepsOf({ resources: [renamed] }, present, true)).slice(0, 2)).toEqual([
      '- resource webdav',
      '+ resource forge',
    ])
  })
  test('stops where something that stays refers to what would go', () => {
    const declared = { users: [{ username: 'alice', groups: ['media'] }] }
    expect(mistakesOf(declared, present)).toEqual([])
    expect(mistakesOf(declared, present, true)).toHaveLength(1)
  })
})

test('a resource gives up a host before another takes it', () => {
  const one = { ...resource, name: 'b', identifier: 'b:b', hosts: ['x.example'] }
  const other = { ...resource, name: 'a', identifier: 'a:a', hosts: [] }
  const declared = {
    resources: [
      { name: 'a', identifier: 'a:a', rules: [], hosts: ['x.example'] },
      { name: 'b', identifier: 'b:b', rules: [] },
    ],
  }
  expect(inShort(stepsOf(declared, there({ resources: [other, one] })))).toEqual(['~ resource b', '~ resource a'])
})

describe('a permission', () => {
  const byHand = { managed_by: null }
  const scopes = ['a:read', 'a:x', 'b:x', 'files:read']
  const base = { groups: [{ ...group, ...byHand }], resources: [{ ...resource, scopes, ...byHand }] }
  const of = (scopes: string[]) => ({ group: 'media', resource: 'webdav', scopes })

  test('that says otherwise is given anew before the old one is taken, without pruning', () => {
    const present = there({ ...base, permissions: [held] })
    expect(inShort(stepsOf({ permissions: [of(['a:read'])] }, present))).toEqual([
      '+ permission group media at webdav: a:read',
      '- permission group media at webdav: files:read',
    ])
  })
  test('whose successor was given by a run that broke off is taken by the next', () => {
    const present = there({ ...base, permissions: [held, { ...held, id: 'perm_2', scopes: ['a:read'] }] })
    const steps = stepsOf({ permissions: [of(['a:read'])] }, present)
    expect(steps).toMatchObject([{ action: 'delete', id: 'perm_01J' }])
  })
  test('that somebody else gave stays beside what the file says', () => {
    const present = there({ ...base, permissions: [{ ...held, managed_by: null }] })
    expect(
      inShort(stepsOf({ permissions: [of(['a:read'])] }, present, true).filter(({ noun }) => noun === 'permission')),
    ).toEqual(['+ permission group media at webdav: a:read'])
  })
  test('that somebody else gave and that says the same is left to them, unless it is adopted', () => {
    const present = there({ ...base, permissions: [{ ...held, managed_by: null }] })
    const entry = of(['files:read'])
    expect(stepsOf({ permissions: [entry] }, present)).toEqual([])
    const adopted = stepsOf({ permissions: [{ ...entry, adopt: true }] }, present)
    expect(adopted).toMatchObject([{ action: 'change', id: 'perm_01J', body: ours }])
  })
  test('is declared once', () => {
    const declared = { permissions: [of(['a:x', 'b:x']), of(['b:x', 'a:x', 'a:x'])] }
    expect(mistakesOf(declared, there(base))).toEqual(['permissions.1: says the same as permissions[0]'])
  })
})

test('a scope that the resource does not declare, and a network that is none, are told before anything is done', () => {
  const require = { scopes: ['a:read', 'a:reed'], networks: ['10.0.0.1/8', '10.0.0.0/8'] }
  const declared = {
    resources: [{ ...FORGE, scopes: ['a:read'], rules: [{ path: '/**', require }] }],
    clients: [{ id: 'canister', networks: ['192.0.2.0/24', '192.0.2.1/24'] }],
    permissions: [
      { client: 'canister', resource: 'forge', scopes: ['*:read', 'a:*', 'b:*', 'a:reed'] },
      { client: 'canister', resource: 'webdav', scopes: ['files:read', 'files:reed'] },
      { client: 'canister', resource: 'countersign', scopes: ['me:read'] },
    ],
  }
  const network = 'expected a network without bits beyond its prefix, like "10.0.0.0/8"'
  expect(mistakesOf(declared, there({ resources: [{ ...resource, managed_by: null }] }))).toEqual([
    'resources.0.rules.0.require.scopes.1: is no scope of forge; it declares a:read',
    `resources.0.rules.0.require.networks.0: ${network}`,
    'permissions.0.scopes.2: is no scope of forge; it declares a:read',
    'permissions.0.scopes.3: is no scope of forge; it declares a:read',
    'permissions.1.scopes.1: is no scope of webdav; it declares files:read',
    `clients.0.networks.1: ${network}`,
  ])
})

test('a client that may introspect is made before the resource that names it', () => {
  const declared = {
    groups: [{ name: 'media' }],
    resources: [{ ...FORGE, introspectors: ['forge-api', 'there'] }],
    clients: [{ id: 'ci', default_resource: 'forge' }, { id: 'forge-api', groups: ['media'] }, { id: 'there' }],
  }
  const present = there({ clients: [{ ...client, id: 'there', name: 'there' }] })
  expect(inShort(stepsOf(declared, present))).toEqual([
    '+ group media',
    '+ client forge-api',
    '+ resource forge',
    '+ client ci',
  ])
})

test('a client and a resource that are both made and name each other are a mistake', () => {
  const declared = {
    resources: [{ ...FORGE, introspectors: ['forge-api', 'nobody'] }],
    clients: [{ id: 'forge-api', default_resource: 'forge' }],
  }
  expect(mistakesOf(declared)).toEqual([
    'resources.0.introspectors.1: there is no client nobody, neither declared here nor there already',
    'clients.0.default_resource: expected none yet: forge-api is made before the resources whose introspectors name it; ' +
      'add it in another run',
  ])
  const known = { ...declared, resources: [{ ...FORGE, introspectors: ['forge-api'] }] }
  expect(mistakesOf(known, there({ clients: [{ ...client, id: 'forge-api' }] }))).toEqual([])
})

test('what is referred to has to be declared or there, and every one that is not is told', () => {
  const rules = [{ path: '/**', require: { groups: ['users', 'g1'] } }]
  const declared = {
    resources: [{ ...FORGE, rules }],
    clients: [{ id: 'a', groups: ['g2'], default_resource: 'r1' }],
    users: [{ username: 'b', groups: ['media', 'users'] }],
    permissions: [
      { client: 'c', resource: 'countersign' },
      { user: 'b', resource: 'r2' },
    ],
  }
  expect(mistakesOf(declared, there({ groups: [group] })).map((mistake) => mistake.split(': there is')[0])).toEqual([
    'resources.0.rules.0.require.groups.1',
    'clients.0.groups.0',
    'clients.0.default_resource',
    'users.0.groups.1',
    'permissions.0.client',
    'permissions.1.resource',
  ])
})
