import { expect, test } from 'bun:test'
import { refText } from '../domain/credential.ts'
import { readRevision } from './change-log.ts'
import { countUnrevoked, revokeCredential } from './credentials.ts'
import { drawRevocationLine, listRevocationLines } from './revocation-lines.ts'
import { later, T0 } from './testing/rows.ts'
import { onEveryEngine } from './testing/suite.ts'

onEveryEngine('a revocation line', (at) => {
  const owner = { kind: 'client', id: 'canister' } as const

  test('is one row, with its revision, however often it is drawn', async () => {
    await at.run((running) => drawRevocationLine(running, 'client:canister', 'first'))
    await at.run((running) => drawRevocationLine(running, 'family:key_1', null))
    at.now = later(9)
    await at.run((running) => drawRevocationLine(running, 'client:canister', 'second'))
    expect(await listRevocationLines(at.reader, ['client:canister'])).toEqual([
      { subject: 'client:canister', revision: 3, at: later(9), by: 'client:ops', reason: 'second' },
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
    const count = () => countUnrevoked(at.reader, { owner }, T0, Number.MAX_SAFE_INTEGER)
    expect(await count()).toBe(2)
    await at.run((running) => drawRevocationLine(running, refText(owner), null))
    expect(await count()).toBe(0)
    await at.insertKey('key_6')
    expect(await count()).toBe(1)
  })

  test('newly revokes nothing that was made after its revision', async () => {
    await at.insertKey('key_1')
    const upTo = await readRevision(at.reader)
    await at.insertKey('key_2')
    expect(await countUnrevoked(at.reader, { kind: 'key' }, T0, upTo)).toBe(1)
    expect(await countUnrevoked(at.reader, { kind: 'key' }, T0, upTo + 1)).toBe(2)
  })
})
