// The guide to moving in, word for word: tokens of another system work before and after, by what they begin with.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash, createHmac } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { guideBlock, ROOT, substitute } from '../support/guide.ts'
import { type Finished, run } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const token = (prefix: string, n: number) => `${prefix}${sha256(`${prefix}${n}`).slice(0, 24)}`
const HMAC_KEY = 'the key of the other system'

describeWith(['bash', 'curl', 'npx', 'sqlite3'], 'the guide to moving in', () => {
  const teardown = new Teardown()
  let server: CountersignServer
  let home: string
  beforeAll(async () => {
    home = await teardown.temporaryDirectory('home')
    server = await startCountersign(await teardown.temporaryDirectory('data'))
    teardown.add(server.stop)
    await server.make('/resources', {
      name: 'tracker',
      identifier: 'https://api.example.com',
      hosts: ['api.example.com'],
      scopes: ['projects:read', 'projects:write'],
      rules: [
        { methods: ['GET'], path: '/:project/**', require: { scopes: ['projects:read'] } },
        { path: '/:project/**', require: { scopes: ['projects:write'] } },
      ],
    })
    await server.make('/users', { username: 'alice' })
    await server.make('/clients', { id: 'canister' })
    for (const holder of [{ user: 'alice' }, { client: 'canister' }]) {
      await server.make('/permissions', { ...holder, resource: 'tracker', scopes: ['projects:*'] })
    }
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  const at = (name: string) => join(home, name)
  /** Runs a block as whoever has `countersign` on the PATH. */
  const shell = async (script: string, environment: Record<string, string> = {}): Promise<Finished> => {
    const done = await run(['bash', '-euc', script.replaceAll('npx countersign', 'countersign')], {
      cwd: home,
      env: {
        HOME: home,
        PATH: `${ROOT}/node_modules/.bin:${process.env.PATH}`,
        COUNTERSIGN_SERVER: server.url,
        COUNTERSIGN_KEY: server.bootstrapKey,
        ...environment,
      },
    })
    expect(done).toMatchObject({ exitCode: 0 })
    return done
  }
  const block = (file: string) => guideBlock('moving-in.md', file)
  const statusOf = async (shown: string, path = '/atlas/builds', method = 'GET') => {
    const headers = {
      'x-forwarded-method': method,
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'api.example.com',
      'x-forwarded-uri': path,
      authorization: `Bearer ${shown}`,
    }
    return (await fetch(`${server.url}/verify/forward`, { headers })).status
  }
  const prefixes = async () => {
    const { body } = await server.call('GET', '/credentials/foreign-prefixes')
    return (body as { items: { prefix: string; imported: number; unrevoked: number }[] }).items
  }

  test(
    'digests are made from tokens that are held, and from a table of them',
    async () => {
      const held = [token('acme_', 1), token('acme_', 2)]
      await writeFile(at('tokens.txt'), `${held.join('\n')}\n`)
      expect((await shell(block('digest'))).stdout).toBe(`${held.map((one) => `${sha256(one)}\n`).join('')}`)

      const rows = `insert into api_token values (x'${sha256(token('acme_', 3))}', 'alice', 'old, "quoted"')`
      await shell(`sqlite3 legacy.db "create table api_token (sha256 blob, user text, label text)"; sqlite3 legacy.db <<'SQL'
${rows};
SQL`)
      await shell(block('export'))
      await shell(block('import'))
      expect(await statusOf(token('acme_', 3))).toBe(200)
    },
    PATIENCE_MS,
  )

  test(
    'the file says whose each is and what it may, and is checked before it is sent',
    async () => {
      const [first, second] = [token('acme_', 1), token('acme_', 2)]
      expect(await statusOf(first)).toBe(401)
      const file = substitute(block('tokens.csv'), {
        '<digest of the first>': sha256(first),
        '<digest of the second>': sha256(second),
        // The end that the guide has is past for a test some day.
        '2030-06-30T00:00:00Z': new Date(Date.now() + 30 * 86_400_000).toISOString(),
      })
      await writeFile(at('tokens.csv'), file)
      const [check = '', send = ''] = block('import').trim().split('\n')
      await shell(check)
      expect(await statusOf(first)).toBe(401)
      expect((await shell(send)).stdout).toContain('2 imported')
      expect(
        await Promise.all([statusOf(first), statusOf(first, '/atlas/x', 'POST'), statusOf(first, '/boreas/x')]),
      ).toEqual([200, 403, 403])
      expect(await Promise.all([statusOf(second), statusOf(second, '/boreas/x', 'POST')])).toEqual([200, 200])
      expect((await shell(send)).stdout).toContain('0 imported, 2 were there before')
    },
    PATIENCE_MS,
  )

  test(
    'by HMAC likewise',
    async () => {
      const moved = token('corp_', 1)
      await writeFile(at('hmac.key'), `${HMAC_KEY}\n`)
      await writeFile(at('tokens.txt'), `${moved}\n`)
      const [make = '', send = ''] = block('import-hmac').trim().split('\n')
      const { stdout } = await shell(make)
      expect(stdout.trim()).toBe(createHmac('sha256', HMAC_KEY).update(moved).digest('hex'))
      await writeFile(at('tokens.csv'), `digest,owner\n${stdout.trim()},user:alice\n`)
      await shell(send)
      expect(await statusOf(moved)).toBe(200)
    },
    PATIENCE_MS,
  )

  test(
    'what came in is counted, listed and rotated into a token of our own',
    async () => {
      const watched = (await shell(block('watch'))).stdout
      for (const told of ['acme_', 'corp_', 'nightly build']) expect(watched).toContain(told)
      expect(await prefixes()).toMatchObject([
        { prefix: 'acme_', imported: 3, unrevoked: 3 },
        { prefix: 'corp_', imported: 1, unrevoked: 1 },
      ])
      const { body } = await server.call('GET', '/credentials?imported=true&owner=user:alice')
      const { items } = body as { items: { id: string; name: string | null }[] }
      const id = items.find(({ name }) => name === 'nightly build')?.id ?? ''
      const own = /\bcs_pat_[0-9A-Za-z]{49}\b/.exec((await shell(block('rotate'), { ID: id })).stdout)?.[0] ?? ''
      expect(await Promise.all([statusOf(own), statusOf(own, '/boreas/x'), statusOf(token('acme_', 1))])).toEqual([
        200, 403, 200,
      ])
    },
    PATIENCE_MS,
  )

  test('what may be moved is counted for Prometheus, to whoever asks on this machine', async () => {
    const { stdout } = await shell(substitute(block('metrics'), { '127.0.0.1:8420': server.address }))
    expect(stdout).toContain('countersign_foreign_prefix_credentials{prefix="acme_"} 3\n')
    expect(stdout).toContain('countersign_credentials_expiring{kind="pat",within="30d"}')
    expect((await fetch(`${server.url}/metrics`, { headers: { 'x-forwarded-for': '127.0.0.1' } })).status).toBe(404)
  })
})
