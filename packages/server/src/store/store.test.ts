// One suite for every engine: what the rest of the server may rely on, whatever the database is.
import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KyselyPlugin } from 'kysely'
import { refText, type StoredCredential } from '../domain/credential.ts'
import { listChangesAfter, readLogStart, readRevision, trimChangeLog } from './change-log.ts'
import { type ClientWrite, deleteClient, findClient, insertClient, listClientIds, updateClient } from './clients.ts'
import {
  countUnrevoked,
  credentialFinder,
  findCredential,
  findCredentialByDigest,
  insertCredential,
  listCredentials,
  revokeCredential,
  shortenCredential,
  writeLastUses,
} from './credentials.ts'
import { deleteGroup, findGroup, insertGroup, listMembers } from './groups.ts'
import { type OpenedStore, openStore } from './open.ts'
import { isOutage } from './outage.ts'
import { findPermission, insertPermission, listPermissions, listPermissionsOf } from './permissions.ts'
import {
  deleteResource,
  findResource,
  findResourceClash,
  insertResource,
  type ResourceWrite,
  updateResource,
} from './resources.ts'
import { isRetired, retireId } from './retired-ids.ts'
import { drawRevocationLine, listRevocationLines } from './revocation-lines.ts'
import type { Tables } from './schema.ts'
import { readSetting, writeSetting } from './settings.ts'
import { type Actor, type Change, change, HOST_ACTOR, type Store } from './store.ts'

/** A database engine, as the suite needs it. */
type Engine = {
  readonly name: string
  /** A database that nobody has used. */
  openFresh(clock: () => Date): Promise<FreshStore>
}

type FreshStore = {
  readonly store: OpenedStore
  /** The same database once more, as another process would open it. */
  openAgain(): Promise<OpenedStore>
  /** Closes everything and removes the database. */
  discard(): Promise<void>
}

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

const SQLITE: Engine = {
  name: 'SQLite',
  async openFresh(clock) {
    const directory = mkdtempSync(join(tmpdir(), 'countersign-store-'))
    const opened: OpenedStore[] = []
    const open = async () => {
      const store = await openStore(directory, clock, random)
      opened.push(store)
      return store
    }
    return {
      store: await open(),
      openAgain: open,
      async discard() {
        for (const store of opened) await store.close()
        rmSync(directory, { recursive: true, force: true })
      },
    }
  },
}

const ENGINES: readonly Engine[] = [SQLITE]

const OPS: Actor = { by: 'client:ops', credential: 'key_ops' }
const T0 = new Date('2030-01-01T00:00:00Z')
const later = (seconds: number) => new Date(T0.getTime() + seconds * 1000)

const clientWrite = (id: string, changed: Partial<ClientWrite> = {}): ClientWrite => ({
  id,
  name: id,
  groups: [],
  grants: ['client_credentials'],
  defaultResource: null,
  accessTokenTtlSeconds: null,
  networkTexts: [],
  listener: 'any',
  disabled: false,
  ...changed,
})

const resourceWrite = (name: string, changed: Partial<ResourceWrite> = {}): ResourceWrite => ({
  name,
  identifier: `https://${name}.example.com`,
  hosts: [`${name}.example.com`],
  disabled: false,
  scopes: ['files:read', 'files:write'],
  scope_details: {},
  rules: [{ methods: ['GET'], path: '/**', require: { scopes: ['files:read'] } }],
  access_token: { format: 'jwt', ttl_seconds: 600 },
  foreign_credentials: 'reject',
  credential_header: null,
  preflight: 'deny',
  headers: {},
  groups: 'holding',
  ...changed,
})

function credentialOf(id: string, changed: Partial<StoredCredential> = {}): StoredCredential {
  return {
    id,
    kind: 'key',
    owner: { kind: 'client', id: 'canister' },
    name: 'laptop',
    hint: 'cs_key_…aB3x',
    narrowing: { resources: null, scopes: null, projects: null },
    networks: [],
    networkTexts: [],
    notBefore: null,
    expiresAt: null,
    family: id,
    ancestors: [],
    createdAt: T0,
    createdBy: 'client:ops',
    revision: 0,
    revokedAt: null,
    revokedBy: null,
    revokedReason: null,
    lastUsedAt: null,
    lastUsedFrom: null,
    importedFrom: null,
    ...changed,
  }
}

/** The damages after which something could still be read, which is a row that was believed. */
async function acceptedOf<T>(damages: readonly T[], damage: (one: T) => Promise<(() => Promise<unknown>)[]>) {
  const accepted: T[] = []
  for (const one of damages) {
    for (const read of await damage(one)) {
      const outcome = await read().then(
        () => 'read',
        () => 'refused',
      )
      if (outcome === 'read' && accepted.at(-1) !== one) accepted.push(one)
    }
  }
  return accepted
}

for (const engine of ENGINES) {
  describe(`the store on ${engine.name}`, () => {
    let fresh: FreshStore
    let store: OpenedStore
    let now = T0
    beforeEach(async () => {
      now = T0
      fresh = await engine.openFresh(() => now)
      store = fresh.store
    })
    afterEach(() => fresh.discard())

    const run = async (work: (running: Change) => Promise<unknown>) => (await change(store, OPS, work)).revision
    const insertKey = (id: string, changed?: Partial<StoredCredential>, digest = `digest of ${id}`) =>
      run((running) => insertCredential(running, { ...credentialOf(id, changed), revision: running.revision }, digest))
    const events = () => store.reader.selectFrom('audit_event').selectAll().orderBy('id').execute()

    describe('a fresh one', () => {
      test('is at revision 0, with the two built-in clients and nothing in the log', async () => {
        expect(await readRevision(store.reader)).toBe(0)
        expect(await listClientIds(store.reader, { after: undefined, limit: 10 })).toEqual([
          'bootstrap',
          'countersign-admin',
        ])
        expect(await readLogStart(store.reader)).toBeUndefined()
        expect(store.applied).not.toEqual([])
      })

      test('is migrated once: opened again it has nothing left to apply, and keeps what it has', async () => {
        await run((running) => insertClient(running, clientWrite('canister'), null))
        const again = await fresh.openAgain()
        expect(again.applied).toEqual([])
        expect((await findClient(again.reader, 'canister'))?.id).toBe('canister')
      })
    })

    describe('a change', () => {
      test('takes the counter before anything else', async () => {
        const statements: string[] = []
        const recorder: KyselyPlugin = {
          transformQuery({ node }) {
            const text = JSON.stringify(node)
            const table = /"identifier":\{"kind":"IdentifierNode","name":"([a-z_]+)"/.exec(text)?.[1]
            statements.push(`${node.kind} ${table}`)
            return node
          },
          transformResult: async ({ result }) => result,
        }
        const recorded: Store = { ...store, writer: store.writer.withPlugin(recorder) }
        await change(recorded, OPS, async (running) => {
          await findClient(running.db, 'canister')
          await insertClient(running, clientWrite('canister'), null)
          await running.record('client.create', 'client', 'canister')
        })
        expect(statements[0]).toBe('UpdateQueryNode revision')
        expect(statements.filter((statement) => statement.includes('revision'))).toHaveLength(1)
        expect(statements.slice(1)).not.toEqual([])
      })

      test('has the next revision, which its own transaction sees and nobody else before it is committed', async () => {
        await change(store, OPS, async (running) => {
          expect(running.revision).toBe(1)
          expect(await readRevision(running.db)).toBe(1)
          expect(await readRevision(store.reader)).toBe(0)
        })
        expect(await readRevision(store.reader)).toBe(1)
      })

      test('returns what its work returned, with the revision', async () => {
        expect(await change(store, OPS, async () => 'made')).toEqual({ result: 'made', revision: 1 })
      })

      test('writes who changed what and when, and the ids that nodes follow', async () => {
        await run((running) => running.record('client.create', 'client', 'canister', { groups: ['media'] }))
        const [event] = await events()
        expect(event).toEqual({
          id: event?.id ?? '',
          revision: 1,
          at: T0.getTime() / 1000,
          actor: 'client:ops',
          credential: 'key_ops',
          action: 'client.create',
          noun: 'client',
          noun_id: 'canister',
          detail: '{"groups":["media"]}',
        })
        expect(event?.id).toMatch(/^evt_[0-9A-HJKMNP-TV-Z]{26}$/)
        expect(await listChangesAfter(store.reader, 0)).toEqual([{ revision: 1, noun: 'client', id: 'canister' }])
      })

      const failures: [how: string, fail: (running: Change) => Promise<unknown>][] = [
        ['throws', () => Promise.reject(new Error('a bug'))],
        [
          'breaks a constraint',
          (running) => running.db.insertInto('retired_id').values({ noun: 'client', noun_id: 'twice' }).execute(),
        ],
      ]
      test.each(failures)('whose work %s leaves nothing: no revision, row, audit event or log', async (_, fail) => {
        await run((running) => retireId(running, 'client', 'twice'))
        const failing = run(async (running) => {
          await insertClient(running, clientWrite('canister'), null)
          await running.record('client.create', 'client', 'canister')
          await fail(running)
        })
        await expect(failing).rejects.toThrow()
        expect(await readRevision(store.reader)).toBe(1)
        expect(await findClient(store.reader, 'canister')).toBeUndefined()
        expect(await events()).toEqual([])
        expect(await listChangesAfter(store.reader, 0)).toEqual([])
        expect(await run(async () => undefined)).toBe(2)
      })

      test('is serial with all others: what one checked is still so when it writes', async () => {
        const places = 5
        const takeAPlace = (n: number) =>
          run(async (running) => {
            const taken = await running.db.selectFrom('client').select('id').where('id', 'like', 'place-%').execute()
            if (taken.length < places) await insertClient(running, clientWrite(`place-${n}`), null)
          })
        const revisions = await Promise.all(Array.from({ length: 60 }, (_, n) => takeAPlace(n)))
        expect([...revisions].sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1))
        const taken = await listClientIds(store.reader, { after: 'place-', limit: 100 })
        expect(taken).toHaveLength(places)
      })

      test('is seen by another node that opened the same database', async () => {
        const other = await fresh.openAgain()
        await run((running) => insertClient(running, clientWrite('canister'), null))
        expect((await findClient(other.reader, 'canister'))?.revision).toBe(1)
        await change(other, HOST_ACTOR, (running) => insertClient(running, clientWrite('tender'), null))
        expect((await findClient(store.reader, 'tender'))?.revision).toBe(2)
      })
    })

    test('a counter that holds no whole number is an error for whoever reads it', async () => {
      await insertKey('key_1')
      const accepted = await acceptedOf(['x', '1.5', '', '-1'], async (value) => {
        await store.writer
          .updateTable('revision')
          .set({ value: value as unknown as number })
          .execute()
        return [() => readRevision(store.reader), () => findCredentialByDigest(store.reader, 'digest of key_1')]
      })
      expect(accepted).toEqual([])
    })

    describe('the change log', () => {
      test('tells what came after a revision, in order', async () => {
        for (const id of ['a', 'b', 'c']) await run((running) => running.record('group.create', 'group', id))
        expect((await listChangesAfter(store.reader, 1)).map(({ id }) => id)).toEqual(['b', 'c'])
        expect(await listChangesAfter(store.reader, 3)).toEqual([])
      })

      test('is kept for a day', async () => {
        await run((running) => running.record('group.create', 'group', 'old'))
        now = later(86_400)
        await run((running) => running.record('group.create', 'group', 'new'))
        await trimChangeLog(store)
        expect(await readLogStart(store.reader)).toBe(1)
        now = later(86_401)
        await trimChangeLog(store)
        expect(await readLogStart(store.reader)).toBe(2)
      })

      test('can be trimmed to nothing; the counter and the audit events stay', async () => {
        await run((running) => running.record('group.create', 'group', 'old'))
        now = later(90_000)
        await trimChangeLog(store)
        expect(await readLogStart(store.reader)).toBeUndefined()
        expect(await readRevision(store.reader)).toBe(1)
        expect(await events()).toHaveLength(1)
      })
    })

    describe('a credential', () => {
      const wide = credentialOf('key_1', {
        narrowing: { resources: ['webdav'], scopes: ['files:read'], projects: ['a', 'b'] },
        networkTexts: ['192.0.2.0/24', '2001:db8::/32'],
        notBefore: later(1),
        expiresAt: later(2),
        family: 'key_0',
        ancestors: ['key_p', 'key_q'],
      })

      test('comes back as it was put in', async () => {
        await insertKey('key_1', wide)
        const found = await findCredential(store.reader, 'key_1')
        expect(found?.networks).toHaveLength(2)
        expect({ ...found, networks: [] } as unknown).toEqual({ ...wide, revision: 1 })
      })

      test('is found by its digest, with the revision that the answer is of', async () => {
        await insertKey('key_1')
        await run(async () => undefined)
        const found = await findCredentialByDigest(store.reader, 'digest of key_1')
        expect([found.credential?.id, found.credential?.revision, found.revision]).toEqual(['key_1', 1, 2])
      })

      test('is found by its own digest among others that are looked for at once, also when it came later', async () => {
        const find = credentialFinder(store.reader)
        const digests = ['digest of key_1', 'digest of key_2', 'any digest', 'digest of key_1']
        const look = async () => (await Promise.all(digests.map(find))).map(({ credential }) => credential?.id)
        await insertKey('key_1')
        expect(await look()).toEqual(['key_1', undefined, undefined, 'key_1'])
        await insertKey('key_2')
        expect(await look()).toEqual(['key_1', 'key_2', undefined, 'key_1'])
      })

      test('is found by its digest whatever its state', async () => {
        await insertKey('key_1', { expiresAt: later(-1) })
        await run((running) => revokeCredential(running, 'key_1', 'leaked'))
        const { credential } = await findCredentialByDigest(store.reader, 'digest of key_1')
        expect(credential).toMatchObject({ revokedAt: T0, revokedBy: 'client:ops', revokedReason: 'leaked' })
      })

      test('is not found by a part of its digest, nor by one that differs', async () => {
        await insertKey('key_1', {}, 'abcdef')
        for (const digest of ['', 'abcde', 'abcdefg', 'ABCDEF', '%', 'abcdef ']) {
          expect(await findCredentialByDigest(store.reader, digest)).toEqual({ credential: undefined, revision: 1 })
        }
      })

      test('cannot share its digest or its id with another', async () => {
        await insertKey('key_1', {}, 'digest')
        await expect(insertKey('key_2', {}, 'digest')).rejects.toThrow()
        await expect(insertKey('key_1', {}, 'other')).rejects.toThrow()
        expect(await readRevision(store.reader)).toBe(1)
      })

      test('is revoked once: a second time changes neither when, by whom nor why', async () => {
        await insertKey('key_1')
        const outcomes: boolean[] = []
        await run(async (running) => outcomes.push(await revokeCredential(running, 'key_1', 'leaked')))
        now = later(60)
        await run(async (running) => outcomes.push(await revokeCredential(running, 'key_1', 'again')))
        await run(async (running) => outcomes.push(await revokeCredential(running, 'key_none', null)))
        expect(outcomes).toEqual([true, false, false])
        expect(await findCredential(store.reader, 'key_1')).toMatchObject({ revokedAt: T0, revokedReason: 'leaked' })
      })

      const lives: [from: Date | null, asked: Date, to: Date][] = [
        [null, later(10), later(10)],
        [later(20), later(10), later(10)],
        [later(10), later(20), later(10)],
        [later(10), later(10), later(10)],
      ]
      test.each(lives)('that ends at %p and is to end at %p ends at %p', async (from, asked, to) => {
        await insertKey('key_1', { expiresAt: from })
        await run((running) => shortenCredential(running, 'key_1', asked))
        expect((await findCredential(store.reader, 'key_1'))?.expiresAt).toEqual(to)
      })

      test('is listed with those of its owner, kind and family, page by page', async () => {
        const other = { kind: 'client', id: 'other' } as const
        await insertKey('key_1')
        await insertKey('key_2', { family: 'key_1' })
        await insertKey('key_3', { owner: other })
        await insertKey('key_4', { kind: 'secret' })
        const ids = async (filter: Partial<Parameters<typeof listCredentials>[1]>) =>
          (await listCredentials(store.reader, { limit: 10, ...filter })).map(({ id }) => id)
        expect(await ids({})).toEqual(['key_1', 'key_2', 'key_3', 'key_4'])
        expect(await ids({ owner: other })).toEqual(['key_3'])
        expect(await ids({ owner: { kind: 'user', id: 'other' } })).toEqual([])
        expect(await ids({ kind: 'secret' })).toEqual(['key_4'])
        expect(await ids({ family: 'key_1' })).toEqual(['key_1', 'key_2'])
        expect(await ids({ limit: 2 })).toEqual(['key_1', 'key_2'])
        expect(await ids({ limit: 2, after: 'key_2' })).toEqual(['key_3', 'key_4'])
      })

      test('remembers its last use, which takes no revision', async () => {
        await insertKey('key_1')
        await writeLastUses(store, [
          { id: 'key_1', at: later(5), from: '192.0.2.1' },
          { id: 'key_gone', at: later(5), from: null },
        ])
        const found = await findCredential(store.reader, 'key_1')
        expect(found).toMatchObject({ lastUsedAt: later(5), lastUsedFrom: '192.0.2.1' })
        expect(await readRevision(store.reader)).toBe(1)
      })

      test('keeps the latest of uses that come together, in whatever order', async () => {
        await insertKey('key_1')
        const uses = [4, 6, 5].map((at) => ({ id: 'key_1', at: later(at), from: `192.0.2.${at}` }))
        await writeLastUses(store, uses)
        const found = await findCredential(store.reader, 'key_1')
        expect(found).toMatchObject({ lastUsedAt: later(6), lastUsedFrom: '192.0.2.6' })
      })

      // A row that was damaged must not read as "not narrowed", nor lose what it may be revoked with.
      const NO_LIST = [
        '',
        '{',
        'null',
        '[]',
        '"webdav"',
        '{"0":"webdav"}',
        '0',
        'true',
        '[1]',
        '[null]',
        '[["webdav"]]',
      ]
      const damages: [column: keyof Tables['credential'], values: string[]][] = [
        ['resources', NO_LIST],
        ['scopes', NO_LIST],
        ['projects', NO_LIST],
        ['networks', [...NO_LIST, '["not a network"]', '["192.0.2.0/33"]']],
        ['ancestors', NO_LIST],
        ['kind', ['', 'key ', 'KEY', 'bootstrap', 'root']],
        ['owner_kind', ['', 'group', 'CLIENT']],
      ]
      test.each(damages)('whose %s cannot be read is an error, however it is looked for', async (column, values) => {
        await insertKey('key_1')
        const accepted = await acceptedOf(values, async (value) => {
          await store.writer
            .updateTable('credential')
            .set({ [column]: value })
            .execute()
          return [
            () => findCredentialByDigest(store.reader, 'digest of key_1'),
            () => findCredential(store.reader, 'key_1'),
            () => listCredentials(store.reader, { limit: 10 }),
          ]
        })
        expect(accepted).toEqual([])
      })
    })

    describe('a revocation line', () => {
      const owner = { kind: 'client', id: 'canister' } as const

      test('is one row, with its revision, however often it is drawn', async () => {
        await run((running) => drawRevocationLine(running, 'client:canister', 'first'))
        await run((running) => drawRevocationLine(running, 'family:key_1', null))
        now = later(9)
        await run((running) => drawRevocationLine(running, 'client:canister', 'second'))
        expect(await listRevocationLines(store.reader, ['client:canister'])).toEqual([
          { subject: 'client:canister', revision: 3, at: later(9), by: 'client:ops', reason: 'second' },
        ])
        expect(await listRevocationLines(store.reader)).toHaveLength(2)
      })

      test('newly revokes what is neither revoked, nor expired, nor beyond an earlier line', async () => {
        await insertKey('key_1')
        await insertKey('key_2')
        await run((running) => revokeCredential(running, 'key_2', null))
        await insertKey('key_3', { expiresAt: later(-1) })
        await insertKey('key_4', { expiresAt: later(1) })
        await insertKey('key_5', { owner: { kind: 'client', id: 'other' } })
        const counts = async () => [
          await countUnrevoked(store.reader, { owner }),
          await countUnrevoked(store.reader, { owner }, T0),
        ]
        expect(await counts()).toEqual([3, 2])
        await run((running) => drawRevocationLine(running, refText(owner), null))
        expect(await counts()).toEqual([0, 0])
        await insertKey('key_6')
        expect(await counts()).toEqual([1, 1])
      })

      test('through a family counts its members', async () => {
        await insertKey('key_1')
        await insertKey('key_2', { family: 'key_1' })
        expect(await countUnrevoked(store.reader, { family: 'key_1' })).toBe(2)
        await run((running) => drawRevocationLine(running, 'family:key_1', null))
        expect(await countUnrevoked(store.reader, { family: 'key_1' })).toBe(0)
      })
    })

    describe('a client', () => {
      test('comes back as it was put in, with its groups', async () => {
        for (const name of ['a', 'b']) await run((running) => insertGroup(running, { name, description: '' }))
        const write = clientWrite('canister', {
          groups: ['b', 'a'],
          networkTexts: ['192.0.2.0/24'],
          accessTokenTtlSeconds: 60,
          defaultResource: 'webdav',
          listener: 'internal',
          disabled: true,
        })
        await run((running) => insertClient(running, write, 'file'))
        const found = await findClient(store.reader, 'canister')
        expect(found?.networks).toHaveLength(1)
        expect({ ...found, networks: undefined } as unknown).toEqual({
          ...write,
          groups: ['a', 'b'],
          managedBy: 'file',
          createdAt: T0,
          revision: 3,
        })
      })

      test('loses the groups that an update does not name', async () => {
        for (const name of ['a', 'b']) await run((running) => insertGroup(running, { name, description: '' }))
        await run((running) => insertClient(running, clientWrite('canister', { groups: ['a', 'b'] }), null))
        await run((running) => updateClient(running, clientWrite('canister', { groups: ['b'] })))
        expect((await findClient(store.reader, 'canister'))?.groups).toEqual(['b'])
        expect(await listMembers(store.reader, 'a')).toEqual([])
      })

      test('takes its memberships and permissions along when it is deleted, and leaves its credentials', async () => {
        await run((running) => insertGroup(running, { name: 'media', description: '' }))
        await run((running) => insertClient(running, clientWrite('canister', { groups: ['media'] }), null))
        await insertKey('key_1')
        await run((running) => insertPermission(running, permissionOf('perm_1')))
        await run((running) => deleteClient(running, 'canister'))
        expect(await findClient(store.reader, 'canister')).toBeUndefined()
        expect(await listMembers(store.reader, 'media')).toEqual([])
        expect(await findPermission(store.reader, 'perm_1')).toBeUndefined()
        expect((await findCredential(store.reader, 'key_1'))?.owner.id).toBe('canister')
      })

      test('cannot be in a group that does not exist', async () => {
        const inserted = run((running) => insertClient(running, clientWrite('canister', { groups: ['none'] }), null))
        await expect(inserted).rejects.toThrow()
        expect(await findClient(store.reader, 'canister')).toBeUndefined()
      })

      test('whose body cannot be read is an error', async () => {
        await run((running) => insertClient(running, clientWrite('canister'), null))
        const nowhere = ['"nowhere"', '["nowhere"]', '[1]', '{}'].map((list) => `{"grants":[],"networks":${list}}`)
        const accepted = await acceptedOf(['', '{', 'null', '[]', '"x"', ...nowhere], async (body) => {
          await store.writer.updateTable('client').set({ body }).where('id', '=', 'canister').execute()
          return [() => findClient(store.reader, 'canister')]
        })
        expect(accepted).toEqual([])
      })
    })

    const permissionOf = (id: string) => ({
      id,
      holder: { kind: 'client' as const, id: 'canister' },
      resource: 'webdav',
      scopes: ['files:read'],
      roles: ['reader'],
      projects: ['a'],
    })

    describe('a permission', () => {
      test('comes back as it was put in', async () => {
        await run((running) => insertPermission(running, permissionOf('perm_1')))
        expect(await findPermission(store.reader, 'perm_1')).toEqual({ ...permissionOf('perm_1'), createdAt: T0 })
      })

      test('is found by holder and resource', async () => {
        await run((running) => insertPermission(running, permissionOf('perm_1')))
        const group = { kind: 'group', id: 'canister' } as const
        await run((running) => insertPermission(running, { ...permissionOf('perm_2'), holder: group }))
        const { holder } = permissionOf('')
        const found = await listPermissions(store.reader, { holder, resource: 'webdav' })
        expect(found.map(({ id }) => id)).toEqual(['perm_1'])
        const idsOf = async (resource: string, holders: Parameters<typeof listPermissionsOf>[2]) =>
          (await listPermissionsOf(store.reader, resource, holders)).map(({ id }) => id)
        expect(await idsOf('webdav', [{ kind: 'user', id: 'canister' }, group])).toEqual(['perm_2'])
        expect(await idsOf('webdav', [{ kind: 'user', id: 'canister' }])).toEqual([])
        expect(await idsOf('webdav', [])).toEqual([])
        expect(await idsOf('forge', [holder])).toEqual([])
      })

      // A row that was damaged must not read as "in all projects", nor give what nobody wrote.
      const NO_LIST = ['', '{', 'null', '{}', '"admin"', '0', 'false', '[1]', '[null]']
      const damages: [column: keyof Tables['permission'], values: string[]][] = [
        ['scopes', NO_LIST],
        ['roles', NO_LIST],
        ['projects', [...NO_LIST, '[]']],
        ['holder_kind', ['', 'CLIENT', 'everybody']],
      ]
      test.each(damages)('whose %s cannot be read is an error', async (column, values) => {
        await run((running) => insertPermission(running, permissionOf('perm_1')))
        const accepted = await acceptedOf(values, async (value) => {
          const update = store.writer.updateTable('permission').set({ [column]: value })
          await update.where('id', '=', 'perm_1').execute()
          return [() => findPermission(store.reader, 'perm_1')]
        })
        expect(accepted).toEqual([])
      })
    })

    describe('a resource', () => {
      test('comes back as it was put in, with its hosts and its rules compiled', async () => {
        const write = resourceWrite('webdav', { hosts: ['b.example.com', 'a.example.com'], disabled: true })
        await run((running) => insertResource(running, write))
        expect(await findResource(store.reader, 'webdav')).toMatchObject({
          identifier: 'https://webdav.example.com',
          hosts: ['a.example.com', 'b.example.com'],
          disabled: true,
          definitions: write.rules,
          rules: [{ index: 0, require: { scopes: ['files:read'], public: false } }],
        })
      })

      test('takes its hosts and the permissions on it along when it is deleted', async () => {
        await run((running) => insertResource(running, resourceWrite('webdav')))
        await run((running) => insertPermission(running, permissionOf('perm_1')))
        await run((running) => deleteResource(running, 'webdav'))
        expect(await findPermission(store.reader, 'perm_1')).toBeUndefined()
        await run((running) => insertResource(running, resourceWrite('heir', { hosts: ['webdav.example.com'] })))
        expect((await findResource(store.reader, 'heir'))?.hosts).toEqual(['webdav.example.com'])
      })

      test('clashes with another of the same identifier or host, never with itself', async () => {
        await run((running) => insertResource(running, resourceWrite('webdav')))
        const clash = (changed: Partial<ResourceWrite>, name = 'other') =>
          findResourceClash(store.reader, resourceWrite(name, changed))
        expect(await clash({})).toBeUndefined()
        expect(await clash({ hosts: [] })).toBeUndefined()
        expect(await clash({ identifier: 'https://webdav.example.com' })).toContain('identifier')
        expect(await clash({ hosts: ['x.example.com', 'webdav.example.com'] })).toContain('webdav.example.com')
        expect(await clash({}, 'webdav')).toBeUndefined()
      })

      test('cannot take a host from another, and keeps its own when it tried', async () => {
        await run((running) => insertResource(running, resourceWrite('webdav')))
        await run((running) => insertResource(running, resourceWrite('forge')))
        const greedy = resourceWrite('forge', { hosts: ['webdav.example.com'] })
        await expect(run((running) => updateResource(running, greedy))).rejects.toThrow()
        expect((await findResource(store.reader, 'forge'))?.hosts).toEqual(['forge.example.com'])
      })

      const body = (changed: object) => {
        const { name: _name, identifier: _identifier, hosts: _hosts, disabled: _disabled, ...rest } = resourceWrite('x')
        return JSON.stringify({ ...rest, ...changed })
      }
      const corrupt: [what: string, body: string][] = [
        ['empty', ''],
        ['cut off', body({}).slice(0, -1)],
        ['null', 'null'],
        ['without scopes', body({ scopes: undefined })],
        ['without rules', body({ rules: undefined })],
        ['with a rule of a malformed path', body({ rules: [{ path: 'files' }] })],
        ['with a rule of no path', body({ rules: [{}] })],
        ['with a rule of a malformed method', body({ rules: [{ path: '/**', methods: ['get it'] }] })],
        ['with a rule that is null', body({ rules: [null] })],
        ['with a rule for an undeclared scope', body({ rules: [{ path: '/**', require: { scopes: ['a:b'] } }] })],
        ['with a rule for a malformed network', body({ rules: [{ path: '/**', require: { networks: ['x'] } }] })],
        [
          'with a rule that is public and asks',
          body({ rules: [{ path: '/**', require: { public: true, roles: ['x'] } }] }),
        ],
        ['with a rule whose scopes are no list', body({ rules: [{ path: '/**', require: { scopes: 'files:read' } }] })],
      ]
      test('of before scopes could be described has none that is', async () => {
        await run((running) => insertResource(running, resourceWrite('webdav')))
        await store.writer
          .updateTable('resource')
          .set({ body: body({ scope_details: undefined }) })
          .execute()
        expect(await findResource(store.reader, 'webdav')).toMatchObject({ scopeDetails: {} })
      })

      test('whose body cannot be read is an error', async () => {
        await run((running) => insertResource(running, resourceWrite('webdav')))
        const accepted = await acceptedOf(corrupt, async ([, text]) => {
          await store.writer.updateTable('resource').set({ body: text }).execute()
          return [() => findResource(store.reader, 'webdav')]
        })
        expect(accepted).toEqual([])
      })
    })

    describe('an id', () => {
      test('that was retired stays so, for its noun alone', async () => {
        await run((running) => retireId(running, 'client', 'canister'))
        await run(async (running) => {
          expect(await isRetired(running, 'client', 'canister')).toBe(true)
          expect(await isRetired(running, 'group', 'canister')).toBe(false)
          expect(await isRetired(running, 'client', 'canister2')).toBe(false)
        })
      })

      test('is not retired by a change that failed', async () => {
        const failing = run(async (running) => {
          await retireId(running, 'client', 'canister')
          throw new Error('a bug')
        })
        await expect(failing).rejects.toThrow('a bug')
        await run(async (running) => expect(await isRetired(running, 'client', 'canister')).toBe(false))
      })
    })

    test('a group takes its memberships and permissions along when it is deleted', async () => {
      const holder = { kind: 'group', id: 'media' } as const
      await run((running) => insertGroup(running, { name: 'media', description: 'films' }))
      await run((running) => insertClient(running, clientWrite('canister', { groups: ['media'] }), null))
      await run((running) => insertPermission(running, { ...permissionOf('perm_1'), holder }))
      expect(await findGroup(store.reader, 'media')).toMatchObject({ description: 'films', revision: 1 })
      expect(await listMembers(store.reader, 'media')).toEqual(['client:canister'])
      await run((running) => deleteGroup(running, 'media'))
      expect(await listMembers(store.reader, 'media')).toEqual([])
      expect((await findClient(store.reader, 'canister'))?.groups).toEqual([])
      expect(await findPermission(store.reader, 'perm_1')).toBeUndefined()
    })

    test('a setting is replaced by the next one of its name', async () => {
      await writeSetting(store.writer, 'a', '1')
      await writeSetting(store.writer, 'a', '2')
      expect([await readSetting(store.reader, 'a'), await readSetting(store.reader, 'b')]).toEqual(['2', undefined])
    })

    describe('an error', () => {
      const caught = async (work: Promise<unknown>) => isOutage(await work.catch((error: unknown) => error))

      test('of a database that is closed is an outage', async () => {
        const other = await fresh.openAgain()
        await readRevision(other.reader)
        await other.close()
        expect(await caught(readRevision(other.reader))).toBe(true)
        expect(await caught(change(other, OPS, async () => undefined))).toBe(true)
      })

      test('of a query that is wrong, or of a row that cannot be, is a bug', async () => {
        const nowhere = store.reader.selectFrom('nowhere' as 'client').selectAll()
        expect(await caught(nowhere.execute())).toBe(false)
        expect(await caught(run((running) => insertClient(running, clientWrite('bootstrap'), null)))).toBe(false)
        expect(isOutage(new TypeError('x is undefined'))).toBe(false)
        expect(isOutage('SQLITE_BUSY')).toBe(false)
      })
    })
  })
}

/** Opens the store of this directory in a process of its own, and does some work with it there. */
async function runBeside(directory: string, program: string) {
  const text = `
    const { openStore } = await import(${JSON.stringify(join(import.meta.dir, 'open.ts'))})
    const { change, HOST_ACTOR } = await import(${JSON.stringify(join(import.meta.dir, 'store.ts'))})
    const random = (length) => crypto.getRandomValues(new Uint8Array(length))
    const store = await openStore(${JSON.stringify(directory)}, () => new Date(), random)
    ${program}
    await store.close()`
  const child = Bun.spawn([process.execPath, '-e', text], { stdout: 'pipe', stderr: 'pipe' })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { exitCode: await child.exited, out, err }
}

describe('SQLite', () => {
  const codes: [code: string, isOutage: boolean][] = [
    ['SQLITE_BUSY', true],
    ['SQLITE_BUSY_SNAPSHOT', true],
    ['SQLITE_LOCKED', true],
    ['SQLITE_FULL', true],
    ['SQLITE_IOERR_WRITE', true],
    ['SQLITE_CANTOPEN', true],
    ['SQLITE_READONLY', true],
    ['SQLITE_CORRUPT', true],
    ['SQLITE_NOTADB', true],
    ['SQLITE_ERROR', false],
    ['SQLITE_CONSTRAINT_UNIQUE', false],
    ['SQLITE_MISMATCH', false],
  ]
  test.each(codes)('says by %s whether it cannot be asked (%p) or was asked wrongly', (code, expected) => {
    expect(isOutage(Object.assign(new Error('an error of SQLite'), { code }))).toBe(expected)
  })

  const scratch = () => mkdtempSync(join(tmpdir(), 'countersign-store-'))

  test('has every pragma that a promise rests on, on both connections', async () => {
    const directory = scratch()
    const store = await openStore(directory, () => T0, random)
    const { sql } = await import('kysely')
    for (const db of [store.reader, store.writer]) {
      const pragma = async (name: string) =>
        Object.values((await sql.raw<object>(`pragma ${name}`).execute(db)).rows[0] ?? {})[0]
      expect(await pragma('journal_mode')).toBe('wal')
      expect(await pragma('synchronous')).toBe(2)
      expect(await pragma('foreign_keys')).toBe(1)
      expect(await pragma('busy_timeout')).toBeGreaterThanOrEqual(1000)
    }
    const writing = sql`insert into setting values ('a', 'b')`.execute(store.reader)
    await expect(writing).rejects.toThrow('readonly')
    await store.close()
    rmSync(directory, { recursive: true })
  })

  test('is migrated in one piece: what fails in the middle leaves nothing, and the next start works', async () => {
    const directory = scratch()
    const path = join(directory, 'countersign.db')
    const inTheWay = new Database(path)
    inTheWay.run('create table setting (x)')
    await expect(openStore(directory, () => T0, random)).rejects.toThrow('setting')
    const tables = inTheWay.query("select name from sqlite_master where type = 'table' and name not like 'kysely%'")
    expect(tables.all()).toEqual([{ name: 'setting' }])
    inTheWay.run('drop table setting')
    inTheWay.close()
    const store = await openStore(directory, () => T0, random)
    expect(await readRevision(store.reader)).toBe(0)
    await store.close()
    rmSync(directory, { recursive: true })
  })

  test('is migrated once by several processes that start at once', async () => {
    for (let turn = 0; turn < 3; turn++) {
      const directory = scratch()
      const ended = await Promise.all([1, 2, 3, 4].map(() => runBeside(directory, '')))
      expect(ended).toEqual(ended.map(() => ({ exitCode: 0, err: '', out: '' })))
      rmSync(directory, { recursive: true })
    }
  })

  test('gives two processes that change at once revisions of their own', async () => {
    const directory = scratch()
    const store = await openStore(directory, () => T0, random)
    const program = `
      const mine = []
      for (let n = 0; n < 100; n++) {
        const { revision } = await change(store, HOST_ACTOR, (running) => running.record('group.x', 'group', 'g'))
        mine.push(revision)
      }
      console.log(JSON.stringify(mine))`
    const ended = await Promise.all([1, 2, 3].map(() => runBeside(directory, program)))
    expect(ended.map(({ exitCode, err }) => ({ exitCode, err }))).toEqual(ended.map(() => ({ exitCode: 0, err: '' })))
    const runs = ended.map(({ out }) => JSON.parse(out) as number[])
    const all = runs.flat().sort((a, b) => a - b)
    expect(all).toEqual(Array.from({ length: 300 }, (_, n) => n + 1))
    expect(await readRevision(store.reader)).toBe(300)
    await store.close()
    rmSync(directory, { recursive: true })
  })
})
