import { expect, test } from 'bun:test'
import { findKeptDigests, insertCredentials, revokeCredential } from './credentials.ts'
import { countImported, insertForeignPrefix, listForeignPrefixes } from './foreign-prefixes.ts'
import { credentialOf, later, T0 } from './testing/rows.ts'
import { onEveryEngine } from './testing/suite.ts'

onEveryEngine('a foreign prefix', (at) => {
  const glpat = { prefix: 'glpat-', digest: 'sha256', keySealed: null } as const
  const acme = { prefix: 'Acme_', digest: 'hmac-sha256', keySealed: 'v1.sealed' } as const

  test('comes back as it was put in, among all and by its name', async () => {
    await at.run((running) => insertForeignPrefix(running, glpat))
    await at.run((running) => insertForeignPrefix(running, acme))
    const [first, second] = [
      { ...acme, createdAt: T0, revision: 2 },
      { ...glpat, createdAt: T0, revision: 1 },
    ]
    expect(await listForeignPrefixes(at.reader)).toEqual([first, second])
    expect(await listForeignPrefixes(at.reader, ['glpat-', 'glpat', 'acme_'])).toEqual([second])
  })

  test('is put in once', async () => {
    await at.run((running) => insertForeignPrefix(running, glpat))
    await expect(at.run((running) => insertForeignPrefix(running, glpat))).rejects.toThrow()
  })

  test('with a digest that nobody knows is corrupt, not some other', async () => {
    await at.run((running) => insertForeignPrefix(running, glpat))
    await at.writer.updateTable('foreign_prefix').set({ digest: 'md5' }).execute()
    await expect(listForeignPrefixes(at.reader)).rejects.toThrow('the digest of a foreign prefix is corrupt')
  })

  test('counts what came in with it, and what of that is neither revoked nor expired', async () => {
    await at.insertKey('key_1', { importedFrom: 'glpat-' })
    await at.insertKey('key_2', { importedFrom: 'glpat-', expiresAt: later(1) })
    await at.insertKey('key_3', { importedFrom: 'glpat-', expiresAt: T0 })
    await at.insertKey('key_4', { importedFrom: 'glpat-' })
    await at.insertKey('key_5', { importedFrom: 'Acme_', expiresAt: T0 })
    await at.insertKey('key_6')
    await at.run((running) => revokeCredential(running, 'key_4', null))
    const countOf = (prefix: string) => countImported(at.reader, prefix, at.now, async () => undefined)
    expect(await countOf('glpat-')).toEqual({ imported: 4, unrevoked: 2 })
    expect(await countOf('Acme_')).toEqual({ imported: 1, unrevoked: 0 })
    expect(await countOf('ghp_')).toEqual({ imported: 0, unrevoked: 0 })
  })

  test('counts very many part by part, so that requests pass in between', async () => {
    const many = Array.from({ length: 4000 }, (_, n) => ({
      digest: `digest ${n}`,
      credential: credentialOf(`key_${String(n).padStart(4, '0')}`, { importedFrom: n % 2 === 0 ? 'glpat-' : 'ghp_' }),
    }))
    await at.run((running) => insertCredentials(running, many))
    let pauses = 0
    const count = await countImported(at.reader, 'ghp_', at.now, async () => void pauses++)
    expect([count, pauses]).toEqual([{ imported: 2000, unrevoked: 2000 }, 1])
  })
})

onEveryEngine('many digests', (at) => {
  test('are kept and found at once, each with its owner', async () => {
    const kept = Array.from({ length: 250 }, (_, n) => ({
      digest: `digest ${n}`,
      credential: credentialOf(`key_${n}`),
    }))
    await at.run((running) => insertCredentials(running, kept))
    await at.insertKey('pat_1', { kind: 'pat', owner: { kind: 'user', id: 'alice' } }, 'digest a')
    const found = await findKeptDigests(at.reader, ['digest a', 'digest', ...kept.map(({ digest }) => digest)])
    expect(found.size).toBe(251)
    expect(found.get('digest a')).toEqual({ id: 'pat_1', owner: { kind: 'user', id: 'alice' } })
    expect(found.get('digest 249')).toEqual({ id: 'key_249', owner: { kind: 'client', id: 'canister' } })
    expect(await findKeptDigests(at.reader, [])).toEqual(new Map())
  })

  test('of which one is kept already are not kept at all', async () => {
    await at.insertKey('key_1', {}, 'digest 1')
    const kept = [0, 1].map((n) => ({ digest: `digest ${n}`, credential: credentialOf(`new_${n}`) }))
    await expect(at.run((running) => insertCredentials(running, kept))).rejects.toThrow()
    expect((await findKeptDigests(at.reader, ['digest 0', 'digest 1'])).size).toBe(1)
  })
})
