import { expect, test } from 'bun:test'
import { sql } from 'kysely'
import { KeyRing } from '../keys/key-ring.ts'
import { sealWith } from '../keys/seal.ts'
import { ensureSigningKey } from '../keys/signing-key.ts'
import { insertClient, listClients } from './clients.ts'
import { credentialFinder } from './credentials.ts'
import type { OpenedStore } from './open.ts'
import { insertResource, listResources } from './resources.ts'
import { deleteEndedLines, drawRevocationLine, listRevocationLines } from './revocation-lines.ts'
import { listSigningKeys } from './signing-keys.ts'
import { clientWrite, later, resourceWrite, T0 } from './testing/rows.ts'
import { onEveryEngine, random } from './testing/suite.ts'

const seal = sealWith(new Uint8Array(32).fill(1), random)

/** Makes of a database of today what it was before there were access tokens, with all its rows. */
async function takeTokensAway({ writer }: OpenedStore): Promise<void> {
  await writer.transaction().execute(async (db) => {
    const run = (text: string) => sql.raw(text).execute(db)
    for (const table of ['issuer', 'trust_rule', 'user_link', 'used_assertion', 'node'])
      await run(`drop table ${table}`)
    for (const table of ['revision', 'change']) await run(`alter table ${table} drop column stamp`)
    await run('drop index credential_imported')
    await run('create index credential_imported on credential (imported_from)')
    await run('drop index credential_managed')
    await run('alter table credential drop column managed_by')
    await run('drop index membership_group_members')
    await run('create index membership_group on membership ("group")')
    for (const list of ['at', 'noun_id', 'about', 'actor', 'credential']) await run(`drop index audit_event_${list}`)
    await run('alter table audit_event drop column about')
    for (const index of ['credential_token_expires', 'revocation_line_ends']) await run(`drop index ${index}`)
    await run('alter table credential drop column audience')
    for (const column of ['before', 'ends_at']) await run(`alter table revocation_line drop column ${column}`)
    await run('alter table signing_key drop column active_from')
    await run(`delete from kysely_migration where name >= '0003'`)
    for (const [table, fields] of [
      ['client', ['auth_methods', 'keys', 'requires_workload']],
      ['resource', ['introspectors', 'audience_aliases']],
    ] as const) {
      const { rows } = await sql<{ revision: number; body: string }>`
        select revision, body from ${sql.table(table)} where revision > 0`.execute(db)
      for (const { revision, body } of rows) {
        const older = Object.entries(JSON.parse(body) as object).filter(([name]) => !fields.some((one) => one === name))
        const text = JSON.stringify(Object.fromEntries(older))
        await sql`update ${sql.table(table)} set body = ${text} where revision = ${revision}`.execute(db)
      }
    }
  })
}

onEveryEngine('a database from before there were access tokens', (at) => {
  const upgraded = async () => {
    await takeTokensAway(at.store)
    const store = await at.openAgain()
    expect(store.applied).toEqual(['0003_tokens', '0004_other_issuers', '0005_operating'])
    return store
  }

  test('keeps its signing key, which goes on signing what is believed', async () => {
    await ensureSigningKey(at.store, seal)
    const before = await listSigningKeys(at.reader)
    const { reader } = await upgraded()
    const keys = await listSigningKeys(reader)
    expect(keys).toEqual(before)
    expect(keys.map(({ activeFrom }) => activeFrom)).toEqual([T0])
    const ring = new KeyRing(() => keys, seal)
    expect(ring.isSigned(ring.signJwt('at+jwt', {}, later(1)), keys[0]?.kid ?? '')).toBe(true)
  })

  test('keeps its clients, which authenticate by a secret, and its resources, where nobody introspects', async () => {
    await at.run((running) => insertClient(running, clientWrite('canister'), null))
    await at.run((running) => insertResource(running, resourceWrite('webdav')))
    const { reader } = await upgraded()
    const [client] = await listClients(reader, ['canister'])
    expect(client).toMatchObject({
      authMethods: ['client_secret_basic', 'client_secret_post'],
      keys: null,
      requiresWorkload: null,
    })
    expect(await listResources(reader)).toMatchObject([{ name: 'webdav', introspectors: [], audienceAliases: [] }])
  })

  test('keeps its credentials and its revocation lines, which end never', async () => {
    await at.insertKey('key_1', { expiresAt: later(60) })
    await at.run((running) => drawRevocationLine(running, 'client:canister', 'leaked'))
    const keptIn = async ({ reader }: Pick<OpenedStore, 'reader'>) => {
      const { credential } = await credentialFinder(reader)('digest of key_1')
      return [await listRevocationLines(reader), credential] as const
    }
    const before = await keptIn(at)
    const store = await upgraded()
    expect(await deleteEndedLines(store, later(1e9), 10)).toBe(0)
    expect(await keptIn(store)).toEqual(before)
    expect(before[0]).toMatchObject([{ before: null, endsAt: null }])
  })

  test('tells of its audit events whom they are about', async () => {
    await at.insertKey('key_1')
    const recorded = [
      ['client.create', 'client', 'canister', 'client:canister'],
      ['credential.revoke', 'credential', 'key_1', 'client:canister'],
      ['revocation_line.draw', 'revocation_line', 'user:alice', 'user:alice'],
      ['revocation_line.draw', 'revocation_line', 'kind:pat', null],
      ['resource.delete', 'resource', 'webdav', null],
    ] as const
    await at.run(async (running) => {
      for (const [action, noun, id] of recorded) await running.record(action, noun, id)
    })
    const { reader } = await upgraded()
    const events = await reader.selectFrom('audit_event').selectAll().orderBy('id').execute()
    expect(events.map(({ action, noun, noun_id, about }) => [action, noun, noun_id, about]) as unknown).toEqual(
      recorded,
    )
  })
})
