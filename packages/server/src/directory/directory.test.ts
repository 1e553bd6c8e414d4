import { describe, expect, test } from 'bun:test'
import type { HeldPermission, HolderRef } from '../domain/credential.ts'
import type { ForeignPrefix } from '../domain/foreign-prefix.ts'
import { managementResource } from '../domain/management.ts'
import type { Resource } from '../domain/resource.ts'
import { Directory, type DirectoryUpdate } from './directory.ts'

const management = managementResource('http://127.0.0.1:8420')
const created = new Date('2030-01-01T00:00:00Z')

const resource = (name: string, ...hosts: string[]): [string, Resource] => [name, { ...management, name, hosts }]
const permission = (id: string, holder: HolderRef, on: string): [string, HeldPermission] => [
  id,
  { id, holder, resource: on, scopes: [], roles: [], projects: null, managedBy: null, createdAt: created },
]
const foreign = (prefix: string): [string, ForeignPrefix] => [
  prefix,
  { prefix, digest: 'sha256', keySealed: null, createdAt: created, revision: 1 },
]
const canister: HolderRef = { kind: 'client', id: 'canister' }
const media: HolderRef = { kind: 'group', id: 'media' }

const line = {
  subject: 'client:canister',
  revision: 1,
  before: null,
  endsAt: null,
  at: created,
  by: 'ops',
  reason: null,
}

/** A directory after updates at revisions 1, 2, … */
function after(...updates: Partial<DirectoryUpdate>[]): Directory {
  const directory = new Directory(management)
  for (const [at, update] of updates.entries()) directory.apply(updateOf(at + 1, update))
  return directory
}

function updateOf(revision: number, update: Partial<DirectoryUpdate>): DirectoryUpdate {
  return {
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
    ...update,
  }
}

describe('the resource at a host', () => {
  const names = (directory: Directory, ...hosts: string[]) => hosts.map((host) => directory.resourceAt(host)?.name)

  test('is found by each of its hosts, and by no other', () => {
    const directory = after({ resources: new Map([resource('a', 'a.example.com', 'b.example.com')]) })
    const hosts = ['a.example.com', 'b.example.com', 'c.example.com', 'example.com', '']
    expect(names(directory, ...hosts)).toEqual(['a', 'a', undefined, undefined, undefined])
  })

  test('is that of the exact host rather than of the wildcard', () => {
    const directory = after({ resources: new Map([resource('all', '*.example.com'), resource('a', 'a.example.com')]) })
    const hosts = ['a.example.com', 'z.example.com', 'y.z.example.com', 'example.com']
    expect(names(directory, ...hosts)).toEqual(['a', 'all', undefined, undefined])
  })

  test('is never the management API', () => {
    expect(names(after({}), '127.0.0.1:8420', 'countersign')).toEqual([undefined, undefined])
  })

  test('is none at a host that was taken away', () => {
    const directory = after(
      { resources: new Map([resource('a', 'one.example.com', 'two.example.com')]) },
      { resources: new Map([resource('a', 'two.example.com')]) },
    )
    expect(names(directory, 'one.example.com', 'two.example.com')).toEqual([undefined, 'a'])
  })

  test('is none when the resource is deleted', () => {
    const directory = after(
      { resources: new Map([resource('a', 'one.example.com')]) },
      { resources: new Map([['a', undefined]]) },
    )
    expect(directory.resource('a')).toBeUndefined()
    expect(names(directory, 'one.example.com')).toEqual([undefined])
  })

  const handOver: [order: string, changed: [string, Resource | undefined][]][] = [
    ['the one that loses it first', [resource('a'), resource('b', 'one.example.com')]],
    ['the one that gains it first', [resource('b', 'one.example.com'), resource('a')]],
    ['the one that is deleted last', [resource('b', 'one.example.com'), ['a', undefined]]],
  ]
  test.each(handOver)('is the one that it was handed to, told of %s', (_, changed) => {
    const directory = after({ resources: new Map([resource('a', 'one.example.com')]) }, { resources: new Map(changed) })
    expect(names(directory, 'one.example.com')).toEqual(['b'])
  })
})

describe('permissions', () => {
  const ids = (directory: Directory, holder: HolderRef, on: string) =>
    directory.permissionsOf(holder, on).map(({ id }) => id)

  test('are found by holder and resource, several of them', () => {
    const directory = after({
      permissions: new Map([
        permission('1', canister, 'webdav'),
        permission('2', canister, 'webdav'),
        permission('3', canister, 'forge'),
        permission('4', media, 'webdav'),
      ]),
    })
    expect(ids(directory, canister, 'webdav')).toEqual(['1', '2'])
    expect(ids(directory, canister, 'forge')).toEqual(['3'])
    expect(ids(directory, media, 'webdav')).toEqual(['4'])
    expect(ids(directory, media, 'forge')).toEqual([])
  })

  test('of a client are not those of a group or a user of the same name', () => {
    const directory = after({ permissions: new Map([permission('1', { kind: 'group', id: 'canister' }, 'webdav')]) })
    expect(ids(directory, canister, 'webdav')).toEqual([])
    expect(ids(directory, { kind: 'user', id: 'canister' }, 'webdav')).toEqual([])
  })

  test('that are deleted leave the others of their holder', () => {
    const made = new Map([permission('1', canister, 'webdav'), permission('2', canister, 'webdav')])
    const directory = after({ permissions: made }, { permissions: new Map([['1', undefined]]) })
    expect(ids(directory, canister, 'webdav')).toEqual(['2'])
  })

  test('that are replaced hold for the new holder and resource alone', () => {
    const directory = after(
      { permissions: new Map([permission('1', canister, 'webdav')]) },
      { permissions: new Map([permission('1', media, 'forge')]) },
    )
    expect(ids(directory, canister, 'webdav')).toEqual([])
    expect(ids(directory, media, 'forge')).toEqual(['1'])
  })

  test('that are told twice count once', () => {
    const told = { permissions: new Map([permission('1', canister, 'webdav')]) }
    expect(ids(after(told, told), canister, 'webdav')).toEqual(['1'])
  })
})

describe('the foreign prefix of a text', () => {
  const prefixes = (directory: Directory, ...texts: string[]) =>
    texts.map((text) => directory.foreignPrefixOf(text)?.prefix)
  const known = after({ foreignPrefixes: new Map(['glpat-', 'abc', 'abd.ef'].map(foreign)) })

  test('is what it begins with, whole and byte for byte', () => {
    expect(prefixes(known, 'glpat-x', 'glpat-', 'abcd', 'abd.efg')).toEqual(['glpat-', 'glpat-', 'abc', 'abd.ef'])
    const none = ['', 'glpat', 'Glpat-x', ' glpat-x', 'xglpat-', 'ab', 'abd.e', 'abd']
    expect(prefixes(known, ...none)).toEqual(none.map(() => undefined))
  })

  test('is none where none is known, also once all are gone', () => {
    expect(prefixes(after({}), '', 'glpat-x')).toEqual([undefined, undefined])
    expect(prefixes(after({ foreignPrefixes: new Map([foreign('abc')]) }, { everything: true }), 'abcd')).toEqual([
      undefined,
    ])
  })
})

describe('an update', () => {
  const group = { name: 'media', description: '', disabled: false, managedBy: null, createdAt: created, revision: 1 }
  const full: Partial<DirectoryUpdate> = {
    resources: new Map([resource('a', 'one.example.com')]),
    groups: new Map([['media', group]]),
    permissions: new Map([permission('1', canister, 'a')]),
    foreignPrefixes: new Map([foreign('acme_')]),
    lines: [line],
  }
  const seen = (directory: Directory) => [
    directory.revision,
    directory.resourceAt('one.example.com')?.name,
    directory.hasLiveGroup('media'),
    directory.permissionsOf(canister, 'a').length,
    directory.lineThrough('client:canister')?.by,
    directory.foreignPrefixOf('acme_123')?.prefix,
  ]

  test('moves the revision', () => {
    expect(new Directory(management).revision).toBe(-1)
    expect(seen(after(full))).toEqual([1, 'a', true, 1, 'ops', 'acme_'])
  })

  test('leaves what it does not name', () => {
    expect(seen(after(full, {}))).toEqual([2, 'a', true, 1, 'ops', 'acme_'])
  })

  test('of everything leaves nothing that it does not name but the management API', () => {
    const directory = after(full, { everything: true })
    expect(seen(directory)).toEqual([2, undefined, false, 0, undefined, undefined])
    expect(directory.resource('countersign')).toBe(management)
  })

  test('of everything may go back to an earlier revision', () => {
    const directory = after(full, full, full)
    directory.apply(updateOf(1, { everything: true }))
    expect(seen(directory)).toEqual([1, undefined, false, 0, undefined, undefined])
  })

  test('that is older than what is there is ignored', () => {
    const directory = after(full, full, full)
    directory.apply(updateOf(2, { resources: new Map([['a', undefined]]) }))
    expect(seen(directory)).toEqual([3, 'a', true, 1, 'ops', 'acme_'])
  })

  test('moves a line that was drawn again', () => {
    const directory = after(full, { lines: [{ ...line, revision: 2 }] })
    expect(directory.lineThrough('client:canister')?.revision).toBe(2)
  })
})

test('a revocation line is forgotten when its end is past, and one without an end never', () => {
  const endsAt = new Date('2030-01-02T00:00:00Z')
  const directory = after({ lines: [{ ...line, subject: 'credential:at_1', endsAt }, line] })
  const drawn = () => ['credential:at_1', 'client:canister'].map((subject) => directory.lineThrough(subject)?.subject)
  directory.forgetEndedLines(endsAt)
  expect(drawn()).toEqual(['credential:at_1', 'client:canister'])
  directory.forgetEndedLines(new Date(endsAt.getTime() + 1))
  expect(drawn()).toEqual([undefined, 'client:canister'])
})
