import { expect, test } from 'bun:test'
import { revocationOf, type StoredCredential } from '../domain/credential.ts'
import { makeId } from '../domain/ids.ts'
import { insertClient, updateClient } from './clients.ts'
import { countCredentials } from './credential-counts.ts'
import { findCredential, insertCredentials, revokeCredential } from './credentials.ts'
import { drawRevocationLine, listRevocationLines } from './revocation-lines.ts'
import { clientWrite, credentialOf, later, T0 } from './testing/rows.ts'
import { onEveryEngine, random, type TestedStore } from './testing/suite.ts'

const DAY = 86_400
const DAYS = [1, 7, 30]

const count = async (at: TestedStore) => {
  const rows = await countCredentials(at.reader, at.now, DAYS, async () => undefined)
  return Object.fromEntries(rows.map((row) => [`${row.kind} ${row.importedFrom}`, [row.standing, ...row.expiring]]))
}
const withCanister = (at: TestedStore) => at.run((running) => insertClient(running, clientWrite('canister'), null))

onEveryEngine('the count of credentials', (at) => {
  test('of none is none', async () => {
    expect(await count(at)).toEqual({})
  })

  test('tells kinds and origins apart, and how many end within how many days', async () => {
    await withCanister(at)
    await at.insertKey('key_1')
    await at.insertKey('key_2', { expiresAt: later(DAY) })
    await at.insertKey('key_3', { expiresAt: later(DAY + 1) })
    await at.insertKey('key_4', { expiresAt: later(30 * DAY), importedFrom: 'glpat-' })
    await at.insertKey('key_5', { expiresAt: later(31 * DAY), importedFrom: 'acme_' })
    await at.insertKey('pat_1', { kind: 'pat', expiresAt: later(7 * DAY) })
    expect(await count(at)).toEqual({
      'key null': [3, 1, 2, 2],
      'key glpat-': [1, 0, 0, 1],
      'key acme_': [1, 0, 0, 0],
      'pat null': [1, 0, 1, 1],
    })
  })

  test('leaves out what expired, also right now, and what was revoked by itself', async () => {
    await withCanister(at)
    await at.insertKey('key_1', { expiresAt: T0 })
    await at.insertKey('key_2', { expiresAt: later(-1) })
    await at.insertKey('key_3', { expiresAt: later(1) })
    await at.insertKey('key_4', { expiresAt: later(1) })
    await at.run((running) => revokeCredential(running, 'key_4', null))
    expect(await count(at)).toEqual({ 'key null': [1, 1, 1, 1] })
  })

  test.each(['client:canister', 'kind:key', 'family:old', 'credential:key_0'])(
    'leaves out what a line through %s went through, and counts what was made after it',
    async (subject) => {
      await withCanister(at)
      const said = { expiresAt: later(1), family: 'old', ancestors: ['key_p', 'key_0'] }
      await at.insertKey('key_1', said)
      await at.run((running) => drawRevocationLine(running, subject, null))
      expect(await count(at)).toEqual({ 'key null': [0, 0, 0, 0] })
      await at.insertKey('key_2', said)
      expect(await count(at)).toEqual({ 'key null': [1, 1, 1, 1] })
    },
  )

  const formOf = (id: string) =>
    id.startsWith('at') ? ({ kind: 'at', audience: 'https://webdav.example.com' } as const) : ({ kind: 'key' } as const)

  test('agrees with what a decision says of each, whatever lines were drawn', async () => {
    await withCanister(at)
    const made = (seconds: number) => makeId('secret', later(seconds), random)
    const [older, newer] = [made(-20), made(-5)]
    const all: string[] = []
    const insert = async (id: string, changed: Partial<StoredCredential> = {}) => {
      all.push(id)
      await at.insertKey(id, { ...formOf(id), expiresAt: later(DAY), ...changed })
    }
    const drawn = [
      () => drawAt('kind:at', later(-10)),
      () => drawAt('client:other', later(-10)),
      () => drawAt('kind:secret', later(-10)),
      () => drawAt('kind:jwk', later(-10)),
      () => drawAt('client:canister', later(-30)),
      () => drawAt('credential:at_3', undefined),
      () => drawAt('kind:secret', undefined),
      () => drawAt('kind:at', undefined),
      () => drawAt('client:other', undefined),
    ]
    const drawAt = (subject: string, before: Date | undefined) =>
      at.run((running) => drawRevocationLine(running, subject, null, { before }))
    for (const [index, draw] of drawn.entries()) {
      await insert(`at_${index}`, { createdAt: later(-10), ancestors: [newer] })
      await insert(`at_older_${index}`, { createdAt: later(-11), ancestors: [newer] })
      await insert(`at_old_secret_${index}`, { ancestors: [older] })
      await insert(`key_${index}`, { createdAt: later(-40) })
      await insert(`at_of_a_key_pair_${index}`, { ancestors: [`jwk_${'x'.repeat(43)}`] })
      await insert(`at_other_${index}`, { owner: { kind: 'client', id: 'other' }, ancestors: [older] })
      await insert(`at_newer_${index}`, { owner: { kind: 'client', id: 'other' }, ancestors: [newer] })
      await insert(`key_minted_${index}`, { ancestors: ['key_0', older] })
      await draw()
      const lines = new Map((await listRevocationLines(at.reader)).map((line) => [line.subject, line]))
      const stored = await Promise.all(all.map((id) => findCredential(at.reader, id)))
      const isStanding = (one: StoredCredential | undefined) =>
        one !== undefined && revocationOf(one, (subject) => lines.get(subject)) === undefined
      const standing = stored.filter(isStanding).map((one) => one?.kind)
      const expected = Object.entries(Object.groupBy(standing, (kind) => kind ?? '')).map(([kind, of]) => [
        `${kind} null`,
        of?.length,
      ])
      const counted = Object.entries(await count(at)).filter(([, [one]]) => one !== 0)
      expect(counted.map(([kind, [one]]) => [kind, one]).toSorted()).toEqual(expected.toSorted())
    }
  })

  test('is not misled by lines through others', async () => {
    await withCanister(at)
    await at.insertKey('key_1', { expiresAt: later(1), ancestors: ['key_0'] })
    for (const subject of ['user:canister', 'client:canister2', 'kind:pat', 'family:key_2', 'credential:key_1']) {
      await at.run((running) => drawRevocationLine(running, subject, null))
    }
    expect(await count(at)).toEqual({ 'key null': [1, 1, 1, 1] })
  })

  test('of what ends soon leaves out what nobody could use: of a disabled owner, and of none', async () => {
    await withCanister(at)
    await at.insertKey('key_1', { expiresAt: later(1) })
    await at.insertKey('key_2', { expiresAt: later(1), owner: { kind: 'user', id: 'canister' } })
    expect(await count(at)).toEqual({ 'key null': [2, 1, 1, 1] })
    await at.run((running) => updateClient(running, clientWrite('canister', { disabled: true })))
    expect(await count(at)).toEqual({ 'key null': [2, 0, 0, 0] })
  })

  test('of more than one part is that of all parts, and lets others work between them', async () => {
    await withCanister(at)
    const name = (n: number) => `${n % 2 === 0 ? 'key' : 'pat'}_${String(n).padStart(5, '0')}`
    await at.run((running) =>
      insertCredentials(
        running,
        Array.from({ length: 2001 }, (_, n) => ({
          digest: `digest ${n}`,
          credential: credentialOf(name(n), { kind: n % 2 === 0 ? 'key' : 'pat', expiresAt: later(DAY * (n % 3)) }),
        })),
      ),
    )
    let pauses = 0
    const rows = await countCredentials(at.reader, at.now, DAYS, async () => void pauses++)
    const total = (of: (row: (typeof rows)[number]) => number) => rows.reduce((sum, row) => sum + of(row), 0)
    expect([total(({ standing }) => standing), total(({ expiring }) => expiring[0] ?? 0)]).toEqual([1334, 667])
    expect(pauses).toBe(2)
  })
})
