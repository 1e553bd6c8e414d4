import { describe, expect, test } from 'bun:test'
import { Directory, type DirectoryUpdate } from '../directory/directory.ts'
import type { Client } from '../domain/client.ts'
import type { HeldPermission, RevocationLine, StoredCredential } from '../domain/credential.ts'
import { managementResource } from '../domain/management.ts'
import { newCredential } from '../domain/new-credential.ts'
import type { Resource } from '../domain/resource.ts'
import { KnownCredential, KnownCredentials } from './known-credentials.ts'

const created = new Date('2030-01-01T00:00:00Z')

function stored(id: string, kind: 'key' | 'at' = 'key'): StoredCredential {
  const owner = { kind: 'client', id: 'canister' } as const
  return newCredential(
    { now: created, revision: 1, actor: { by: 'client:bootstrap' } },
    { id, kind, owner, name: '', hint: '', ...(kind === 'at' && { audience: 'https://webdav.example.com' }) },
  )
}

describe('the credentials that a node knows', () => {
  const known = (id: string) => new KnownCredential(stored(id))
  const fill = (all: KnownCredentials, from: number, to: number) => {
    for (let n = from; n < to; n++) all.set(`digest ${n}`, known(`key ${n}`))
  }

  test('are found by the digest under which they were put in, and by no other', () => {
    const all = new KnownCredentials(4)
    const one = known('key')
    all.set('digest', one)
    expect(all.get('digest')).toBe(one)
    expect(all.get('diges')).toBeUndefined()
  })

  test('stay for a generation after the one in which they came', () => {
    const all = new KnownCredentials(4)
    fill(all, 0, 8)
    expect(all.get('digest 0')?.stored.id).toBe('key 0')
  })

  test('are dropped when they were not used while two generations filled up', () => {
    const all = new KnownCredentials(4)
    fill(all, 0, 9)
    expect([0, 3, 4, 8].map((n) => all.get(`digest ${n}`)?.stored.id)).toEqual([undefined, undefined, 'key 4', 'key 8'])
  })

  test('stay as long as they are used', () => {
    const all = new KnownCredentials(4)
    all.set('hot', known('hot key'))
    for (let n = 0; n < 100; n++) {
      all.set(`digest ${n}`, known(`key ${n}`))
      expect(all.get('hot')?.stored.id).toBe('hot key')
    }
  })

  test('are never more than two generations', () => {
    const all = new KnownCredentials(4)
    const sizes = Array.from({ length: 100 }, (_, n) => {
      all.set(`digest ${n}`, known(`key ${n}`))
      all.get(`digest ${n - 5}`)
      return all.size
    })
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8)
  })
})

describe('forgetting', () => {
  const known = (id: string, kind?: 'at') => new KnownCredential(stored(id, kind))

  // Security rests on it: what cannot be forgotten cannot be revoked.
  const histories: [when: string, live: (all: KnownCredentials) => void][] = [
    ['right after it came', () => undefined],
    ['in the older generation', (all) => fillUp(all, 4)],
    [
      'after it came back from the older generation',
      (all) => {
        fillUp(all, 4)
        all.get('digest')
      },
    ],
    [
      'after it came back while the generations turned',
      (all) => {
        fillUp(all, 7)
        all.get('digest')
      },
    ],
    [
      'after it came back and grew old again',
      (all) => {
        fillUp(all, 4)
        all.get('digest')
        fillUp(all, 4)
      },
    ],
    ['when it was read a second time', (all) => all.set('digest', known('key'))],
    [
      'when it was read a second time after it grew old, and the older generation was dropped',
      (all) => {
        fillUp(all, 4)
        all.set('digest', known('key'))
        fillUp(all, 4)
      },
    ],
    [
      'when it was dropped and read again',
      (all) => {
        fillUp(all, 9)
        all.set('digest', known('key'))
      },
    ],
  ]
  let filler = 0
  function fillUp(all: KnownCredentials, count: number) {
    for (let n = 0; n < count; n++, filler++) all.set(`filler ${filler}`, known(`filler key ${filler}`))
  }

  test.each(histories)('by id takes a credential out %s', (_, live) => {
    const all = new KnownCredentials(4)
    all.set('digest', known('key'))
    live(all)
    all.forget(['another', 'key'])
    expect(all.get('digest')).toBeUndefined()
  })

  test('of what was signed takes every access token out, also two texts of one id, and leaves the others', () => {
    const all = new KnownCredentials(3)
    all.set('old text', known('at_1', 'at'))
    all.set('key', known('key'))
    for (const n of [1, 2]) all.set(`filler ${n}`, known(`key ${n}`))
    all.set('new text', known('at_1', 'at'))
    all.forgetTokens()
    expect(['old text', 'new text', 'key'].map((digest) => all.get(digest)?.stored.id)).toEqual([
      ...[undefined, undefined, 'key'],
    ])
  })

  test('by id leaves the others', () => {
    const all = new KnownCredentials(4)
    for (const n of [1, 2, 3]) all.set(`digest ${n}`, known(`key ${n}`))
    all.forget(['key 2'])
    expect([1, 2, 3].map((n) => all.get(`digest ${n}`)?.stored.id)).toEqual(['key 1', undefined, 'key 3'])
  })

  test('everything leaves nothing, in either generation', () => {
    const all = new KnownCredentials(2)
    for (const n of [1, 2, 3]) all.set(`digest ${n}`, known(`key ${n}`))
    all.forget(undefined)
    expect([all.size, ...[1, 2, 3].map((n) => all.get(`digest ${n}`))]).toEqual([0, undefined, undefined, undefined])
  })
})

describe('a caller', () => {
  const webdav: Resource = {
    ...managementResource('http://127.0.0.1:8420'),
    name: 'webdav',
    hosts: ['webdav.example.com'],
    scopes: ['files:read', 'files:write'],
    roleScopes: new Map(),
  }
  const canister: Client = {
    id: 'canister',
    name: 'Canister',
    groups: ['media', 'ghosts'],
    grants: [],
    authMethods: [],
    keys: null,
    defaultResource: null,
    accessTokenTtlSeconds: null,
    networks: [],
    networkTexts: [],
    listener: 'any',
    requiresWorkload: null,
    disabled: false,
    managedBy: null,
    createdAt: created,
    revision: 1,
  }
  const permission: HeldPermission = {
    id: 'perm_1',
    holder: { kind: 'group', id: 'media' },
    resource: 'webdav',
    scopes: ['files:read'],
    roles: [],
    projects: null,
    managedBy: null,
    createdAt: created,
  }
  const update = (revision: number, changed: Partial<DirectoryUpdate>): DirectoryUpdate => ({
    revision,
    stamp: '',
    everything: false,
    resources: new Map(),
    groups: new Map(),
    users: new Map(),
    foreignPrefixes: new Map(),
    ...{ issuers: new Map(), trustRules: new Map() },
    clients: new Map(),
    permissions: new Map(),
    lines: [],
    signingKeys: undefined,
    credentials: [],
    ...changed,
  })
  const setUp = () => {
    const directory = new Directory(managementResource('http://127.0.0.1:8420'))
    directory.apply(
      update(1, {
        resources: new Map([['webdav', webdav]]),
        groups: new Map([
          [
            'media',
            { name: 'media', description: '', disabled: false, managedBy: null, createdAt: created, revision: 1 },
          ],
        ]),
        clients: new Map([['canister', canister]]),
        permissions: new Map([['perm_1', permission]]),
      }),
    )
    const known = new KnownCredential(stored('key'))
    return { directory, known, at: () => known.callerAt(webdav, directory) }
  }

  test('is computed once for a resource and revision', () => {
    const { at } = setUp()
    expect(at()).toBe(at())
  })

  test('differs by resource', () => {
    const { known, directory, at } = setUp()
    const elsewhere = known.callerAt(directory.management, directory)
    expect(at().grant?.everywhere?.scopes).toEqual(new Set(['files:read']))
    expect(elsewhere.grant).toBeUndefined()
  })

  test('is computed once for each of several resources in turn', () => {
    const { known, directory, at } = setUp()
    const elsewhere = () => known.callerAt(directory.management, directory)
    const [one, other] = [at(), elsewhere()]
    expect([at(), elsewhere(), at()].map((caller) => caller === one || caller === other)).toEqual([true, true, true])
    expect(at()).not.toBe(elsewhere())
  })

  test('is computed anew for another resource of the same name', () => {
    const { known, directory, at } = setUp()
    at()
    const older = { ...webdav, scopes: ['files:read'] }
    expect([known.callerAt(older, directory).resource, at().resource]).toEqual([older, webdav])
  })

  test('is in its groups that exist and in the built-in one of its kind', () => {
    const caller = setUp().at()
    expect([...caller.groups].sort()).toEqual(['clients', 'media'])
    expect(caller.holdingGroups).toEqual(['media'])
  })

  const line: RevocationLine = {
    ...{ subject: 'client:canister', revision: 1, before: null, endsAt: null },
    ...{ at: created, by: 'ops', reason: null },
  }
  const changes: [
    change: string,
    changed: Partial<DirectoryUpdate>,
    shows: (caller: ReturnType<typeof look>) => void,
  ][] = [
    [
      'its permission is deleted',
      { permissions: new Map([['perm_1', undefined]]) },
      ({ grant }) => expect(grant).toBeUndefined(),
    ],
    [
      'it leaves the group',
      { clients: new Map([['canister', { ...canister, groups: [] }]]) },
      ({ grant, groups }) => expect([grant, groups]).toEqual([undefined, new Set(['clients'])]),
    ],
    ['its group is deleted', { groups: new Map([['media', undefined]]) }, ({ grant }) => expect(grant).toBeUndefined()],
    [
      'its owner is disabled',
      { clients: new Map([['canister', { ...canister, disabled: true }]]) },
      ({ owner }) => expect(owner?.disabled).toBe(true),
    ],
    [
      'its owner is deleted',
      { clients: new Map([['canister', undefined]]) },
      ({ owner }) => expect(owner).toBeUndefined(),
    ],
    ['a line is drawn through its owner', { lines: [line] }, ({ revocation }) => expect(revocation?.by).toBe('ops')],
    [
      'a line is drawn through its family',
      { lines: [{ ...line, subject: 'family:key' }] },
      ({ revocation }) => expect(revocation?.of).toBe('its family'),
    ],
    [
      'its permission is widened',
      { permissions: new Map([['perm_1', { ...permission, scopes: ['files:*'] }]]) },
      ({ grant }) => expect(grant?.everywhere?.scopes).toEqual(new Set(['files:read', 'files:write'])),
    ],
  ]
  const look = (known: KnownCredential, directory: Directory) => known.callerAt(webdav, directory)

  test.each(changes)('is another one as soon as %s', (_, changed, shows) => {
    const { known, directory, at } = setUp()
    const before = at()
    directory.apply(update(2, changed))
    const after = look(known, directory)
    expect(after).not.toBe(before)
    shows(after)
  })

  test('keeps nothing of an earlier revision that is reached again by a reload', () => {
    const { known, directory, at } = setUp()
    at()
    directory.apply(update(2, { clients: new Map([['canister', { ...canister, disabled: true }]]) }))
    at()
    directory.apply(update(1, { everything: true }))
    expect(look(known, directory).owner).toBeUndefined()
  })
})
