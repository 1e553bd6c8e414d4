// A disk that takes nothing more, and a database that somebody else has locked: who is known passes, a revocation that is not
// kept is never said to be.

import { Database as SqliteFile } from 'bun:sqlite'
import { afterEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { run } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const HOST = 'webdav.example.com'
const perTest = new Teardown()
afterEach(() => perTest.run(), PATIENCE_MS)

type Key = { readonly id: string; readonly text: string }

/** A server on the embedded database, with a key that it knows, and one that it has not seen yet. */
async function furnished() {
  const dataDir = await perTest.temporaryDirectory('data')
  // Whatever the suite runs on: this is about SQLite's files.
  const server = await startCountersign(dataDir)
  perTest.add(server.stop)
  const rules = [{ path: '/**' }]
  await server.make('/resources', { name: 'webdav', identifier: `https://${HOST}`, hosts: [HOST], rules })
  await server.make('/clients', { id: 'canister' })
  await server.make('/permissions', { client: 'canister', resource: 'webdav' })
  const newKey = async (): Promise<Key> => {
    const { id, key } = await server.make('/clients/canister/keys', {})
    return { id: String(id), text: String(key) }
  }
  const [known, unseen] = [await newKey(), await newKey()]
  expect(await ask(server, known)).toBe(200)
  return { dataDir, server, known, unseen }
}

async function ask(server: CountersignServer, { text }: Key): Promise<number> {
  const headers = {
    ...{ 'X-Forwarded-Method': 'GET', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': HOST },
    ...{ 'X-Forwarded-Uri': '/', 'X-Forwarded-For': '192.0.2.1', Authorization: `Bearer ${text}` },
  }
  return (await fetch(`${server.url}/verify/forward`, { headers })).status
}

/** Every kind of change is refused as "not now", and changes nothing; whoever passed before passes. */
async function expectNoChanges(server: CountersignServer, known: Key, unseen: Key) {
  const changes = [
    ['POST', `/credentials/${known.id}/revoke`, { reason: 'leaked' }],
    ['POST', '/clients/canister/keys', {}],
    ['POST', '/clients/canister/revoke-credentials', {}],
    ['PATCH', '/clients/canister', { disabled: true }],
  ] as const
  for (const [method, path, body] of changes) {
    expect([path, await server.call(method, path, body)]).toEqual([
      path,
      { status: 503, body: expect.objectContaining({ code: 'store_unavailable' }) },
    ])
  }
  expect([await ask(server, known), await ask(server, unseen)]).toEqual([200, 200])
}

async function expectRevocable(server: CountersignServer, known: Key, unseen: Key) {
  expect(await server.call('POST', `/credentials/${known.id}/revoke`, {})).toMatchObject({ status: 200 })
  expect([await ask(server, known), await ask(server, unseen)]).toEqual([401, 200])
}

describeWith(['prlimit'], 'a disk that is full', () => {
  test(
    'OPS-04 changes are refused, verification goes on, and all is well when there is room again',
    async () => {
      const { server, known, unseen } = await furnished()
      // No file of this process may be written to from now on: what the disk says is another number, what SQLite does is the same.
      const limit = (bytes: string) => run(['prlimit', '--pid', String(server.pid), `--fsize=${bytes}:`], {})
      expect(await limit('1')).toMatchObject({ exitCode: 0 })
      await expectNoChanges(server, known, unseen)
      expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
      expect(await limit('unlimited')).toMatchObject({ exitCode: 0 })
      await expectRevocable(server, known, unseen)
    },
    PATIENCE_MS,
  )
})

describe('a database that somebody else has locked', () => {
  test(
    'OPS-05 changes are refused after two seconds, verification goes on, and all is well when it is free again',
    async () => {
      const { dataDir, server, known, unseen } = await furnished()
      const other = new SqliteFile(join(dataDir, 'countersign.db'))
      other.run('begin immediate')
      // A server that slept in its database would answer nobody before that change is refused.
      let isRefused = false
      const change = server.call('POST', '/groups', { name: 'late' }).then(({ status }) => {
        isRefused = true
        return status
      })
      for (let n = 0; n < 20; n++) expect(await ask(server, known)).toBe(200)
      expect(isRefused).toBe(false)
      other.run('rollback')
      expect(await change).toBe(201)
      other.run('begin immediate')
      await expectNoChanges(server, known, unseen)
      other.run('rollback')
      other.close()
      await expectRevocable(server, known, unseen)
    },
    PATIENCE_MS,
  )
})
