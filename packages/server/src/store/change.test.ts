import { expect, test } from 'bun:test'
import type { KyselyPlugin } from 'kysely'
import { listChangesAfter, readRevision } from './change-log.ts'
import { findClient, insertClient, listClientIds } from './clients.ts'
import { retireId } from './retired-ids.ts'
import { type Change, change, HOST_ACTOR, type Store } from './store.ts'
import { clientWrite, T0 } from './testing/rows.ts'
import { OPS, onEveryEngine } from './testing/suite.ts'

onEveryEngine('a change', (at) => {
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
    const recorded: Store = { ...at.store, writer: at.writer.withPlugin(recorder) }
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
    await change(at.store, OPS, async (running) => {
      expect(running.revision).toBe(1)
      expect(await readRevision(running.db)).toBe(1)
      expect(await readRevision(at.reader)).toBe(0)
    })
    expect(await readRevision(at.reader)).toBe(1)
  })

  test('returns what its work returned, with the revision', async () => {
    expect(await change(at.store, OPS, async () => 'made')).toEqual({ result: 'made', revision: 1, recorded: [] })
  })

  test('writes who changed what and when, and the ids that nodes follow', async () => {
    await at.run((running) => running.record('client.create', 'client', 'canister', { groups: ['media'] }))
    const [event] = await at.events()
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
      about: 'client:canister',
    })
    expect(event?.id).toMatch(/^evt_[0-9A-HJKMNP-TV-Z]{26}$/)
    expect(await listChangesAfter(at.reader, 0)).toEqual([{ revision: 1, noun: 'client', id: 'canister' }])
  })

  const failures: [how: string, fail: (running: Change) => Promise<unknown>][] = [
    ['throws', () => Promise.reject(new Error('a bug'))],
    [
      'breaks a constraint',
      (running) => running.db.insertInto('retired_id').values({ noun: 'client', noun_id: 'twice' }).execute(),
    ],
  ]
  test.each(failures)('whose work %s leaves nothing: no revision, row, audit event or log', async (_, fail) => {
    await at.run((running) => retireId(running, 'client', 'twice'))
    const failing = at.run(async (running) => {
      await insertClient(running, clientWrite('canister'), null)
      await running.record('client.create', 'client', 'canister')
      await fail(running)
    })
    await expect(failing).rejects.toThrow()
    expect(await readRevision(at.reader)).toBe(1)
    expect(await findClient(at.reader, 'canister')).toBeUndefined()
    expect(await at.events()).toEqual([])
    expect(await listChangesAfter(at.reader, 0)).toEqual([])
    expect(await at.run(async () => undefined)).toBe(2)
  })

  test('is serial with all others: what one checked is still so when it writes', async () => {
    const places = 5
    const takeAPlace = (n: number) =>
      at.run(async (running) => {
        const taken = await running.db.selectFrom('client').select('id').where('id', 'like', 'place-%').execute()
        if (taken.length < places) await insertClient(running, clientWrite(`place-${n}`), null)
      })
    const revisions = await Promise.all(Array.from({ length: 60 }, (_, n) => takeAPlace(n)))
    expect([...revisions].sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1))
    const taken = await listClientIds(at.reader, { after: 'place-', limit: 100 })
    expect(taken).toHaveLength(places)
  })

  test('is seen by another node that opened the same database', async () => {
    const other = await at.openAgain()
    await at.run((running) => insertClient(running, clientWrite('canister'), null))
    expect((await findClient(other.reader, 'canister'))?.revision).toBe(1)
    await change(other, HOST_ACTOR, (running) => insertClient(running, clientWrite('tender'), null))
    expect((await findClient(at.reader, 'tender'))?.revision).toBe(2)
  })
})
