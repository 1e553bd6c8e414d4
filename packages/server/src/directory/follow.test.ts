// Following a real database: what is taken over, when everything is read again, and how long it may be believed.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { KyselyPlugin } from 'kysely'
import { managementResource } from '../domain/management.ts'
import { readLogEnd, readPosition, trimChangeLog } from '../store/change-log.ts'
import { type ClientWrite, deleteClient, insertClient, updateClient } from '../store/clients.ts'
import { insertForeignPrefix } from '../store/foreign-prefixes.ts'
import { deleteGroup, insertGroup, updateGroup } from '../store/groups.ts'
import type { OpenedStore } from '../store/open.ts'
import { deletePermission, insertPermission } from '../store/permissions.ts'
import { deleteResource, insertResource } from '../store/resources.ts'
import { drawRevocationLine } from '../store/revocation-lines.ts'
import { insertSigningKey, retireSigningKey } from '../store/signing-keys.ts'
import { type Change, change, type Db, HOST_ACTOR, type Noun, type Store } from '../store/store.ts'
import { chosenEngine, openPlace, type Place } from '../store/testing/engines.ts'
import { clientWrite, resourceWrite } from '../store/testing/rows.ts'
import { deleteUser, insertUser, updateUser } from '../store/users.ts'
import { Directory } from './directory.ts'
import { Follower, type FollowerDeps } from './follow.ts'
import { revisionSource } from './revision-source.ts'

const DAY_MS = 86_400_000
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

let places: Place[] = []
let now = new Date('2030-01-01T00:00:00Z')
let opened: OpenedStore[] = []
let store: OpenedStore

/** A database that no other node has. */
async function open(): Promise<OpenedStore> {
  const place = await chosenEngine().makePlace()
  places.push(place)
  const made = await openPlace(place, () => now, random)
  opened.push(made)
  return made
}

beforeEach(async () => {
  now = new Date('2030-01-01T00:00:00Z')
  places = []
  opened = []
  store = await open()
})
afterEach(async () => {
  for (const one of opened) await one.close()
  for (const place of places) await place.remove()
})

/** A node that follows `store`, with what it was told to forget, in order. */
function node(followed: Store = store, more: Partial<FollowerDeps> = {}) {
  const directory = new Directory(managementResource('http://127.0.0.1:8420'))
  const time = { nowMs: 0 }
  const forgotten: { ids: readonly string[] | 'tokens' | undefined; atRevision: number }[] = []
  const forget = (ids: readonly string[] | undefined) => forgotten.push({ ids, atRevision: directory.revision })
  const errors: unknown[] = []
  const follower = new Follower({
    ...{ directory, forget, source: revisionSource(followed), ...more },
    forgetTokens: () => forgotten.push({ ids: 'tokens', atRevision: directory.revision }),
    monotonicMs: () => time.nowMs,
    onError: (error) => errors.push(error),
  })
  return { directory, follower, time, forgotten, errors }
}

/** Commits one change, as another node would. Returns its revision. */
async function commit(noun: Noun, id: string, work: (running: Change) => Promise<unknown>, to: Store = store) {
  const { revision } = await change(to, HOST_ACTOR, async (running) => {
    await work(running)
    await running.record(`${noun}.change`, noun, id)
  })
  return revision
}

const addClient = (id: string, changed?: Partial<ClientWrite>, to?: Store) =>
  commit('client', id, (running) => insertClient(running, clientWrite(id, changed), null), to)
const addGroup = (name: string, to?: Store) =>
  commit('group', name, (running) => insertGroup(running, { name, description: '', disabled: false }, null), to)
const addResource = (name: string, to?: Store) =>
  commit('resource', name, (running) => insertResource(running, resourceWrite(name)), to)
const permissionOf = (id: string, client: string, resource: string) => ({
  id,
  holder: { kind: 'client' as const, id: client },
  resource,
  scopes: ['files:read'],
  roles: [],
  projects: null,
})
const addPermission = (id: string, client: string, resource: string, to?: Store) =>
  commit('permission', id, (running) => insertPermission(running, permissionOf(id, client, resource)), to)

/** Makes a stored client unreadable, so that whoever reads it fails: it counts as "was not read" when nobody did. */
const corrupt = (id: string, db: Db = store.writer) =>
  db.updateTable('client').set({ body: '{' }).where('id', '=', id).execute()

describe('a change', () => {
  test('is taken over, whatever it is of', async () => {
    const { directory, follower } = node()
    await follower.confirm()
    await addGroup('media')
    await addResource('webdav')
    await addClient('canister', { groups: ['media'] })
    await addPermission('perm_1', 'canister', 'webdav')
    const last = await commit('revocation_line', 'client:canister', (running) =>
      drawRevocationLine(running, 'client:canister', 'leaked'),
    )
    await follower.confirm()

    const canister = { kind: 'client', id: 'canister' } as const
    expect(directory.revision).toBe(last)
    expect(directory.resourceAt('webdav.example.com')?.name).toBe('webdav')
    expect(directory.owner(canister)?.groups).toEqual(['media'])
    expect(directory.permissionsOf(canister, 'webdav').map(({ id }) => id)).toEqual(['perm_1'])
    expect(directory.lineThrough('client:canister')).toMatchObject({ revision: last, reason: 'leaked' })
  })

  test('is taken over when it takes something away', async () => {
    await addGroup('media')
    await addResource('webdav')
    await addClient('canister', { groups: ['media'] })
    await addClient('doomed')
    await addPermission('perm_1', 'canister', 'webdav')
    const { directory, follower } = node()
    await follower.confirm()

    await commit('permission', 'perm_1', (running) => deletePermission(running, 'perm_1'))
    await commit('group', 'media', (running) => deleteGroup(running, 'media'))
    await commit('client', 'doomed', (running) => deleteClient(running, 'doomed'))
    await commit('client', 'canister', (running) => updateClient(running, clientWrite('canister', { disabled: true })))
    await follower.confirm()

    const canister = { kind: 'client', id: 'canister' } as const
    expect(directory.permissionsOf(canister, 'webdav')).toEqual([])
    expect(directory.hasLiveGroup('media')).toBe(false)
    expect(directory.owner({ kind: 'client', id: 'doomed' })).toBeUndefined()
    expect(directory.owner(canister)).toMatchObject({ disabled: true, groups: [] })

    await commit('resource', 'webdav', (running) => deleteResource(running, 'webdav'))
    await follower.confirm()
    expect(directory.resourceAt('webdav.example.com')).toBeUndefined()
  })

  test('of a user or a group is taken over, and shows on what they own', async () => {
    await addGroup('media')
    const alice = { kind: 'user', id: 'alice' } as const
    const named = { id: 'alice', name: 'Alice', email: null, groups: ['media'], links: [] }
    const write = { ...named, disabled: false, passwordHash: null }
    await commit('user', 'alice', (running) => insertUser(running, write, null))
    const { directory, follower } = node()
    await follower.confirm()
    expect(directory.owner(alice)).toMatchObject({
      principal: { kind: 'user', id: 'alice', name: 'Alice', email: undefined },
      groups: ['media'],
      disabled: false,
    })

    const media = { name: 'media', description: '' }
    await commit('group', 'media', (running) => updateGroup(running, { ...media, disabled: true }))
    await follower.confirm()
    expect(directory.owner(alice)?.groups).toEqual([])
    await commit('group', 'media', (running) => updateGroup(running, { ...media, disabled: false }))
    await commit('user', 'alice', (running) =>
      updateUser(running, { ...write, email: 'a@example.com', disabled: true }),
    )
    await follower.confirm()
    expect(directory.owner(alice)).toMatchObject({
      principal: { email: 'a@example.com' },
      groups: ['media'],
      disabled: true,
    })
    await commit('user', 'alice', (running) => deleteUser(running, 'alice'))
    await follower.confirm()
    expect(directory.owner(alice)).toBeUndefined()
  })

  test('of a foreign prefix is taken over by a node that stands, and read by one that starts', async () => {
    const standing = node()
    await standing.follower.confirm()
    const prefix = { prefix: 'glpat-', digest: 'sha256', keySealed: null } as const
    await commit('foreign_prefix', 'glpat-', (running) => insertForeignPrefix(running, prefix))
    const starting = node()
    for (const { follower, directory } of [standing, starting]) {
      await follower.confirm()
      expect(directory.foreignPrefixOf('glpat-x')).toMatchObject(prefix)
    }
  })

  test('is taken over by reading what it names, and nothing else', async () => {
    await addClient('canister')
    await addClient('bystander')
    const { directory, follower, forgotten } = node()
    await follower.confirm()
    await corrupt('bystander')
    await commit('client', 'canister', (running) => updateClient(running, clientWrite('canister', { name: 'New' })))
    await follower.confirm()
    expect(directory.owner({ kind: 'client', id: 'canister' })?.principal).toMatchObject({ name: 'New' })
    expect(forgotten.at(-1)?.ids).toEqual([])
  })

  test('of more things than can be named is taken over, too', async () => {
    const { directory, follower } = node()
    await follower.confirm()
    await change(store, HOST_ACTOR, async (running) => {
      for (let n = 0; n < 450; n++) {
        await insertClient(running, clientWrite(`c${n}`), null)
        await running.record('client.create', 'client', `c${n}`)
      }
    })
    await follower.confirm()
    const found = Array.from({ length: 450 }, (_, n) => directory.owner({ kind: 'client', id: `c${n}` }))
    expect(found.filter((owner) => owner === undefined)).toEqual([])
  })

  test('is not there before it is committed', async () => {
    const { directory, follower } = node()
    await follower.confirm()
    const before = directory.revision
    await change(store, HOST_ACTOR, async (running) => {
      await insertClient(running, clientWrite('canister'), null)
      await running.record('client.create', 'client', 'canister')
      await follower.confirm()
      expect(directory.revision).toBe(before)
      expect(directory.owner({ kind: 'client', id: 'canister' })).toBeUndefined()
    })
    await follower.confirm()
    expect(directory.revision).toBe(before + 1)
  })
})

describe('facts of credentials', () => {
  test('are forgotten before the directory shows the revision', async () => {
    await addClient('canister')
    const { directory, follower, forgotten } = node()
    await follower.confirm()
    const before = directory.revision
    await commit('credential', 'key_1', async () => undefined)
    await commit('credential', 'key_2', async () => undefined)
    await commit('credential', 'key_1', async () => undefined)
    await follower.confirm()
    expect(forgotten.at(-1)).toEqual({ ids: ['key_1', 'key_2'], atRevision: before })
  })

  test('that a signature vouched for are forgotten when a signing key is retired, before the directory shows it, and no others', async () => {
    const { directory, follower, forgotten } = node()
    await commit('credential', 'key_1', async () => undefined)
    await follower.confirm()
    forgotten.length = 0
    const key = { kid: 'k1', publicJwk: '{}', privateSealed: '', activeFrom: now }
    for (const [work, published, told] of [
      [(running: Change) => insertSigningKey(running, key), ['k1'], []],
      [(running: Change) => retireSigningKey(running, 'k1'), [], ['tokens']],
    ] as const) {
      const before = directory.revision
      await commit('signing_key', 'k1', work)
      await follower.confirm()
      expect(forgotten.splice(0).filter(({ ids }) => ids?.length !== 0)).toEqual(
        told.map((ids) => ({ ids, atRevision: before })),
      )
      expect(directory.signingKeys().map(({ kid }) => kid)).toEqual([...published])
    }
  })

  test('are all forgotten with a reload, before the directory shows it', async () => {
    const { follower, forgotten } = node()
    await follower.confirm()
    expect(forgotten).toEqual([{ ids: undefined, atRevision: -1 }])
  })

  test('are left alone while the revision stands', async () => {
    const { follower, forgotten } = node()
    await follower.confirm()
    for (let n = 0; n < 3; n++) await follower.confirm()
    expect(forgotten).toHaveLength(1)
  })
})

describe('everything is read again, and what is gone is gone,', () => {
  /** A node that knows a client, a group, a resource, a permission and a line, and has then been cut off. */
  async function cutOff(follow?: Store) {
    await addGroup('media')
    await addResource('webdav')
    await addClient('canister')
    await addPermission('perm_1', 'canister', 'webdav')
    await commit('revocation_line', 'client:canister', (running) =>
      drawRevocationLine(running, 'client:canister', null),
    )
    const it = node(follow)
    await it.follower.confirm()
    return it
  }
  const known = ({ directory }: ReturnType<typeof node>) => [
    directory.hasLiveGroup('media'),
    directory.resourceAt('webdav.example.com')?.name,
    directory.owner({ kind: 'client', id: 'canister' })?.principal.kind,
    directory.permissionsOf({ kind: 'client', id: 'canister' }, 'webdav').length,
    directory.lineThrough('client:canister')?.subject,
  ]
  const ALL = [true, 'webdav', 'client', 1, 'client:canister']
  const NONE = [false, undefined, undefined, 0, undefined]

  async function deleteAll() {
    await commit('permission', 'perm_1', (running) => deletePermission(running, 'perm_1'))
    await commit('group', 'media', (running) => deleteGroup(running, 'media'))
    await commit('resource', 'webdav', (running) => deleteResource(running, 'webdav'))
    await commit('client', 'canister', (running) => deleteClient(running, 'canister'))
    await store.writer.deleteFrom('revocation_line').execute()
  }

  test('when the log was trimmed past this node', async () => {
    const it = await cutOff()
    expect(known(it)).toEqual(ALL)
    await deleteAll()
    now = new Date(now.getTime() + 2 * DAY_MS)
    await addClient('newcomer')
    await trimChangeLog(store)
    await it.follower.confirm()
    expect(known(it)).toEqual(NONE)
    expect(it.directory.owner({ kind: 'client', id: 'newcomer' })).toBeDefined()
    expect(it.forgotten.at(-1)?.ids).toBeUndefined()
  })

  test('when the log holds nothing of what this node has read', async () => {
    const it = await cutOff()
    await deleteAll()
    now = new Date(now.getTime() + 2 * DAY_MS)
    await trimChangeLog(store)
    await it.follower.confirm()
    expect(known(it)).toEqual(NONE)
    expect(it.forgotten.at(-1)?.ids).toBeUndefined()
  })

  test('when the database was exchanged for an older one', async () => {
    const served: { now: Store } = { now: store }
    const followed: Store = {
      clock: store.clock,
      random,
      shared: undefined,
      get reader() {
        return served.now.reader
      },
      get writer() {
        return served.now.writer
      },
    }
    const it = await cutOff(followed)
    const older = await open()
    const revision = await addClient('from-the-backup', {}, older)
    served.now = older
    expect(revision).toBeLessThan(it.directory.revision)
    await it.follower.confirm()
    expect(known(it)).toEqual(NONE)
    expect(it.directory.owner({ kind: 'client', id: 'from-the-backup' })).toBeDefined()
    expect(it.directory.revision).toBe(revision)
    expect(it.forgotten.at(-1)?.ids).toBeUndefined()
  })

  test('when the database lost its last changes and gave their revisions to others', async () => {
    const served: { now: Store } = { now: store }
    const followed: Store = {
      ...{ clock: store.clock, random, shared: undefined },
      get reader() {
        return served.now.reader
      },
      get writer() {
        return served.now.writer
      },
    }
    const standby = await open()
    for (const later of [0, 3]) {
      served.now = store
      await addClient('before')
      await addClient('lost')
      const it = node(followed)
      await it.follower.confirm()
      while ((await addClient('found', {}, standby)) < it.directory.revision + later) {
        await commit('client', 'found', (running) => deleteClient(running, 'found'), standby)
      }
      served.now = standby
      await it.follower.confirm()
      const owners = ['before', 'lost', 'found'].map((id) => it.directory.owner({ kind: 'client', id }) !== undefined)
      expect(owners).toEqual([false, false, true])
      expect(it.forgotten.at(-1)?.ids).toBeUndefined()
      for (const id of ['before', 'lost']) await commit('client', id, (running) => deleteClient(running, id))
      await commit('client', 'found', (running) => deleteClient(running, 'found'), standby)
    }
  })

  test('or named, where the lost change was one that wrote nothing', async () => {
    const served: { now: Store } = { now: store }
    const followed: Store = {
      ...{ clock: store.clock, random, shared: undefined },
      get reader() {
        return served.now.reader
      },
      get writer() {
        return served.now.writer
      },
    }
    const standby = await open()
    await addClient('both')
    await change(store, HOST_ACTOR, async () => undefined)
    const it = node(followed)
    await it.follower.confirm()
    const { stamp } = await readPosition(store.reader)
    await addClient('both', {}, standby)
    await standby.writer
      .updateTable('change')
      .set({ stamp: (await readLogEnd(store.reader))?.stamp ?? '' })
      .execute()
    await addClient('found', {}, standby)
    await addClient('later', {}, standby)
    served.now = standby
    expect(stamp).not.toBe((await readPosition(standby.reader)).stamp)
    await it.follower.confirm()
    for (const id of ['both', 'found', 'later']) expect(it.directory.owner({ kind: 'client', id })).toBeDefined()
  })

  test('but not when the log was trimmed up to this node', async () => {
    const it = await cutOff()
    now = new Date(now.getTime() + 2 * DAY_MS)
    await trimChangeLog(store)
    await addClient('newcomer')
    await corrupt('canister')
    await it.follower.confirm()
    expect(known(it)).toEqual(ALL)
    expect(it.forgotten.at(-1)?.ids).toEqual([])
  })

  test('also when the clock went back while the log was written', async () => {
    const it = await cutOff()
    await addClient('before')
    now = new Date(now.getTime() - 3 * DAY_MS)
    await deleteAll()
    now = new Date(now.getTime() + 3 * DAY_MS)
    await addClient('after')
    await trimChangeLog(store)
    await it.follower.confirm()
    expect(known(it)).toEqual(NONE)
  })
})

describe('the lease', () => {
  test('does not hold before the database was asked', async () => {
    const { follower } = node()
    expect(follower.isConfirmed()).toBe(false)
    await follower.confirm()
    expect(follower.isConfirmed()).toBe(true)
  })

  test('ends five seconds after the database was asked, to the millisecond', async () => {
    const { follower, time } = node()
    await follower.confirm()
    time.nowMs += 4999
    expect(follower.isConfirmed()).toBe(true)
    time.nowMs += 1
    expect(follower.isConfirmed()).toBe(false)
    await follower.confirm()
    expect(follower.isConfirmed()).toBe(true)
  })

  test('is called late two and a half seconds before its end, while it still holds', async () => {
    for (const staleGraceMs of [0, 60_000]) {
      const { follower, time } = node(store, { staleGraceMs })
      expect(follower.isLate()).toBe(true)
      await follower.confirm()
      time.nowMs = 2499 + staleGraceMs
      expect(follower.isLate()).toBe(false)
      time.nowMs += 1
      expect([follower.isLate(), follower.isConfirmed()]).toEqual([true, true])
    }
  })

  test('counts from the question, not from a late answer', async () => {
    const { follower, time } = node()
    const asking = follower.confirm()
    time.nowMs += 4000
    await asking
    expect(follower.isConfirmed()).toBe(true)
    time.nowMs += 1000
    expect(follower.isConfirmed()).toBe(false)
  })

  test('is as much longer as the operator has stale answers rather than none, and says when they are', async () => {
    const { follower, time } = node(store, { staleGraceMs: 60_000 })
    await follower.confirm()
    for (const [nowMs, isConfirmed, isStale] of [
      [4999, true, false],
      [5000, true, true],
      [64_999, true, true],
      [65_000, false, false],
    ] as const) {
      time.nowMs = nowMs
      expect([follower.isConfirmed(), follower.isStale()]).toEqual([isConfirmed, isStale])
    }
  })

  test('is not renewed by a question that failed', async () => {
    const served = { fails: false }
    const { follower, time, directory } = node({
      clock: store.clock,
      random,
      shared: undefined,
      writer: store.writer,
      get reader() {
        if (served.fails) throw new Error('disk I/O error')
        return store.reader
      },
    })
    await follower.confirm()
    const { revision } = directory
    served.fails = true
    time.nowMs += 4000
    await expect(follower.confirm()).rejects.toThrow('disk I/O error')
    time.nowMs += 1000
    expect(follower.isConfirmed()).toBe(false)
    served.fails = false
    await follower.confirm()
    expect([follower.isConfirmed(), directory.revision]).toEqual([true, revision])
  })

  test('is not renewed by a change that could not be read, and the directory stays as it was', async () => {
    await addClient('canister')
    const { follower, time, directory, forgotten } = node()
    await follower.confirm()
    const { revision } = directory
    await commit('client', 'canister', ({ db }) => corrupt('canister', db))
    time.nowMs += 5000
    await expect(follower.confirm()).rejects.toThrow()
    expect([follower.isConfirmed(), directory.revision, forgotten.length]).toEqual([false, revision, 1])
    await commit('client', 'canister', (running) => updateClient(running, clientWrite('canister')))
    await follower.confirm()
    expect([follower.isConfirmed(), directory.revision]).toEqual([true, revision + 2])
  })
})

describe('asking', () => {
  test('while somebody asks already asks again, so that nobody gets an answer from before their question', async () => {
    const gate = Promise.withResolvers<void>()
    let isHeld = false
    const slow: KyselyPlugin = {
      transformQuery: ({ node }) => node,
      async transformResult({ result }) {
        if (isHeld) await gate.promise
        return result
      },
    }
    const { directory, follower } = node({ ...store, shared: undefined, reader: store.reader.withPlugin(slow) })
    await follower.confirm()
    isHeld = true
    const early = follower.confirm()
    await Bun.sleep(20)
    const revision = await addClient('canister')
    const late = follower.confirm()
    isHeld = false
    gate.resolve()
    await late
    expect(directory.revision).toBe(revision)
    await early
  })

  test('however many come while somebody asks share one further question', async () => {
    const gate = Promise.withResolvers<void>()
    let questions = 0
    const counted: KyselyPlugin = {
      transformQuery({ node }) {
        questions++
        return node
      },
      async transformResult({ result }) {
        if (questions === 1) await gate.promise
        return result
      },
    }
    const { directory, follower } = node({ ...store, shared: undefined, reader: store.reader.withPlugin(counted) })
    const rush = Array.from({ length: 100 }, () => follower.confirm())
    await Bun.sleep(20)
    questions = 1
    gate.resolve()
    await rush[0]
    const first = questions
    await Promise.all(rush)
    expect(questions - first).toBe(1)
    expect(directory.revision).toBe(0)
  })

  test('again after a question that failed asks the database again', async () => {
    let isDown = true
    const failing: KyselyPlugin = {
      transformQuery({ node }) {
        if (isDown) throw new Error('the database is closed')
        return node
      },
      transformResult: async ({ result }) => result,
    }
    const { follower } = node({ ...store, shared: undefined, reader: store.reader.withPlugin(failing) })
    const [one, other] = await Promise.allSettled([follower.confirm(), follower.confirm()])
    expect([one?.status, other?.status]).toEqual(['rejected', 'rejected'])
    isDown = false
    await follower.confirm()
    expect(follower.isConfirmed()).toBe(true)
  })

  test('to reach a revision returns once the directory is there', async () => {
    const { directory, follower } = node()
    await follower.confirm()
    const revisions = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const revision = await addClient(`c${n}`)
        await follower.reach(revision)
        expect(directory.revision).toBeGreaterThanOrEqual(revision)
        return revision
      }),
    )
    expect(new Set(revisions).size).toBe(20)
  })

  test('goes on by itself after start, and no more after stop', async () => {
    const { directory, follower } = node()
    follower.start()
    const first = await addClient('first')
    while (directory.revision < first) await Bun.sleep(10)
    follower.stop()
    await addClient('second')
    await Bun.sleep(700)
    expect(directory.revision).toBe(first)
  })

  test('that fails beside requests is told, and goes on', async () => {
    const served = { fails: true }
    const it = node({
      clock: store.clock,
      random,
      shared: undefined,
      writer: store.writer,
      get reader() {
        if (served.fails) throw new Error('disk I/O error')
        return store.reader
      },
    })
    it.follower.start()
    while (it.errors.length === 0) await Bun.sleep(10)
    served.fails = false
    while (!it.follower.isConfirmed()) await Bun.sleep(10)
    it.follower.stop()
    expect(it.errors[0]).toEqual(new Error('disk I/O error'))
  })
})
