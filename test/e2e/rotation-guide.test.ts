// The guide to rotation, word for word: who rotates as it says is refused at no time.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyJwt, tokenSource } from '@countersign/client'
import { basicOf } from '../support/app.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { guideBlock, ROOT } from '../support/guide.ts'
import { change } from '../support/people.ts'
import { type Finished, run } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const used = new Set<string>()

describeWith(['bash', 'curl', 'openssl'], 'the guide to rotation', () => {
  const teardown = new Teardown()
  let server: CountersignServer
  let home: string
  beforeAll(async () => {
    home = await teardown.temporaryDirectory('billing')
    await symlink(join(ROOT, 'node_modules'), join(home, 'node_modules'))
    server = await startCountersign(await teardown.temporaryDirectory('data'))
    teardown.add(server.stop)
    const rules = [{ path: '/**', require: { scopes: ['account:usage:read'] } }]
    const scopes = ['account:usage:read']
    const identifier = 'https://usage.example.com'
    await server.make('/resources', { name: 'usage', identifier, hosts: ['usage.example.com'], scopes, rules })
    await server.make('/clients', { id: 'billing' })
    await server.make('/permissions', { client: 'billing', resource: 'usage', scopes })
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  const block = (name: string, guide = 'rotation.md') => {
    if (guide === 'rotation.md') used.add(name)
    return guideBlock(guide, name).replaceAll('npx countersign', 'countersign')
  }
  const tried = (script: string, environment: Record<string, string> = {}): Promise<Finished> =>
    run(['bash', '-euo', 'pipefail', '-c', script], {
      cwd: home,
      env: {
        HOME: home,
        PATH: `${ROOT}/node_modules/.bin:${process.env.PATH}`,
        COUNTERSIGN_SERVER: server.url,
        COUNTERSIGN_KEY: server.bootstrapKey,
        ...environment,
      },
    })
  const shell = async (script: string, environment: Record<string, string> = {}) => {
    const done = await tried(script, environment)
    expect(done).toMatchObject({ exitCode: 0 })
    return done.stdout
  }
  const tokenBySecret = async (secret: string) => {
    const answer = await fetch(`${server.url}/oauth/token`, {
      method: 'POST',
      headers: basicOf('billing', secret),
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    return answer.status === 200 ? ((await answer.json()) as { access_token: string }).access_token : undefined
  }
  const tokenByKey = async (file: string, kid?: string) => {
    const key = await readFile(join(home, file), 'utf8')
    const source = tokenSource({
      issuer: server.url,
      clientId: 'billing',
      authentication: privateKeyJwt({ key, alg: 'ES256', ...(kid !== undefined && { kid }) }),
    })
    return source.token().then(
      ({ token }) => token,
      () => undefined,
    )
  }
  /** Registers keys, and returns the names that the command prints. */
  const kidsOf = async (script: string) => {
    const done = await tried(script)
    expect(done).toMatchObject({ exitCode: 0 })
    return [...done.stderr.matchAll(/^The kid of the key in .*: (\S+)$/gm)].map(([, kid = '']) => kid)
  }
  const statusOf = async (credential: string | undefined) => {
    const { status } = await fetch(`${server.url}/verify/forward`, {
      headers: {
        ...{ 'x-forwarded-method': 'GET', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'usage.example.com' },
        ...{ 'x-forwarded-uri': '/', authorization: `Bearer ${credential}` },
      },
    })
    return status
  }

  test(
    'a secret: the old one works on for a day, its tokens too, and the file has the new one',
    async () => {
      const made = await server.make('/clients/billing/secrets', { expires_in_days: 7 })
      const [id, old] = [String(made.id), String(made.secret)]
      await writeFile(join(home, 'billing.secret'), `${old}\n`)
      const [all = '', checked = ''] = block('expiring').trim().split('\n')
      expect(await shell(all)).toContain(id)
      expect((await tried(checked)).exitCode).toBe(1)
      const [unused = '', neverUsed = ''] = block('unused').trim().split('\n')
      expect(await shell(unused)).not.toContain(id)
      expect(await shell(neverUsed)).toContain(id)

      const before = await tokenBySecret(old)
      await shell(block('secret'), { ID: id })
      const next = (await readFile(join(home, 'billing.secret'), 'utf8')).trim()
      expect(next === old).toBe(false)
      const tokens = [before, await tokenBySecret(old), await tokenBySecret(next)]
      expect(await Promise.all(tokens.map(statusOf))).toEqual([200, 200, 200])
      const { body } = await server.call('GET', `/credentials/${id}`)
      const left = Date.parse((body as { expires_at: string }).expires_at) - Date.now()
      expect([left > 23 * 3_600_000, left <= 24 * 3_600_000]).toEqual([true, true])
    },
    PATIENCE_MS,
  )

  test(
    'a key pair: both sign while both are registered and each is named, then the new one alone',
    async () => {
      const guide = 'service-to-service.md'
      const [old = ''] = await kidsOf(`${block('key', guide)}\n${block('register-key', guide)}`)
      const unnamed = await tokenByKey('billing.key')
      const before = await tokenByKey('billing.key', old)
      const [again, next = ''] = await kidsOf(block('key'))
      expect([again, next === old]).toEqual([old, false])
      expect(await shell('countersign client show billing')).toContain(old)
      const tokens = [unnamed, before, await tokenByKey('billing.key', old), await tokenByKey('billing-2.key', next)]
      expect(await Promise.all(tokens.map(statusOf))).toEqual([200, 200, 200, 200])
      expect(await tokenByKey('billing.key')).toBeUndefined()

      expect(await kidsOf(block('key-alone'))).toEqual([next])
      expect(await tokenByKey('billing.key', old)).toBeUndefined()
      expect(await statusOf(await tokenByKey('billing-2.key', next))).toBe(200)
      expect(await statusOf(before)).toBe(200)
      const methods = ['client_secret_basic', 'private_key_jwt']
      await change(server, '/clients/billing', { token_endpoint_auth_methods: methods })
    },
    PATIENCE_MS,
  )

  test(
    'an API key: both work for a day',
    async () => {
      const old = await server.make('/clients/billing/keys', {})
      await shell(block('api-key'), { ID: String(old.id) })
      const next = (await readFile(join(home, 'billing.api-key.new'), 'utf8')).trim()
      expect([await statusOf(String(old.key)), await statusOf(next)]).toEqual([200, 200])
    },
    PATIENCE_MS,
  )

  test(
    'signing keys: the next one is published before it signs, and what was signed before is believed still',
    async () => {
      const published = async () => {
        const answer = await fetch(`${server.url}/.well-known/jwks.json`)
        expect(answer.headers.get('cache-control')).toBe('public, max-age=60')
        return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
      }
      const [present = ''] = await published()
      const made = await server.make('/clients/billing/secrets', {})
      const before = await tokenBySecret(String(made.secret))
      const shown = await shell(block('signing-keys'))
      expect(shown).toContain(present)
      const both = await published()
      expect([both.length, both.includes(present)]).toEqual([2, true])
      const after = await tokenBySecret(String(made.secret))
      const signedBy = (jwt = '') => JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString()).kid
      expect([signedBy(before), signedBy(after)]).toEqual([present, present])
      expect([await statusOf(before), await statusOf(after)]).toEqual([200, 200])
      await shell(block('signing-keys'))
      expect(await published()).toEqual(both)
    },
    PATIENCE_MS,
  )

  test('every block of the guide is run', () => {
    const guide = readFileSync(join(ROOT, 'docs/guides/rotation.md'), 'utf8')
    const blocks = [...guide.matchAll(/^```\w+(?: file=(\S+))?\n/gm)].map(([, file]) => file)
    expect(blocks.filter((file) => file === undefined || !used.has(file))).toEqual([])
  })
})
