import { expect, test } from 'bun:test'
import { sql } from 'kysely'
import { cleanUp } from './clean-up.ts'
import { insertAccessToken } from './credentials.ts'
import { drawRevocationLine } from './revocation-lines.ts'
import { credentialOf, later, T0 } from './testing/rows.ts'
import { onEveryEngine } from './testing/suite.ts'
import { useAssertion } from './used-assertions.ts'

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
    expect(pauses).toHaveLength(2)
    expect(await ids('used_assertion', 'jti')).toEqual([])
  })

  test('of an assertion counts once, whichever of two nodes is first', async () => {
    const other = await at.openAgain()
    const use = (store: typeof other, client = 'canister') =>
      useAssertion(store, { client, jti: 'one', expiresAt: later(60) })
    const outcomes = await Promise.all([use(at.store), use(other), use(at.store), use(other)])
    expect(outcomes.filter(Boolean)).toHaveLength(1)
    expect(await use(other, 'another')).toBe(true)
  })
})
