import { expect, test } from 'bun:test'
import { readPosition, readRevision } from './change-log.ts'
import {
  credentialFinder,
  findCredential,
  insertAccessToken,
  listCredentials,
  revokeCredential,
  shortenCredential,
  writeLastUses,
} from './credentials.ts'
import type { Tables } from './schema.ts'
import { toSeconds } from './store.ts'
import { acceptedOf, credentialOf, later, T0 } from './testing/rows.ts'
import { onEveryEngine } from './testing/suite.ts'

onEveryEngine('a credential', (at) => {
  const wide = credentialOf('key_1', {
    narrowing: { resources: ['webdav'], scopes: ['files:read'], projects: ['a', 'b'] },
    networkTexts: ['192.0.2.0/24', '2001:db8::/32'],
    notBefore: later(1),
    expiresAt: later(2),
    family: 'key_0',
    ancestors: ['key_p', 'key_q'],
  })

  test('comes back as it was put in', async () => {
    await at.insertKey('key_1', wide)
    const found = await findCredential(at.reader, 'key_1')
    expect(found?.networks).toHaveLength(2)
    expect({ ...found, networks: [] } as unknown).toEqual({ ...wide, revision: 1 })
  })

  test('that is an access token is kept without a revision, once, and comes back as it was issued', async () => {
    const token = credentialOf('at_1', {
      kind: 'at',
      revision: 8,
      audience: 'https://a.example.com',
      expiresAt: later(9),
    })
    await insertAccessToken(at.store, { credential: token, digest: 'digest of at_1' })
    expect(await credentialFinder(at.reader)('digest of at_1')).toMatchObject({
      credential: token,
      position: { revision: 0 },
    })
    await expect(insertAccessToken(at.store, { credential: token, digest: 'another' })).rejects.toThrow()
  })

  test('is found by its digest, with the position that the answer is of', async () => {
    await at.insertKey('key_1')
    await at.run(async () => undefined)
    const found = await credentialFinder(at.reader)('digest of key_1')
    expect([found.credential?.id, found.credential?.revision]).toEqual(['key_1', 1])
    expect(found.position).toEqual(await readPosition(at.reader))
    expect(found.position.revision).toBe(2)
  })

  test('is found by its own digest among others that are looked for at once, also when it came later', async () => {
    const find = credentialFinder(at.reader)
    const digests = ['digest of key_1', 'digest of key_2', 'any digest', 'digest of key_1']
    const look = async () => (await Promise.all(digests.map(find))).map(({ credential }) => credential?.id)
    await at.insertKey('key_1')
    expect(await look()).toEqual(['key_1', undefined, undefined, 'key_1'])
    await at.insertKey('key_2')
    expect(await look()).toEqual(['key_1', 'key_2', undefined, 'key_1'])
  })

  test('is found by its digest whatever its state', async () => {
    await at.insertKey('key_1', { expiresAt: later(-1) })
    await at.run((running) => revokeCredential(running, 'key_1', 'leaked'))
    const { credential } = await credentialFinder(at.reader)('digest of key_1')
    expect(credential).toMatchObject({ revokedAt: T0, revokedBy: 'client:ops', revokedReason: 'leaked' })
  })

  test('is not found by a part of its digest, nor by one that differs', async () => {
    await at.insertKey('key_1', {}, 'abcdef')
    for (const digest of ['', 'abcde', 'abcdefg', 'ABCDEF', '%', 'abcdef ']) {
      expect(await credentialFinder(at.reader)(digest)).toMatchObject({
        credential: undefined,
        position: { revision: 1 },
      })
    }
  })

  test('cannot share its digest or its id with another', async () => {
    await at.insertKey('key_1', {}, 'digest')
    await expect(at.insertKey('key_2', {}, 'digest')).rejects.toThrow()
    await expect(at.insertKey('key_1', {}, 'other')).rejects.toThrow()
    expect(await readRevision(at.reader)).toBe(1)
  })

  test('is revoked once: a second time changes neither when, by whom nor why', async () => {
    await at.insertKey('key_1')
    const outcomes: boolean[] = []
    await at.run(async (running) => outcomes.push(await revokeCredential(running, 'key_1', 'leaked')))
    at.now = later(60)
    await at.run(async (running) => outcomes.push(await revokeCredential(running, 'key_1', 'again')))
    await at.run(async (running) => outcomes.push(await revokeCredential(running, 'key_none', null)))
    expect(outcomes).toEqual([true, false, false])
    expect(await findCredential(at.reader, 'key_1')).toMatchObject({ revokedAt: T0, revokedReason: 'leaked' })
  })

  const lives: [from: Date | null, asked: Date, to: Date][] = [
    [null, later(10), later(10)],
    [later(20), later(10), later(10)],
    [later(10), later(20), later(10)],
    [later(10), later(10), later(10)],
  ]
  test.each(lives)('that ends at %p and is to end at %p ends at %p', async (from, asked, to) => {
    await at.insertKey('key_1', { expiresAt: from })
    await at.run((running) => shortenCredential(running, 'key_1', asked))
    expect((await findCredential(at.reader, 'key_1'))?.expiresAt).toEqual(to)
  })

  test('is listed with those of its owner, kind and family, page by page', async () => {
    const other = { kind: 'client', id: 'other' } as const
    await at.insertKey('key_1')
    await at.insertKey('key_2', { family: 'key_1' })
    await at.insertKey('key_3', { owner: other })
    await at.insertKey('key_4', { kind: 'secret' })
    const ids = async (filter: Partial<Parameters<typeof listCredentials>[1]>) =>
      (await listCredentials(at.reader, { limit: 10, ...filter })).map(({ id }) => id)
    expect(await ids({})).toEqual(['key_1', 'key_2', 'key_3', 'key_4'])
    expect(await ids({ owner: other })).toEqual(['key_3'])
    expect(await ids({ owner: { kind: 'user', id: 'other' } })).toEqual([])
    expect(await ids({ kind: 'secret' })).toEqual(['key_4'])
    expect(await ids({ family: 'key_1' })).toEqual(['key_1', 'key_2'])
    expect(await ids({ limit: 2 })).toEqual(['key_1', 'key_2'])
    expect(await ids({ limit: 2, after: 'key_2' })).toEqual(['key_3', 'key_4'])
  })

  test('remembers its last use, which takes no revision', async () => {
    await at.insertKey('key_1')
    await writeLastUses(at.store, [
      { id: 'key_1', at: later(5), from: '192.0.2.1' },
      { id: 'key_gone', at: later(5), from: null },
    ])
    const found = await findCredential(at.reader, 'key_1')
    expect(found).toMatchObject({ lastUsedAt: later(5), lastUsedFrom: '192.0.2.1' })
    expect(await readRevision(at.reader)).toBe(1)
  })

  test('keeps the latest of uses that come together, in whatever order', async () => {
    await at.insertKey('key_1')
    const uses = [4, 6, 5].map((at) => ({ id: 'key_1', at: later(at), from: `192.0.2.${at}` }))
    await writeLastUses(at.store, uses)
    const found = await findCredential(at.reader, 'key_1')
    expect(found).toMatchObject({ lastUsedAt: later(6), lastUsedFrom: '192.0.2.6' })
  })

  // A row that was damaged must not read as "not narrowed", nor lose what it may be revoked with.
  const NO_LIST = ['', '{', 'null', '[]', '"webdav"', '{"0":"webdav"}', '0', 'true', '[1]', '[null]', '[["webdav"]]']
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
    await at.insertKey('key_1')
    const accepted = await acceptedOf(values, async (value) => {
      await at.writer
        .updateTable('credential')
        .set({ [column]: value })
        .execute()
      return [
        () => credentialFinder(at.reader)('digest of key_1'),
        () => findCredential(at.reader, 'key_1'),
        () => listCredentials(at.reader, { limit: 10 }),
      ]
    })
    expect(accepted).toEqual([])
  })

  test('that is an access token without an audience, or without an end, is an error, however it is looked for', async () => {
    const digest = 'digest of at_1'
    const credential = credentialOf('at_1', { kind: 'at', expiresAt: later(1), audience: 'https://webdav.example.com' })
    await insertAccessToken(at.store, { credential, digest })
    const whole = await findCredential(at.reader, 'at_1')
    const { audience, expiresAt } = credential
    expect(whole).toMatchObject({ audience, expiresAt })
    const accepted = await acceptedOf(['audience', 'expires_at'] as const, async (column) => {
      const row = { audience, expires_at: toSeconds(later(1)), [column]: null }
      await at.writer.updateTable('credential').set(row).execute()
      return [
        () => credentialFinder(at.reader)(digest),
        () => findCredential(at.reader, 'at_1'),
        () => listCredentials(at.reader, { limit: 10 }),
      ]
    })
    expect(accepted).toEqual([])
  })
})
