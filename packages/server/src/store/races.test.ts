// Several nodes, processes and connections on one database, at once.
import { expect, test } from 'bun:test'
import { listChangesAfter, readRevision } from './change-log.ts'
import { insertClient, listClientIds } from './clients.ts'
import { inOneSnapshot } from './snapshot.ts'
import { change, HOST_ACTOR, type Store } from './store.ts'
import { runBeside } from './testing/beside.ts'
import { clientWrite } from './testing/rows.ts'
import { OPS, onEveryEngine } from './testing/suite.ts'

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n + 1)

onEveryEngine('with many at once, the store', (at) => {
  /** Several nodes. SQLite waits for its lock with the whole process: there, only other processes are other nodes. */
  const nodes = async (): Promise<Store[]> =>
    at.engine.name === 'SQLite' ? [at.store] : [at.store, await at.openAgain(), await at.openAgain()]

  test('gives processes that change at once revisions of their own, without a gap', async () => {
    const program = `
      const mine = []
      for (let n = 0; n < 100; n++) {
        const { revision } = await change(store, HOST_ACTOR, (running) => running.record('group.x', 'group', 'g'))
        mine.push(revision)
      }
      console.log(JSON.stringify(mine))`
    const ended = await Promise.all([1, 2, 3].map(() => runBeside(at.place, program)))
    expect(ended.map(({ exitCode, err }) => ({ exitCode, err }))).toEqual(ended.map(() => ({ exitCode: 0, err: '' })))
    const all = ended.flatMap(({ out }) => JSON.parse(out) as number[]).sort((a, b) => a - b)
    expect(all).toEqual(numbers(300))
    expect(await readRevision(at.reader)).toBe(300)
  })

  test('is serial across nodes: what one checked is still so when it writes', async () => {
    const all = await nodes()
    const places = 5
    const takeAPlace = (node: Store, n: number) =>
      change(node, OPS, async (running) => {
        const taken = await running.db.selectFrom('client').select('id').where('id', 'like', 'place-%').execute()
        if (taken.length < places) await insertClient(running, clientWrite(`place-${n}`), null)
      })
    const taking = numbers(60).map((n) => takeAPlace(all[n % all.length] as Store, n))
    const revisions = (await Promise.all(taking)).map(({ revision }) => revision)
    expect(revisions.sort((a, b) => a - b)).toEqual(numbers(60))
    expect(await listClientIds(at.reader, { after: 'place-', limit: 100 })).toHaveLength(places)
  })

  test('shows a follower every change, in order and whole, while eight writers write', async () => {
    const all = await nodes()
    const perWriter = 25
    const { reader } = await at.openAgain()
    let writing = true
    const writers = numbers(8).map(async (writer) => {
      const node = all[writer % all.length] as Store
      for (const n of numbers(perWriter)) {
        await change(node, HOST_ACTOR, async (running) => {
          // Two rows a change: whoever sees one of them sees both.
          await running.record('group.create', 'group', `${writer}-${n}`)
          await running.record('client.create', 'client', `${writer}-${n}`)
        })
      }
    })
    const seen: number[] = []
    const follow = async () => {
      let known = 0
      for (let last = false; ; ) {
        const { revision, changes } = await inOneSnapshot(reader, async (db) => ({
          revision: await readRevision(db),
          changes: await listChangesAfter(db, known),
        }))
        for (const changed of changes) expect(changed.revision).toBeLessThanOrEqual(revision)
        seen.push(...changes.map((changed) => changed.revision))
        known = revision
        if (last) return
        if (!writing) last = true
      }
    }
    const following = follow()
    await Promise.all(writers)
    writing = false
    await following
    expect(seen).toEqual(numbers(8 * perWriter).flatMap((revision) => [revision, revision]))
  })

  test('keeps the revision from everybody until a change that takes long is committed, and others behind it', async () => {
    const other = await at.openAgain()
    const hold = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const order: string[] = []
    const late = change(at.store, OPS, async (running) => {
      await running.record('group.create', 'group', 'late')
      begun.resolve()
      await hold.promise
    }).then(({ revision }) => order.push(`late ${revision}`))
    await begun.promise
    const read = () =>
      inOneSnapshot(other.reader, async (db) => [await readRevision(db), (await listChangesAfter(db, 0)).length])
    expect(await read()).toEqual([0, 0])
    const quick = change((await nodes()).at(-1) as Store, OPS, (running) =>
      running.record('group.create', 'group', 'quick'),
    ).then(({ revision }) => order.push(`quick ${revision}`))
    await Bun.sleep(100)
    expect(await read()).toEqual([0, 0])
    expect(order).toEqual([])
    hold.resolve()
    await Promise.all([late, quick])
    expect(order).toEqual(['late 1', 'quick 2'])
    expect(await listChangesAfter(other.reader, 0)).toEqual([
      { revision: 1, noun: 'group', id: 'late' },
      { revision: 2, noun: 'group', id: 'quick' },
    ])
  })

  test('gives all reads of one snapshot the same state, whatever is committed between them', async () => {
    await inOneSnapshot((await at.openAgain()).reader, async (db) => {
      expect(await readRevision(db)).toBe(0)
      await at.run((running) => running.record('group.create', 'group', 'meanwhile'))
      expect(await readRevision(db)).toBe(0)
      expect(await listChangesAfter(db, 0)).toEqual([])
    })
    expect(await readRevision(at.reader)).toBe(1)
  })
})
