// The guide to leaks, word for word: what is reported is refused, by command as by curl as from a scanner's file.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyJwt, tokenSource } from '@countersign/client'
import { databaseOf } from '../../packages/server/src/store/testing/engines.ts'
import { basicOf } from '../support/app.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { guideBlock, ROOT, substitute } from '../support/guide.ts'
import { change, newToken } from '../support/people.ts'
import { type Finished, run } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

describeWith(['bash', 'curl', 'jq'], 'the guide to leaks', () => {
  const teardown = new Teardown()
  let server: CountersignServer
  let home: string
  let data: string
  beforeAll(async () => {
    home = await teardown.temporaryDirectory('home')
    data = await teardown.temporaryDirectory('data')
    server = await startCountersign(data)
    teardown.add(server.stop)
    await server.make('/users', { username: 'alice' })
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  /** Runs a block as a stranger who has `countersign` on the PATH, and no key. */
  const shell = (script: string, environment: Record<string, string> = {}): Promise<Finished> =>
    run(['bash', '-euo', 'pipefail', '-c', script.replaceAll('npx countersign', 'countersign')], {
      cwd: home,
      env: {
        HOME: home,
        PATH: `${ROOT}/node_modules/.bin:${process.env.PATH}`,
        COUNTERSIGN_SERVER: server.url,
        ...environment,
      },
    })
  const block = (file: string) => guideBlock('leaks.md', file)
  const found = async (text: string) => writeFile(join(home, 'found.token'), `${text}\n`)
  const shown = async (id: string) => (await server.call('GET', `/credentials/${id}`)).body
  const leaked = (place: string) => ({
    state: 'revoked',
    revoked_by: 'leak-report',
    revoked_reason: `leaked: ${place}`,
  })

  test(
    'by command: a stranger has it revoked, and hears when it was dead or is unknown',
    async () => {
      const { id, secret } = await newToken(server, 'alice')
      await found(secret)
      const first = await shell(block('report'))
      expect(first).toMatchObject({ exitCode: 0 })
      expect(first.stdout).toContain(`Revoked ${id}`)
      expect(await shown(id)).toMatchObject(leaked('https://git.example.com/infra/deploy, line 12'))
      expect((await shell(block('report'))).stdout).toContain('was dead before')
      await found(secret.slice(0, -1))
      expect(await shell(block('report'))).toMatchObject({ exitCode: 1 })

      expect((await fetch(`${server.url}/api/v1/me`, { headers: { authorization: `Bearer ${secret}` } })).status).toBe(
        401,
      )
      const seen = await shell(block('look'), { COUNTERSIGN_KEY: server.bootstrapKey })
      expect(seen).toMatchObject({ exitCode: 0 })
      expect(seen.stdout).toContain(id)
      expect(seen.stdout).toContain('leak-report')
    },
    PATIENCE_MS,
  )

  test('by curl: the same, and the token stands in no argument', async () => {
    const { id, secret } = await newToken(server, 'alice')
    await found(secret)
    const script = substitute(block('curl'), { '127.0.0.1:8420': server.address })
    const first = await shell(script)
    expect(JSON.parse(first.stdout)).toEqual({ outcome: 'revoked', id })
    expect(await shown(id)).toMatchObject(leaked('build log 812'))
    expect(JSON.parse((await shell(script)).stdout)).toEqual({ outcome: 'dead', id })
  })

  test(
    'from a scanner: the rules are printed, and all that was found is reported, whatever it is',
    async () => {
      expect(await shell(block('rules'))).toMatchObject({ exitCode: 0 })
      const tokens = [await newToken(server, 'alice'), await newToken(server, 'alice')]
      const findings = ['cs_key_wrong', ...tokens.map(({ secret }) => secret)].map((Secret, at) => ({
        ...{ Secret, File: `deploy ${at}.sh`, StartLine: at + 1 },
      }))
      await writeFile(join(home, 'gitleaks.json'), JSON.stringify(findings))
      expect(await shell(block('scan'))).toMatchObject({ exitCode: 0 })
      for (const [at, { id }] of tokens.entries()) {
        expect(await shown(id)).toMatchObject(leaked(`deploy ${at + 1}.sh, line ${at + 2}`))
      }
    },
    PATIENCE_MS,
  )

  test(
    'the bootstrap key: reported it opens nothing, and the host lets its owner in again',
    async () => {
      await found(server.bootstrapKey)
      expect((await shell(block('report'))).stdout).toContain('Revoked bootstrap')
      expect((await server.call('GET', '/me')).status).toBe(401)
      const { databaseUrl } = await databaseOf(data)
      const again = await shell(block('bootstrap'), {
        COUNTERSIGN_DATA_DIR: data,
        ...(databaseUrl !== undefined && { COUNTERSIGN_DATABASE_URL: databaseUrl }),
      })
      expect(again).toMatchObject({ exitCode: 0 })
      expect((await server.call('GET', '/me')).status).toBe(200)
    },
    PATIENCE_MS,
  )

  describe('of a service client', () => {
    beforeAll(async () => {
      const rules = [{ path: '/**', require: { scopes: ['account:usage:read'] } }]
      const scopes = ['account:usage:read']
      const identifier = 'https://usage.example.com'
      await server.make('/resources', { name: 'usage', identifier, hosts: ['usage.example.com'], scopes, rules })
      await server.make('/clients', { id: 'billing' })
      await server.make('/permissions', { client: 'billing', resource: 'usage', scopes })
    })

    const admin = () => ({ COUNTERSIGN_KEY: server.bootstrapKey })
    const newSecret = async () => {
      const { id, secret } = await server.make('/clients/billing/secrets', {})
      return { id: String(id), secret: String(secret) }
    }
    const tokenBy = async ({ secret }: { secret: string }) => {
      const answer = await fetch(`${server.url}/oauth/token`, {
        method: 'POST',
        headers: basicOf('billing', secret),
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      })
      return answer.status === 200 ? ((await answer.json()) as { access_token: string }).access_token : undefined
    }
    const statusOf = async (token: string | undefined) => {
      const { status } = await fetch(`${server.url}/verify/forward`, {
        headers: {
          ...{ 'x-forwarded-method': 'GET', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'usage.example.com' },
          ...{ 'x-forwarded-uri': '/', authorization: `Bearer ${token}` },
        },
      })
      return status
    }
    const idOf = (jwt: string) => JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()).jti as string

    for (const format of ['jwt', 'opaque']) {
      test(`a token as ${format}: its finder, or its client, has it revoked, and no other`, async () => {
        await change(server, '/resources/usage', { access_token: { format } })
        const secret = await newSecret()
        const [reported, own, other] = [await tokenBy(secret), await tokenBy(secret), await tokenBy(secret)]
        await found(String(reported))
        expect((await shell(block('report'))).stdout).toContain('Revoked at_')
        await found(String(own))
        await writeFile(join(home, 'billing.secret'), `${secret.secret}\n`)
        const script = block('own-token').replaceAll('http://127.0.0.1:8420', server.url)
        expect(await shell(script)).toMatchObject({ exitCode: 0 })
        expect(await Promise.all([reported, own, other].map(statusOf))).toEqual([401, 401, 200])
      })
    }

    test('tokens by id, and all that were issued before a moment', async () => {
      await change(server, '/resources/usage', { access_token: { format: 'jwt' } })
      const secret = await newSecret()
      const [known, unknown] = [String(await tokenBy(secret)), await tokenBy(secret)]
      const [byId = '', byAge = ''] = block('tokens').trim().split('\n')
      expect(await shell(byId, { TOKEN_ID: idOf(known), ...admin() })).toMatchObject({ exitCode: 0 })
      expect([await statusOf(known), await statusOf(unknown)]).toEqual([401, 200])
      const inAMoment = new Date(Date.now() + 1000).toISOString()
      const script = substitute(byAge, { '2030-01-31T12:00:00Z': inAMoment })
      expect(await shell(script, admin())).toMatchObject({ exitCode: 0 })
      expect(await statusOf(unknown)).toBe(401)
      await until('the next token to live', async () => (await statusOf(await tokenBy(secret))) === 200)
    })

    test('a secret: what it got dies with it, and what the next one got lives', async () => {
      const leaked = await newSecret()
      const token = await tokenBy(leaked)
      expect(await shell(block('secret'), { SECRET_ID: leaked.id, ...admin() })).toMatchObject({ exitCode: 0 })
      expect([await tokenBy(leaked), await statusOf(token)]).toEqual([undefined, 401])
      const next = (await readFile(join(home, 'billing.secret.new'), 'utf8')).trim()
      expect(await statusOf(await tokenBy({ secret: next }))).toBe(200)
    })

    test('a signing key: what it signed is refused, and tokens that are got then are not', async () => {
      const secret = await newSecret()
      const before = await tokenBy(secret)
      expect(await statusOf(before)).toBe(200)
      expect(await shell(block('signing-key'), admin())).toMatchObject({ exitCode: 0 })
      expect([await statusOf(before), await statusOf(await tokenBy(secret))]).toEqual([401, 200])
    })

    test('a private key: all that the client had is dead, and what it is given then works', async () => {
      const fromGuide = (name: string) =>
        guideBlock('service-to-service.md', name).replaceAll('npx countersign', 'countersign')
      const tokenByKey = async () => {
        const key = await readFile(join(home, 'billing.key'), 'utf8')
        const authentication = privateKeyJwt({ key, alg: 'ES256' })
        const source = tokenSource({ issuer: server.url, clientId: 'billing', authentication })
        return source.token().then(
          ({ token }) => token,
          () => undefined,
        )
      }
      const register = ['key', 'register-key'].map(fromGuide).join('\n')
      expect(await shell(register, admin())).toMatchObject({ exitCode: 0 })
      const token = await tokenByKey()
      expect(await statusOf(token)).toBe(200)
      expect(await shell(block('client'), admin())).toMatchObject({ exitCode: 0 })
      expect([await statusOf(token), await tokenByKey()]).toEqual([401, undefined])
      expect(await shell(register, admin())).toMatchObject({ exitCode: 0 })
      expect(await statusOf(await tokenByKey())).toBe(200)
      const next = (await readFile(join(home, 'billing.secret.new'), 'utf8')).trim()
      await change(server, '/clients/billing', { token_endpoint_auth_methods: ['client_secret_basic'] })
      expect(await statusOf(await tokenBy({ secret: next }))).toBe(200)
    })
  })
})
