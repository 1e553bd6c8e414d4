// A secret is shown once and kept nowhere; where it comes from is chance, and enough of it.
import { describe, expect, spyOn, test } from 'bun:test'
import { formatCredential, parseIssuedCredential } from '@countersign/resource-server'
import { everythingKept } from '../../packages/server/src/store/testing/kept.ts'
import { onEachStatement } from '../../packages/server/src/store/testing/statements.ts'
import { BOOTSTRAP_KEY } from '../support/app.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'
import { workOf } from './work.ts'

const KEYS = 300

test(
  'OPQ-25 of all keys ever made and used none is in a file of the server or in its log',
  async () => {
    const teardown = new Teardown()
    const directory = await teardown.temporaryDirectory('secrets')
    const stage = await Stage.open({ COUNTERSIGN_DATA_DIR: directory, COUNTERSIGN_LOG_LEVEL: 'debug' })
    const secrets = [BOOTSTRAP_KEY, ...Object.values(stage.wallet)]
    for (let i = 0; i < KEYS; i++) {
      const { id, key } = await stage.newKey()
      secrets.push(key)
      await stage.ask('forward', { lines: [bearer(key)], asks: { uri: `/?access_token=${key}` } })
      if (i % 5 === 0) await stage.call('POST', `/credentials/${id}/revoke`, { reason: 'done' })
      if (i % 7 === 0) await stage.ask('forward', { lines: [bearer(`${key}x`), ['X-Api-Key', key]] })
    }
    await stage.call('GET', '/decisions')
    await stage.close()

    const written = [await everythingKept(directory), ...stage.test.logLines].join('\n')
    // What is looked for would be found: the digest of the first key is there.
    expect(written).toContain(new Bun.CryptoHasher('sha256').update(stage.wallet.key).digest('hex'))
    for (const secret of secrets) {
      expect(written.includes(secret.slice(0, -6))).toBe(false)
      expect(written.includes(secret.slice(-26, -6))).toBe(false)
    }
    await teardown.run()
  },
  PATIENCE_MS,
)

describe('with a server', () => {
  const withStage = (run: (stage: Stage) => Promise<void>) => async () => {
    const stage = await Stage.open()
    try {
      await run(stage)
    } finally {
      await stage.close()
    }
  }

  test(
    'OPQ-24 a known key is verified without a word to the database, and when its last use cannot be written',
    withStage(async (stage) => {
      const asked = { lines: [bearer(stage.wallet.key)] }
      await stage.expect('OK', undefined, 'forward', asked)
      expect(await workOf(() => stage.ask('forward', asked))).toEqual({ digests: 1, queries: [] })

      let refused = 0
      const restore = onEachStatement((sql) => {
        if (!sql.includes('last_used_at')) return
        refused++
        throw new Error('the disk is full')
      })
      try {
        await stage.expect('OK', undefined, 'forward', asked)
        await expect(stage.test.app.flush()).rejects.toThrow('the disk is full')
        expect(refused).toBeGreaterThan(0)
        await stage.expect('OK', undefined, 'forward', asked)
      } finally {
        restore()
      }
      await stage.expect('OK', undefined, 'forward', asked)
    }),
  )

  test(
    'OPQ-26 a key is shown by the call that makes it and by no other, and nobody keeps a copy',
    withStage(async (stage) => {
      const made = await stage.test.api('POST', '/api/v1/clients/canister/keys', { name: 'shown once' })
      expect([made.status, made.headers.get('cache-control')]).toEqual([201, 'no-store'])
      const { id, key } = made.body
      stage.oracle.keepSecret(String(key))
      const paths = ['/credentials', `/credentials/${id}`, '/clients/canister/keys', '/clients/canister', '/decisions']
      for (const path of [...paths, '/permissions', '/resources/webdav', '/me']) {
        const answer = await stage.test.api('GET', `/api/v1${path}`)
        expect([path, answer.status, answer.headers.get('cache-control')]).toEqual([path, 200, 'no-store'])
        const text = JSON.stringify(answer.body)
        stage.oracle.holdsNoSecret(text, path)
        expect(text).not.toMatch(/[0-9a-f]{64}/)
      }
    }),
  )

  test(
    'OPQ-27 each key takes 256 bits from the source of chance, and Math.random none',
    withStage(async (stage) => {
      const weak = spyOn(Math, 'random')
      const strong = spyOn(crypto, 'getRandomValues')
      try {
        for (let i = 0; i < 20; i++) await stage.newKey()
        expect(weak).not.toHaveBeenCalled()
        const taken = strong.mock.calls.filter(([bytes]) => (bytes as Uint8Array).length === 32)
        expect(taken.length).toBe(20)
      } finally {
        weak.mockRestore()
        strong.mockRestore()
      }
    }),
  )

  for (const id of ['%25', '_', "'", 'key_%25', "key_' or '1'='1", 'key__'.repeat(6), 'KEY_01']) {
    test(
      `OPQ-28 ${id} is the id of no credential`,
      withStage(async (stage) => {
        const path = `/api/v1/credentials/${id.replaceAll(' ', '%20')}`
        expect((await stage.test.api('GET', path)).status).toBe(404)
        expect((await stage.test.api('POST', `${path}/revoke`, {})).status).toBe(404)
        await stage.expect('OK', undefined, 'forward', { lines: [bearer(stage.wallet.key)] })
      }),
    )
  }
})

test(
  'OPQ-27 ten thousand keys: none twice, and every character equally often at every place but the first',
  () => {
    const count = 10_000
    const seen = new Set<string>()
    const tally = new Uint32Array(43 * 128)
    for (let i = 0; i < count; i++) {
      const key = formatCredential('key', crypto.getRandomValues(new Uint8Array(32)))
      seen.add(key)
      for (let at = 0; at < 43; at++) {
        const place = at * 128 + key.charCodeAt('cs_key_'.length + at)
        tally[place] = (tally[place] ?? 0) + 1
      }
      if (i % 1000 === 0) expect(parseIssuedCredential(key)).toEqual({ kind: 'key' })
    }
    expect(seen.size).toBe(count)
    const expected = count / 62
    for (let at = 1; at < 43; at++) {
      const counts = [...tally.slice(at * 128, (at + 1) * 128)].filter((n) => n > 0)
      expect(counts.length).toBe(62)
      // 61 degrees of freedom: beyond 170 once in 10¹¹ runs.
      expect(counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)).toBeLessThan(170)
    }
  },
  PATIENCE_MS,
)
