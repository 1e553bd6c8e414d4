import { expect, test } from 'bun:test'
import { issueAdminKey } from './admin-key.ts'
import { findClient, updateClient } from './store/clients.ts'
import { change, HOST_ACTOR } from './store/store.ts'
import { openTestStore } from './store/testing/engines.ts'

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const sha256Hex = (text: string) => Bun.SHA256.hash(text, 'hex')

test('an admin key enables its client, which an audit event tells', async () => {
  const store = await openTestStore(() => new Date('2030-01-01T00:00:00Z'), random)
  const owner = () => findClient(store.reader, 'countersign-admin')
  const events = async () => {
    const rows = await store.reader.selectFrom('audit_event').selectAll().orderBy('id').execute()
    return rows.map(({ action, noun_id, actor, revision }) => ({ action, noun_id, actor, revision }))
  }

  const first = await issueAdminKey(store, sha256Hex)
  expect(first).not.toHaveProperty('enabled')
  expect(await events()).toMatchObject([{ action: 'credential.create', noun_id: first.id }])

  await change(store, HOST_ACTOR, async (running) => {
    const client = await findClient(running.db, 'countersign-admin')
    if (client !== undefined) await updateClient(running, { ...client, disabled: true })
  })
  expect(await owner()).toMatchObject({ disabled: true })

  const second = await issueAdminKey(store, sha256Hex)
  expect(second.enabled).toBe('countersign-admin')
  expect(await owner()).toMatchObject({ disabled: false, name: 'Administration' })
  const told = (await events()).filter(({ revision }) => revision === 3)
  expect(told.map(({ action, noun_id }) => `${action} ${noun_id}`).toSorted()).toEqual([
    'client.change countersign-admin',
    `credential.create ${second.id}`,
  ])
  await store.close()
})
