import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Decision } from '@countersign/admin-api'
import { sql } from 'kysely'
import {
  type AllowedCount,
  type DecisionFilter,
  type DecisionsDb,
  findDecision,
  insertDecisions,
  listDecisions,
  trimDecisions,
} from './decisions.ts'
import { openDecisions } from './open.ts'
import { chosenEngine, type Place, POSTGRES, SQLITE } from './testing/engines.ts'

const T0 = new Date('2030-01-01T00:00:00Z')
const DAY_SECONDS = 86_400
const MIB = 1024 * 1024

let place: Place
let db: DecisionsDb
beforeEach(async () => {
  place = await chosenEngine().makePlace()
  db = await openDecisions(place.dataDir, place.databaseUrl)
})
afterEach(async () => {
  await db.destroy()
  await place.remove()
})

function decision(id: string, changed: Partial<Decision> = {}): Decision {
  return {
    id,
    at: T0.toISOString(),
    outcome: 'deny',
    code: 'credential_revoked',
    status: 401,
    step: 'decision',
    sentence: 'It was revoked.',
    request: {
      dialect: 'forward',
      method: 'GET',
      host: 'webdav.example.com',
      path: '/films',
      client_address: '192.0.2.1',
    },
    resource: 'webdav',
    rule: { index: 0, methods: null, path: '/**' },
    credential: { id: 'key_1', kind: 'key', name: 'laptop', hint: 'cs_key_…aB3x' },
    principal: 'client:canister',
    detail: {},
    ...changed,
  }
}

const count = (changed: Partial<AllowedCount> = {}): AllowedCount => ({
  credential: 'key_1',
  resource: 'webdav',
  rule: 0,
  hour: 525_960,
  count: 1,
  ...changed,
})
const counts = () => db.selectFrom('allowed').selectAll().orderBy('credential').orderBy('hour').execute()
const ids = async (filter: Partial<DecisionFilter> = {}) =>
  (await listDecisions(db, { limit: 100, ...filter })).map(({ id }) => id)

describe('a decision', () => {
  test('comes back as it was put in', async () => {
    await insertDecisions(db, [decision('dec_1'), decision('dec_2', { credential: null, code: null })], [])
    expect(await findDecision(db, 'dec_1')).toEqual(decision('dec_1'))
    expect(await findDecision(db, 'dec_2')).toEqual(decision('dec_2', { credential: null, code: null }))
    expect(await findDecision(db, 'dec_3')).toBeUndefined()
  })

  test('is listed with others of its kind, newest first, page by page', async () => {
    const made = [
      decision('dec_1'),
      decision('dec_2', { resource: 'forge' }),
      decision('dec_3', { outcome: 'allow', code: null }),
      decision('dec_4', { credential: null, code: 'credential_missing' }),
      decision('dec_5'),
    ]
    await insertDecisions(db, made, [])
    expect(await ids()).toEqual(['dec_5', 'dec_4', 'dec_3', 'dec_2', 'dec_1'])
    expect(await ids({ outcome: 'allow' })).toEqual(['dec_3'])
    expect(await ids({ resource: 'forge' })).toEqual(['dec_2'])
    expect(await ids({ credential: 'key_1' })).toEqual(['dec_5', 'dec_3', 'dec_2', 'dec_1'])
    expect(await ids({ code: 'credential_missing' })).toEqual(['dec_4'])
    expect(await ids({ limit: 2 })).toEqual(['dec_5', 'dec_4'])
    expect(await ids({ limit: 2, before: 'dec_4' })).toEqual(['dec_3', 'dec_2'])
    expect(await ids({ before: 'dec_unknown' })).toEqual([])
  })

  test('is there once, also when it is written again by somebody who did not hear that it was', async () => {
    await insertDecisions(db, [decision('dec_1')], [])
    await insertDecisions(db, [decision('dec_1'), decision('dec_2')], [])
    expect(await ids()).toEqual(['dec_2', 'dec_1'])
  })

  test('is written with its batch or not at all', async () => {
    await expect(insertDecisions(db, [decision('dec_1')], [count({ hour: null as never })])).rejects.toThrow()
    expect([await ids(), await counts()]).toEqual([[], []])
  })
})

test('counts of allowed answers add up by credential, resource, rule and hour', async () => {
  await insertDecisions(db, [], [count({ count: 3 }), count({ credential: 'key_2' })])
  await insertDecisions(db, [], [count({ count: 4 }), count({ hour: 525_961 })])
  expect(await counts()).toEqual([count({ count: 7 }), count({ hour: 525_961 }), count({ credential: 'key_2' })])
})

test('counts of one credential, resource, rule and hour that come together add up', async () => {
  await insertDecisions(db, [], [count({ count: 3 }), count({ credential: 'key_2' }), count({ count: 4 })])
  await insertDecisions(db, [], [count({ count: 5 }), count({ count: 6 })])
  expect(await counts()).toEqual([count({ count: 18 }), count({ credential: 'key_2' })])
})

test('counts of several resources and rules stay apart', async () => {
  const apart = [count({ count: 2 }), count({ resource: 'forge', count: 3 }), count({ rule: 1, count: 4 })]
  await insertDecisions(db, [], apart)
  expect(new Set(await counts())).toEqual(new Set(apart))
})

describe('trimming', () => {
  const at = (secondsAgo: number) => new Date(T0.getTime() - secondsAgo * 1000).toISOString()
  const retention = { seconds: 7 * DAY_SECONDS, maxBytes: 1024 * MIB }
  const hourOf = (secondsAgo: number) => Math.floor((T0.getTime() / 1000 - secondsAgo) / 3600)

  test('drops what is older than the retention, to the second', async () => {
    const ages = { dec_old: 7 * DAY_SECONDS + 1, dec_edge: 7 * DAY_SECONDS, dec_new: 0 }
    const made = Object.entries(ages).map(([id, age]) => decision(id, { at: at(age) }))
    const hours = [hourOf(7 * DAY_SECONDS + 3600), hourOf(7 * DAY_SECONDS), hourOf(0)]
    await insertDecisions(
      db,
      made,
      hours.map((hour) => count({ hour })),
    )
    await trimDecisions(db, T0, retention)
    expect(await ids()).toEqual(['dec_new', 'dec_edge'])
    expect((await counts()).map(({ hour }) => hour)).toEqual(hours.slice(1))
  })

  test('leaves everything while there is room', async () => {
    await insertDecisions(db, [decision('dec_1')], [])
    await trimDecisions(db, T0, retention)
    expect(await ids()).toEqual(['dec_1'])
  })

  const padding = 'x'.repeat(2000)
  const fill = async (from: number, to: number) => {
    for (let start = from; start < to; start += 500) {
      const rows = Array.from({ length: Math.min(500, to - start) }, (_, n) =>
        decision(`dec_${start + n}`, { sentence: padding }),
      )
      await insertDecisions(db, rows, [])
    }
  }

  test('drops the oldest first when there is no room, until there is', async () => {
    await fill(0, 2000)
    await trimDecisions(db, T0, { ...retention, maxBytes: 3 * MIB })
    const left = await ids({ limit: 5000 })
    expect(left.length).toBeLessThan(2000)
    expect(left.length).toBeGreaterThan(500)
    expect(left).toEqual(Array.from({ length: left.length }, (_, n) => `dec_${1999 - n}`))
    for (let turn = 0; turn < 20; turn++) await trimDecisions(db, T0, { ...retention, maxBytes: 3 * MIB })
    const settled = await ids({ limit: 5000 })
    await trimDecisions(db, T0, { ...retention, maxBytes: 3 * MIB })
    expect(await ids({ limit: 5000 })).toEqual(settled)
    expect(settled.length).toBeGreaterThan(500)
    expect(settled[0]).toBe('dec_1999')
  })

  if (chosenEngine() === SQLITE)
    test('gives the room back to the disk', async () => {
      await fill(0, 2000)
      const path = join(place.dataDir, 'decisions.db')
      const checkpointed = async () => {
        await sql`pragma wal_checkpoint(truncate)`.execute(db)
        return statSync(path).size
      }
      expect(await checkpointed()).toBeGreaterThan(4 * MIB)
      for (let turn = 0; turn < 20; turn++) await trimDecisions(db, T0, { ...retention, maxBytes: 2 * MIB })
      expect(await checkpointed()).toBeLessThan(2.2 * MIB)
    })

  test('holds the bound also when counts take the room', async () => {
    for (let start = 0; start < 20_000; start += 500) {
      const rows = Array.from({ length: 500 }, (_, n) => count({ credential: `key_${start + n}`, hour: hourOf(0) }))
      await insertDecisions(db, [], rows)
    }
    for (let turn = 0; turn < 40; turn++) await trimDecisions(db, T0, { ...retention, maxBytes: MIB })
    const { rows } = await db.own.bytes.execute(db)
    expect(rows[0]?.bytes).toBeLessThanOrEqual(MIB)
  })
})

if (chosenEngine() === POSTGRES)
  test('on PostgreSQL every node finds what another decided', async () => {
    const other = await openDecisions('elsewhere', place.databaseUrl)
    await insertDecisions(db, [decision('dec_1')], [count()])
    await insertDecisions(other, [decision('dec_2')], [count()])
    for (const node of [db, other]) {
      expect((await listDecisions(node, { limit: 9 })).map(({ id }) => id)).toEqual(['dec_2', 'dec_1'])
    }
    expect(await counts()).toEqual([count({ count: 2 })])
    await other.destroy()
  })
