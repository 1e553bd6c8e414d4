import { expect, test } from 'bun:test'
import { CompiledQuery, sql } from 'kysely'
import { cleanUp } from './clean-up.ts'
import { deleteEndedTokens, insertAccessToken } from './credentials.ts'
import { drawRevocationLine } from './revocation-lines.ts'
import { credentialOf, later, T0 } from './testing/rows.ts'
import { statementsOf } from './testing/statements.ts'
import { onEveryEngine } from './testing/suite.ts'
import { deleteEndedAssertions, useAssertion } from './used-assertions.ts'

const HOUR = 3600

onEveryEngine('what has ended', (at) => {
  const token = (id: string, endsAfter: number) =>
    insertAccessToken(at.store, {
      credential: credentialOf(id, { kind: 'at', expiresAt: later(endsAfter), audience: 'https://webdav.example.com' }),
      digest: `digest of ${id}`,
    })
  const ids = async (table: 'credential' | 'revocation_line' | 'used_assertion', column: string) =>
    (
      await sql<{ it: string }>`select ${sql.ref(column)} as it from ${sql.table(table)} order by 1`.execute(at.reader)
    ).rows.map(({ it }) => it)
  const pauses: number[] = []
  const clean = () =>
    cleanUp(at.store, async () => {
      pauses.push(1)
    })

  test('goes an hour later, and nothing else does', async () => {
    await token('at_1', 10)
    await token('at_2', 11)
    await at.insertKey('key_1', { expiresAt: later(1) })
    await at.run((running) => drawRevocationLine(running, 'credential:at_1', null, { endsAt: later(10) }))
    await at.run((running) => drawRevocationLine(running, 'client:canister', null))
    await useAssertion(at.store, { client: 'canister', jti: 'one', expiresAt: later(10) })
    await useAssertion(at.store, { client: 'canister', jti: 'two', expiresAt: later(11) })
    at.now = later(HOUR + 10)
    await clean()
    expect(await ids('credential', 'id')).toEqual(['at_1', 'at_2', 'key_1'])
    at.now = later(HOUR + 11)
    await clean()
    expect(await ids('credential', 'id')).toEqual(['at_2', 'key_1'])
    expect(await ids('revocation_line', 'subject')).toEqual(['client:canister'])
    expect(await ids('used_assertion', 'jti')).toEqual(['two'])
  })

  test('goes in batches, with a pause between them', async () => {
    for (let index = 0; index < 1001; index++) {
      await useAssertion(at.store, { client: 'canister', jti: `${index}`, expiresAt: T0 })
    }
    pauses.length = 0
    at.now = later(HOUR + 1)
    await clean()
    expect(pauses).toHaveLength(10)
    expect(await ids('used_assertion', 'jti')).toEqual([])
  })

  test('is more than one run takes: the next one goes on', async () => {
    const rows = Array.from({ length: 500 }, (_, index) => ({ client: 'canister', expires_at: 0, jti: `${index}` }))
    for (let part = 0; part < 41; part++) {
      const values = rows.map((row) => ({ ...row, client: `client${part}` }))
      await at.writer.insertInto('used_assertion').values(values).execute()
    }
    await clean()
    expect(await ids('used_assertion', 'jti')).toHaveLength(500)
    await clean()
    expect(await ids('used_assertion', 'jti')).toEqual([])
  })

  test('is found by an index: what is alive is not read', async () => {
    at.now = later(2 * HOUR)
    for (const table of ['credential', 'revocation_line', 'used_assertion']) {
      const [statement] = (await statementsOf(clean)).filter((text) => text.startsWith(`delete from "${table}"`))
      expect(await planOf(statement ?? '', table === 'credential' ? ['at', 1, 100] : [1, 100])).toContain(
        { credential: 'credential_token_expires', revocation_line: 'revocation_line_ends' }[table] ??
          'used_assertion_expires',
      )
    }
  })

  /** Told that reading a whole table costs much: as it does when the table is long, which this one is not. */
  const planOf = async (statement: string, parameters: readonly unknown[]) => {
    const explain = at.engine.name === 'SQLite' ? 'explain query plan' : 'explain'
    return at.writer.connection().execute(async (db) => {
      if (at.engine.name === 'PostgreSQL') {
        await sql`set enable_seqscan = off`.execute(db)
        await sql`set enable_bitmapscan = off`.execute(db)
      }
      return JSON.stringify((await db.executeQuery(CompiledQuery.raw(`${explain} ${statement}`, [...parameters]))).rows)
    })
  }

  test('of an assertion counts once, whichever of two nodes is first', async () => {
    const other = await at.openAgain()
    const use = (store: typeof other, client = 'canister') =>
      useAssertion(store, { client, jti: 'one', expiresAt: later(60) })
    const outcomes = await Promise.all([use(at.store), use(other), use(at.store), use(other)])
    expect(outcomes.filter(Boolean)).toHaveLength(1)
    expect(await use(other, 'another')).toBe(true)
  })

  test('is no more of tokens than a batch takes, the oldest first', async () => {
    for (const ended of [3, 1, 2]) await token(`at_${ended}`, ended)
    expect(await deleteEndedTokens(at.store, later(9), 2)).toBe(2)
    expect(await ids('credential', 'id')).toEqual(['at_3'])
  })

  test('is no more of assertions than a batch takes, the oldest first, each by client and name', async () => {
    for (const [client, jti, ended] of [
      ['a', 'one', 3],
      ['a', 'two', 1],
      ['b', 'one', 2],
      ['b', 'two', 4],
    ] as const) {
      await useAssertion(at.store, { client, jti, expiresAt: later(ended) })
    }
    expect(await deleteEndedAssertions(at.store, later(9), 2)).toBe(2)
    expect(await useAssertion(at.store, { client: 'a', jti: 'one', expiresAt: later(9) })).toBe(false)
    expect(await useAssertion(at.store, { client: 'b', jti: 'two', expiresAt: later(9) })).toBe(false)
    expect(await useAssertion(at.store, { client: 'a', jti: 'two', expiresAt: later(9) })).toBe(true)
    expect(await useAssertion(at.store, { client: 'b', jti: 'one', expiresAt: later(9) })).toBe(true)
  })
})
