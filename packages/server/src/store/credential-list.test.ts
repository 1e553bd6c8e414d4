import { expect, test } from 'bun:test'
import { ISSUED_KINDS } from '@countersign/resource-server'
import type { StoredCredential } from '../domain/credential.ts'
import { type CredentialListFilter, sliceOfCredentials } from './credential-list.ts'
import { insertCredentials, writeLastUses } from './credentials.ts'
import { credentialOf, later, T0 } from './testing/rows.ts'
import { onEveryEngine, type TestedStore } from './testing/suite.ts'

/** More than are looked through at once. */
const MANY = 5100

onEveryEngine('the list of credentials', (at) => {
  const insert = (made: readonly Partial<StoredCredential>[]) =>
    at.run((running) =>
      insertCredentials(
        running,
        made.map((changed) => ({ credential: credentialOf(String(changed.id), changed), digest: `of ${changed.id}` })),
      ),
    )
  const idsOf = (filter: CredentialListFilter, limit = 100) => idsIn(at, filter, limit)

  const few: readonly Partial<StoredCredential>[] = [
    { id: 'at_1', kind: 'at', audience: 'x', expiresAt: later(50) },
    { id: 'key_1', name: 'laptop', expiresAt: later(100) },
    { id: 'key_2', importedFrom: 'ghp_', expiresAt: later(200) },
    { id: 'key_3', owner: { kind: 'client', id: 'other' } },
    { id: 'pat_1', kind: 'pat', owner: { kind: 'user', id: 'canister' }, createdAt: later(1000) },
    { id: 'secret_1', kind: 'secret', importedFrom: 'glpat-' },
  ]
  const filters: [what: string, filter: CredentialListFilter, ids: string[]][] = [
    ['everything but access tokens', {}, ['key_1', 'key_2', 'key_3', 'pat_1', 'secret_1']],
    ['of a kind', { kind: 'key' }, ['key_1', 'key_2', 'key_3']],
    ['access tokens, when they are asked for', { kind: 'at' }, ['at_1']],
    ['of a kind that there is none of', { kind: 'jwt' }, []],
    ['of an owner', { owner: { kind: 'client', id: 'other' } }, ['key_3']],
    ['of an owner and a kind', { owner: { kind: 'user', id: 'canister' }, kind: 'key' }, []],
    ['of a name', { name: 'laptop', kind: 'key' }, ['key_1', 'key_2', 'key_3']],
    ['of a name that none has', { name: 'phone' }, []],
    ['that end between two moments', { endsBetween: [later(99), later(200)] }, ['key_1']],
    ['that end, of an owner', { endsBetween: [T0, later(999)], owner: { kind: 'client', id: 'other' } }, []],
    ['imported', { imported: true }, ['key_2', 'secret_1']],
    ['not imported', { imported: false, kind: 'key' }, ['key_1', 'key_3']],
    ['from one system', { importedFrom: 'ghp_' }, ['key_2']],
    ['never used', { neverUsed: true }, ['key_2', 'pat_1', 'secret_1']],
    [
      'used last before a moment, or made before it and never used',
      { unusedSince: later(500) },
      ['key_1', 'key_2', 'secret_1'],
    ],
    ['both', { unusedSince: later(2000), neverUsed: true }, ['key_2', 'pat_1', 'secret_1']],
  ]
  test('has only what is asked for, page by page, each once', async () => {
    await insert(few)
    await writeLastUses(at.store, [
      { id: 'key_1', at: later(400), from: null },
      { id: 'key_3', at: later(600), from: null },
    ])
    for (const [what, filter, ids] of filters) {
      for (const limit of [1, 2, 100]) expect([what, limit, await idsOf(filter, limit)]).toEqual([what, limit, ids])
    }
  })

  test('of what no index has looks through so many at once, and goes on where it ended', async () => {
    const ids = Array.from({ length: MANY }, (_, n) => `key_${String(n).padStart(5, '0')}`)
    const rare = [ids[3], ids[MANY - 2]]
    await insert(ids.map((id) => ({ id, name: rare.includes(id) ? 'rare' : 'common', expiresAt: later(60) })))
    const first = await sliceOfCredentials(at.reader, { name: 'rare' }, undefined, 10)
    expect([first.credentials.map(({ id }) => id), first.next]).toEqual([[String(rare[0])], 'key_04999'])
    for (const limit of [1, 10]) expect(await idsOf({ name: 'rare' }, limit)).toEqual(rare as string[])
    // More end then than are read from the index.
    expect(await idsOf({ name: 'rare', endsBetween: [T0, later(61)] })).toEqual(rare as string[])
    expect(await idsOf({ endsBetween: [T0, later(61)] }, 700)).toEqual(ids)
  })

  test('loses and repeats none that stays while others are made and deleted', async () => {
    await insert(['key_b', 'key_d', 'key_f'].map((id) => ({ id })))
    const first = await sliceOfCredentials(at.reader, {}, undefined, 1)
    await insert(['key_a', 'key_c'].map((id) => ({ id })))
    await at.store.writer.deleteFrom('credential').where('id', 'in', ['key_b', 'key_d']).execute()
    const rest = await sliceOfCredentials(at.reader, {}, first.next, 10)
    expect(rest.credentials.map(({ id }) => id)).toEqual(['key_c', 'key_f'])
  })

  test('knows of each kind where its ids begin: none stands among those of another', () => {
    const inOrder = ISSUED_KINDS.toSorted()
    expect(inOrder[0]).toBe('at')
    expect(inOrder.filter((kind, n) => inOrder.some((other, m) => n !== m && other.startsWith(kind)))).toEqual([])
    expect(inOrder.slice(1).every((kind) => kind > 'au')).toBe(true)
  })
})

async function idsIn(at: TestedStore, filter: CredentialListFilter, limit: number): Promise<string[]> {
  const ids: string[] = []
  let after: string | undefined
  do {
    const slice = await sliceOfCredentials(at.reader, filter, after, limit)
    ids.push(...slice.credentials.map(({ id }) => id))
    after = slice.next
  } while (after !== undefined)
  return ids
}
