import { expect, test } from 'bun:test'
import { refText } from '../domain/credential.ts'
import { insertCredentials, revokeCredential } from './credentials.ts'
import { deleteEndedLines, drawRevocationLine, listRevocationLines } from './revocation-lines.ts'
import type { Db } from './store.ts'
import { credentialOf, later, T0 } from './testing/rows.ts'
import { onEveryEngine } from './testing/suite.ts'
import { countUnrevoked, lineThrough, type UnrevokedFilter } from './unrevoked.ts'

/** How many a line would newly revoke if it were drawn now. */
async function wouldRevoke(db: Db, filter: UnrevokedFilter, before?: Date, pause = async () => {}): Promise<number> {
  const line = await lineThrough({ db, now: T0, revision: Number.MAX_SAFE_INTEGER }, filter, before)
  return countUnrevoked(db, line, pause)
}

onEveryEngine('a revocation line', (at) => {
  const owner = { kind: 'client', id: 'canister' } as const

  test('is one row, with its revision, however often it is drawn', async () => {
    await at.run((running) => drawRevocationLine(running, 'client:canister', 'first'))
    await at.run((running) => drawRevocationLine(running, 'family:key_1', null))
    at.now = later(9)
    await at.run((running) => drawRevocationLine(running, 'client:canister', 'second'))
    expect(await listRevocationLines(at.reader, ['client:canister'])).toEqual([
      {
        subject: 'client:canister',
        revision: 3,
        before: null,
        endsAt: null,
        at: later(9),
        by: 'client:ops',
        reason: 'second',
      },
    ])
    expect(await listRevocationLines(at.reader)).toHaveLength(2)
  })

  test('newly revokes what is neither revoked, nor expired, nor beyond an earlier line', async () => {
    await at.insertKey('key_1')
    await at.insertKey('key_2')
    await at.run((running) => revokeCredential(running, 'key_2', null))
    await at.insertKey('key_3', { expiresAt: later(-1) })
    await at.insertKey('key_4', { expiresAt: later(1) })
    await at.insertKey('key_5', { owner: { kind: 'client', id: 'other' } })
    const count = () => wouldRevoke(at.reader, { owner })
    expect(await count()).toBe(2)
    await at.run((running) => drawRevocationLine(running, refText(owner), null))
    expect(await count()).toBe(0)
    await at.insertKey('key_6')
    expect(await count()).toBe(1)
  })

  test('newly revokes nothing that was made at its moment or later', async () => {
    await at.insertKey('key_1')
    await at.insertKey('key_2', { createdAt: later(5) })
    at.now = later(9)
    const count = (before?: Date) => wouldRevoke(at.reader, { kind: 'key' }, before)
    expect(await count(later(5))).toBe(1)
    expect(await count()).toBe(2)
    await at.run((running) => drawRevocationLine(running, 'kind:key', null, { before: later(5) }))
    expect(await count()).toBe(1)
  })

  test('is counted part by part, so that requests pass in between, and only what was there when it was drawn', async () => {
    const many = Array.from({ length: 5001 }, (_, n) => ({
      digest: `digest ${n}`,
      credential: credentialOf(`key_${String(n).padStart(4, '0')}`),
    }))
    await at.run((running) => insertCredentials(running, many))
    await at.insertKey('pat_1', { kind: 'pat', owner: { kind: 'user', id: 'alice' } })
    for (const filter of [{ owner }, { kind: 'key' }] as const) {
      let pauses = 0
      expect(await wouldRevoke(at.reader, filter, undefined, async () => void pauses++)).toBe(5001)
      expect(pauses).toBe(1)
    }
    const line = await lineThrough({ db: at.reader, now: T0, revision: 2 }, { kind: 'key' }, undefined)
    await at.insertKey('key_9999')
    expect(await countUnrevoked(at.reader, line, async () => undefined)).toBe(5001)
  })

  test('never moves back, by neither of its two reaches', async () => {
    const drawn = async () => (await listRevocationLines(at.reader))[0]
    at.now = later(9)
    await at.run((running) => drawRevocationLine(running, 'client:canister', null))
    await at.run((running) => drawRevocationLine(running, 'client:canister', null, { before: later(9) }))
    expect(await drawn()).toMatchObject({ revision: 1, before: later(9) })
    await at.run((running) => drawRevocationLine(running, 'client:canister', null, { before: later(5) }))
    expect(await drawn()).toMatchObject({ revision: 1, before: later(9) })
    await at.run((running) => drawRevocationLine(running, 'client:canister', null))
    expect(await drawn()).toMatchObject({ revision: 4, before: later(9) })
  })

  test('of a moment to come goes through what has been made, not through what will be', async () => {
    await at.insertKey('key_1')
    await at.run((running) => drawRevocationLine(running, 'kind:key', null, { before: later(3600) }))
    expect((await listRevocationLines(at.reader))[0]).toMatchObject({ revision: 2, before: null })
    await at.insertKey('key_2')
    expect(await wouldRevoke(at.reader, { kind: 'key' })).toBe(1)
  })

  test('that has no end gets none, and one with an end goes when it has come', async () => {
    await at.run((running) => drawRevocationLine(running, 'credential:key_1', null))
    await at.run((running) => drawRevocationLine(running, 'credential:key_1', null, { endsAt: later(5) }))
    await at.run((running) => drawRevocationLine(running, 'credential:at_1', null, { endsAt: later(5) }))
    expect(await deleteEndedLines(at.store, later(5), 10)).toBe(0)
    expect(await deleteEndedLines(at.store, later(6), 10)).toBe(1)
    expect((await listRevocationLines(at.reader)).map(({ subject }) => subject)).toEqual(['credential:key_1'])
  })
})
