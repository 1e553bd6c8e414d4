// The guide to audit events, word for word.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { guideBlock, ROOT } from '../support/guide.ts'
import { newToken } from '../support/people.ts'
import { run } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

describeWith(['bash', 'curl', 'jq'], 'the guide to audit events', () => {
  const teardown = new Teardown()
  let server: CountersignServer
  let home: string
  /** Who changed something, and who reads of it. */
  let alice: { id: string; secret: string }
  let auditor: string
  beforeAll(async () => {
    home = await teardown.temporaryDirectory('auditor')
    server = await startCountersign(await teardown.temporaryDirectory('data'))
    teardown.add(server.stop)
    await server.make('/users', { username: 'alice', roles: ['admin'] })
    await server.make('/users', { username: 'reader', roles: ['auditor'] })
    alice = await newToken(server, 'alice', { resources: ['countersign'] })
    auditor = (await newToken(server, 'reader', { resources: ['countersign'] })).secret
    await server.make('/clients', { id: 'canister' })
    await server.make('/clients', { id: 'other' })
    await server.make('/clients/canister/keys', { name: 'laptop' })
    const headers = { Authorization: `Bearer ${alice.secret}`, 'Content-Type': 'application/json' }
    const body = JSON.stringify({ networks: ['10.0.0.0/8'] })
    const { status } = await fetch(`${server.url}/api/v1/clients/canister`, { method: 'PATCH', headers, body })
    expect(status).toBe(200)
    const lost = { reason: 'lost' }
    expect((await server.call('POST', '/clients/canister/revoke-credentials', lost)).status).toBe(200)
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  const shell = async (block: string, environment: Record<string, string> = {}) => {
    const script = guideBlock('audit.md', block).replaceAll('npx countersign', 'countersign')
    const done = await run(['bash', '-euo', 'pipefail', '-c', script], {
      cwd: home,
      env: {
        HOME: home,
        PATH: `${ROOT}/node_modules/.bin:${process.env.PATH}`,
        COUNTERSIGN_SERVER: server.url,
        COUNTERSIGN_KEY: auditor,
        ...environment,
      },
    })
    expect(done).toMatchObject({ exitCode: 0 })
    return done.stdout
  }
  const cells = (table: string) =>
    table
      .trimEnd()
      .split('\n')
      .map((row) => row.split(/ {2,}/))

  test(
    'what became of a client says who did it, by which credential, and what was and is',
    async () => {
      const [headings, ...rows] = cells(await shell('about'))
      const text = await readFile(join(ROOT, 'docs/guides/audit.md'), 'utf8')
      expect(headings).toEqual(/^TIME .*$/m.exec(text)?.[0].split(/ {2,}/) ?? [])
      expect(rows.map(([, , action]) => action)).toEqual([
        'revocation_line.draw',
        'client.change',
        'credential.create',
        'client.create',
      ])
      expect(rows[1]?.slice(1, -1)).toEqual([
        ...['user:alice', 'client.change', 'canister', 'networks: none → 10.0.0.0/8', alice.id],
      ])
      const event = rows[1]?.at(-1) ?? ''
      const one = await shell('one', { EVENT: event })
      expect(one).toContain('networks    none → 10.0.0.0/8\n')
      expect(one).toContain('"about": "client:canister"')
    },
    PATIENCE_MS,
  )

  test(
    'what was done with a credential is all that it changed, and every other question has an answer',
    async () => {
      const rows = cells(await shell('credential', { ID: alice.id })).slice(1)
      expect(rows.map(([, actor, action]) => `${actor} ${action}`)).toEqual(['user:alice client.change'])
      const more = await shell('more')
      for (const action of ['client.change', 'client.create', 'signing_key.create']) expect(more).toContain(action)
    },
    PATIENCE_MS,
  )

  test(
    'whoever copies them gets what is new',
    async () => {
      expect(await shell('copy', { SINCE: new Date(Date.now() - 60_000).toISOString() })).toBe('that is all\n')
      const { items } = JSON.parse(await readFile(join(home, 'events.json'), 'utf8'))
      expect(items.length).toBeGreaterThan(5)
      expect(JSON.stringify(items)).not.toContain(alice.secret.slice(8, 20))
    },
    PATIENCE_MS,
  )
})
