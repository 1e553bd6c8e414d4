// The guide to service clients, word for word: every block of it is run. Only addresses and paths are those of the test.

import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { basicOf } from '../support/app.ts'
import { startCaddy } from '../support/caddy.ts'
import { startCountersign } from '../support/countersign-server.ts'
import { guideBlock, ROOT, substitute } from '../support/guide.ts'
import { freePort } from '../support/loopback.ts'
import { change } from '../support/people.ts'
import { type Finished, run } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { openScene, type Scene } from '../support/stage.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const ACME = '/api/internal/accounts/acme/usage'
const used = new Set<string>()

describeWith(['caddy', 'curl', 'bash', 'openssl'], 'the guide to service clients', () => {
  const teardown = new Teardown()
  let scene: Scene
  let home: string
  beforeAll(async () => {
    home = await teardown.temporaryDirectory('billing')
    await symlink(join(ROOT, 'node_modules'), join(home, 'node_modules'))
    const told = ({ headers }: Request) => ({
      user: headers.get('remote-user'),
      project: headers.get('remote-project'),
    })
    scene = await openScene(startCaddy, teardown, { files: home, service: (request) => Response.json(told(request)) })
    await shell(substitute(block('register'), { '--host usage.example.com': `--host ${scene.host}` }))
    await shell(block('secret'))
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)
  beforeEach(() => void scene.recorder.take())

  const block = (name: string) => {
    used.add(name)
    const text = guideBlock('service-to-service.md', name).replaceAll('https://usage.example.com', scene.url)
    return text.replaceAll('http://127.0.0.1:8420', scene.server.url).replaceAll('npx countersign', 'countersign')
  }
  /** Runs a script where the secrets are, in a shell that knows no key but the administrator's. */
  const tried = (script: string, environment: Record<string, string> = {}): Promise<Finished> =>
    run(['bash', '-euo', 'pipefail', '-c', script], {
      cwd: home,
      env: {
        HOME: home,
        PATH: `${ROOT}/node_modules/.bin:${process.env.PATH}`,
        COUNTERSIGN_SERVER: scene.server.url,
        COUNTERSIGN_KEY: scene.server.bootstrapKey,
        ADMIN_KEY: scene.server.bootstrapKey,
        ...environment,
      },
    })
  const shell = async (script: string, environment: Record<string, string> = {}) => {
    const done = await tried(script, environment)
    expect(done).toMatchObject({ exitCode: 0 })
    return done.stdout
  }
  const call = (token: string, path = ACME) =>
    fetch(`${scene.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
  const tokenIn = (answer: string) => (JSON.parse(answer) as { access_token: string }).access_token
  const newToken = async () => tokenIn(await shell(block('curl')))
  const program = async (name: string, values: Readonly<Record<string, string>> = {}) => {
    await writeFile(join(home, `${name}.ts`), substitute(block(name), values))
    return shell(`bun ${name}.ts`)
  }
  const BILLING = { user: 'client:billing', project: '*' }

  test('by curl: the token is that of the client, for the resource, and lives ten minutes', async () => {
    const answer = JSON.parse(await shell(block('curl')))
    const shown = JSON.parse(guideBlock('service-to-service.md', 'token-answer'))
    used.add('token-answer')
    expect(answer).toEqual({ ...shown, access_token: expect.stringMatching(/^eyJhbGciOiJFUzI1NiIs/) })
    expect(await (await call(answer.access_token)).json()).toEqual(BILLING)
  })

  test('the API makes secrets too, and the client shows its * where it is listed', async () => {
    expect(JSON.parse(await shell(block('secret-api')))).toMatchObject({ secret: expect.stringMatching(/^cs_secret_/) })
    expect(await shell('countersign client show billing')).toContain('account:usage:read; projects *')
  })

  test(
    'the script prints one token until shortly before its end, from a file for its owner alone',
    async () => {
      await writeFile(join(home, 'access-token'), block('access-token'))
      const kept = join(home, 'billing.token')
      expect(JSON.parse(await shell(block('use')))).toEqual(BILLING)
      const first = await shell('sh access-token')
      expect(await shell('sh access-token')).toBe(first)
      expect((await stat(kept)).mode & 0o777).toBe(0o600)

      const [until = ''] = (await readFile(kept, 'utf8')).split('\n')
      const left = Number(until) - Date.now() / 1000
      expect([left > 500, left <= 540]).toEqual([true, true])
      for (const spoilt of [`1\n${first}`, 'not a number\nnot a token\n', '']) {
        await writeFile(kept, spoilt)
        const next = (await shell('sh access-token')).trim()
        expect([next === first.trim(), (await call(next)).status]).toEqual([false, 200])
      }
    },
    PATIENCE_MS,
  )

  test(
    'the script shows no secret to who lists processes, and says why there is no token',
    async () => {
      await writeFile(join(home, 'access-token'), block('access-token'))
      const secret = (await readFile(join(home, 'billing.secret'), 'utf8')).trim()
      await rm(join(home, 'billing.token'), { force: true })
      const spied = '#!/bin/sh\nprintf "%s\\n" "$@" >> "$HOME/arguments"\nexec /usr/bin/env -S PATH="$REAL" curl "$@"\n'
      await writeFile(join(home, 'curl'), spied, { mode: 0o755 })
      await shell('REAL=$PATH PATH=$PWD:$PATH sh access-token')
      const shown = await readFile(join(home, 'arguments'), 'utf8')
      expect(shown).toContain('grant_type=client_credentials')
      expect(shown).not.toContain(secret)

      await rm(join(home, 'billing.token'))
      await writeFile(join(home, 'billing.secret'), 'cs_secret_wrong\n')
      const refused = await tried('sh access-token')
      await writeFile(join(home, 'billing.secret'), `${secret}\n`)
      expect(refused).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('invalid_client') })
      expect(await stat(join(home, 'billing.token')).catch(() => 'no file')).toBe('no file')
    },
    PATIENCE_MS,
  )

  test(
    'the library calls with a token that it fetched',
    async () => {
      expect(await program('library')).toBe(`200 ${JSON.stringify(BILLING)}\n`)
    },
    PATIENCE_MS,
  )

  test(
    'the command prints a token alone',
    async () => {
      const token = (await shell(block('command'))).trim()
      expect((await call(token)).status).toBe(200)
    },
    PATIENCE_MS,
  )

  test(
    'offline: the audience, the scope and the projects are seen, and no revocation',
    async () => {
      const source = block('offline')
      await writeFile(join(home, 'offline.ts'), source)
      const caller = `import { respond } from './offline.ts'
const [account, token] = process.argv.slice(2)
const answer = await respond(new Request('http://api/', { headers: { authorization: 'Bearer ' + token } }), account)
console.log(answer.status)`
      await writeFile(join(home, 'calls.ts'), caller)
      const offline = async (token: string, account = 'acme') => Number(await shell(`bun calls.ts ${account} ${token}`))
      const token = await newToken()
      const narrow = { resources: ['usage'], projects: ['apex'] }
      const made = await scene.server.make('/clients/billing/secrets', narrow)
      const confined = await fetch(`${scene.server.url}/oauth/token`, {
        method: 'POST',
        headers: basicOf('billing', String(made.secret)),
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      })
      const apex = tokenIn(await confined.text())
      expect([await offline(token), await offline(apex, 'apex'), await offline(apex)]).toEqual([200, 200, 403])
      await scene.revoke({ id: String(made.id) })
      expect([await offline(apex, 'apex'), (await call(apex)).status]).toEqual([200, 401])
      expect(await offline('cs_key_none')).toBe(401)
    },
    PATIENCE_MS,
  )

  test(
    'introspection: the resource’s own service learns what is so now, and nobody else',
    async () => {
      const token = await newToken()
      await shell(block('introspector'))
      const answer = JSON.parse(await shell(block('introspect'), { TOKEN: token }))
      expect(answer).toMatchObject({
        ...{ active: true, scope: 'account:usage:read', client_id: 'billing', sub: 'client:billing', projects: null },
      })
      expect((await scene.server.call('POST', '/leaks', { credential: token })).body).toMatchObject({
        outcome: 'revoked',
      })
      expect(JSON.parse(await shell(block('introspect'), { TOKEN: token }))).toEqual({ active: false })
    },
    PATIENCE_MS,
  )

  test(
    'opaque tokens work the same, live as long as is said, and cannot be read',
    async () => {
      await shell(block('opaque'))
      const { access_token, expires_in } = JSON.parse(await shell(block('curl')))
      expect([access_token, expires_in]).toEqual([expect.stringMatching(/^cs_at_/), 300])
      expect((await call(access_token)).status).toBe(200)
      await change(scene.server, '/resources/usage', { access_token: { format: 'jwt', ttl_seconds: 600 } })
    },
    PATIENCE_MS,
  )

  test(
    'fences: outside of them there is no token, and one that was got before is refused',
    async () => {
      const token = await newToken()
      await shell(block('networks'))
      expect((await tried(block('curl'))).stdout).toContain('invalid_client')
      expect((await call(token)).status).toBe(401)
      await change(scene.server, '/clients/billing', { networks: null })
      expect((await call(token)).status).toBe(200)
      await shell(block('internal'))
      expect((await tried(block('curl'))).stdout).toContain('invalid_client')
      await change(scene.server, '/clients/billing', { listener: 'any' })
      await newToken()
    },
    PATIENCE_MS,
  )

  test(
    'tokens can be issued on the internal listener alone',
    async () => {
      const internal = `127.0.0.1:${freePort()}`
      const settings = substitute(block('fence'), { '127.0.0.1:8421': internal })
      const environment = Object.fromEntries(
        settings
          .trim()
          .split('\n')
          .map((line) => line.split('=') as [string, string]),
      )
      const fenced = await startCountersign(await teardown.temporaryDirectory('fenced'), environment)
      teardown.add(fenced.stop)
      const ask = (address: string) => fetch(`http://${address}/oauth/token`, { method: 'POST' })
      expect([(await ask(fenced.address)).status, (await ask(internal)).status]).toEqual([404, 400])
    },
    PATIENCE_MS,
  )

  test(
    'why says what the caller was not told',
    async () => {
      const refused = await fetch(`${scene.server.url}/oauth/token`, {
        method: 'POST',
        headers: basicOf('nobody', (await readFile(join(home, 'billing.secret'), 'utf8')).trim()),
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      })
      expect([refused.status, await refused.json()]).toMatchObject([401, { error: 'invalid_client' }])
      const said = await shell(block('why'), { DECISION: refused.headers.get('countersign-decision') ?? '' })
      for (const told of ['client_mismatch', 'nobody', 'billing']) expect(said).toContain(told)

      const claimed = await fetch(`${scene.server.url}/oauth/token`, {
        method: 'POST',
        headers: basicOf('billing', 'cs_secret_wrong'),
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      })
      const id = claimed.headers.get('countersign-decision') ?? ''
      const [, , last, lastOfBilling] = ['', ...block('why').trim().split('\n')]
      const found = [await tried(last ?? ''), await tried(lastOfBilling ?? '')].map(({ stdout }) => stdout.includes(id))
      expect([id.startsWith('dec_'), ...found]).toEqual([true, true, false])
    },
    PATIENCE_MS,
  )

  test(
    'a key pair of openssl takes the place of the secret, named by the thumbprint that the command prints',
    async () => {
      await shell(block('key'))
      const registered = await tried(block('register-key'))
      expect(registered.exitCode).toBe(0)
      expect((await stat(join(home, 'billing.key'))).mode & 0o777).toBe(0o600)
      const [, shown = ''] = /: (\S{43})$/m.exec(block('kid')) ?? []
      const [, kid = ''] = /^The kid of the key in .*: (\S+)$/m.exec(registered.stderr) ?? []
      expect(registered.stderr).toBe(substitute(block('kid'), { '/home/you': home, [shown]: kid }))

      expect(await program('library-key', { [shown]: kid })).toBe(`200 ${JSON.stringify(BILLING)}\n`)
      const named = substitute(block('command-key').trim(), { '--resource': `--key-id ${kid} --resource` })
      for (const command of [block('command-key'), named]) {
        expect((await call((await shell(command)).trim())).status).toBe(200)
      }
      expect((await tried(block('curl'))).stdout).toContain('invalid_client')
    },
    PATIENCE_MS,
  )

  test('every block of the guide is run', () => {
    const guide = readFileSync(join(ROOT, 'docs/guides/service-to-service.md'), 'utf8')
    const blocks = [...guide.matchAll(/^```\w+(?: file=(\S+))?\n/gm)].map(([, file]) => file)
    expect(blocks.filter((file) => file === undefined || !used.has(file))).toEqual([])
  })
})
