// The commands of the guides, word for word. Only addresses and paths are those of the test.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startCaddy } from '../support/caddy.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { guideBlock, ROOT, substitute } from '../support/guide.ts'
import { startHaproxy } from '../support/haproxy.ts'
import { freePort } from '../support/loopback.ts'
import { startNginx } from '../support/nginx.ts'
import { type Finished, type Program, run, startProgram } from '../support/program.ts'
import type { StartProxy } from '../support/proxy.ts'
import { startRecorder } from '../support/recorder.ts'
import { describeWith } from '../support/requires.ts'
import { openGitStage, type Stage } from '../support/stage.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const keyIn = (text: string) => /\bcs_key_[0-9A-Za-z]{49}\b/.exec(text)?.[0] ?? 'no key was shown'

/** What a proxy says when somebody wants to list the root of webdav.example.com. */
const listing = (key: string, host = 'webdav.example.com'): Record<string, string> => ({
  'x-forwarded-method': 'PROPFIND',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': host,
  'x-forwarded-uri': '/',
  authorization: `Bearer ${key}`,
})

describeWith(['bash', 'curl', 'npx'], 'the commands of the guide for Caddy', () => {
  const teardown = new Teardown()
  let server: CountersignServer
  let home: string
  beforeAll(async () => {
    home = await teardown.temporaryDirectory('home')
  })
  afterAll(() => teardown.run(), PATIENCE_MS)

  const fresh = async () => {
    server = await startCountersign(await teardown.temporaryDirectory('data'))
    teardown.add(server.stop)
  }
  const shell = (script: string): Promise<Finished> =>
    run(['bash', '-euc', script], {
      cwd: ROOT,
      env: {
        HOME: home,
        COUNTERSIGN_SERVER: server.url,
        COUNTERSIGN_KEY: server.bootstrapKey,
        ADMIN_KEY: server.bootstrapKey,
      },
    })
  const mayList = async (key: string, host?: string) =>
    (await fetch(`${server.url}/verify/forward`, { headers: listing(key, host) })).status === 200

  test(
    'by command: resource, client, permission and a key that works',
    async () => {
      await fresh()
      const made = await shell(guideBlock('caddy.md', 'by-command'))
      expect(made).toMatchObject({ exitCode: 0 })
      expect(await mayList(keyIn(made.stdout))).toBe(true)
      expect(await shell(guideBlock('caddy.md', 'forge'))).toMatchObject({ exitCode: 0 })
    },
    PATIENCE_MS,
  )

  test(
    'a port that was forgotten is added',
    async () => {
      await fresh()
      const made = await shell(guideBlock('caddy.md', 'by-command'))
      const mayListAtPort = () => mayList(keyIn(made.stdout), 'webdav.example.com:8443')
      expect(await mayListAtPort()).toBe(false)
      expect(await shell(guideBlock('caddy.md', 'port'))).toMatchObject({ exitCode: 0 })
      expect([await mayListAtPort(), await mayList(keyIn(made.stdout))]).toEqual([true, true])
    },
    PATIENCE_MS,
  )

  test(
    'by API: the same',
    async () => {
      await fresh()
      const made = await shell(substitute(guideBlock('caddy.md', 'by-api'), { '127.0.0.1:8420': server.address }))
      expect(made).toMatchObject({ exitCode: 0 })
      expect(await mayList(keyIn(made.stdout))).toBe(true)
      const { body } = await server.call('GET', '/resources/webdav')
      expect(body).toMatchObject({ hosts: ['webdav.example.com'], scopes: ['files:read', 'files:write'] })
    },
    PATIENCE_MS,
  )
})

describeWith(['bash', 'caddy', 'git'], 'git as the guide for Caddy shows it', () => {
  const teardown = new Teardown()
  let stage: Stage
  let home: string
  beforeAll(async () => {
    stage = await openGitStage(startCaddy)
    teardown.add(stage.close)
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  const shell = (script: string, key: string): Promise<Finished> =>
    run(['bash', '-euc', substitute(script, { 'https://git.example.com': stage.url })], {
      cwd: home,
      env: { HOME: home, KEY: key, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' },
    })
  const git = (...args: string[]): Promise<Finished> =>
    run(['git', '-c', 'user.name=Canister', '-c', 'user.email=canister@example.com', ...args], {
      cwd: join(home, 'project'),
      env: { HOME: home, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' },
    })
  const cloneByNetrc = async (key: string) => {
    home = await teardown.temporaryDirectory('clone')
    const script = substitute(guideBlock('caddy.md', 'git-netrc'), { 'machine git.example.com': 'machine localhost' })
    expect(await shell(script, key)).toMatchObject({ exitCode: 0 })
  }
  const commit = () => git('commit', '--allow-empty', '--message', 'Say nothing')

  test(
    'with ~/.netrc it clones and pushes, and keeps the key there alone',
    async () => {
      const { secret } = await stage.newKey()
      await cloneByNetrc(secret)
      expect((await stat(join(home, '.netrc'))).mode & 0o777).toBe(0o600)
      await commit()
      expect(await git('push', 'origin', 'HEAD:main')).toMatchObject({ exitCode: 0 })
      expect(await filesWith(secret, home)).toEqual(['.netrc'])
    },
    PATIENCE_MS,
  )

  test(
    'with the key in the environment it clones, and keeps the key nowhere',
    async () => {
      home = await teardown.temporaryDirectory('clone')
      const { secret } = await stage.newKey()
      const cloned = await shell(guideBlock('caddy.md', 'git-once'), secret)
      expect(cloned).toMatchObject({ exitCode: 0 })
      expect(await filesWith(secret, home)).toEqual([])

      const wrong = await shell(guideBlock('caddy.md', 'git-once').replace(/clone/, 'ls-remote'), 'cs_key_wrong')
      expect(wrong.exitCode).not.toBe(0)
      expect(wrong.stderr).not.toContain('cs_key_wrong')
    },
    PATIENCE_MS,
  )

  test(
    'a read-only key sees the branches at a push, and what it pushes is refused with 403',
    async () => {
      await cloneByNetrc((await stage.newKey()).secret)
      await commit()
      expect(await git('push', 'origin', 'HEAD:main')).toMatchObject({ exitCode: 0 })

      await cloneByNetrc((await stage.newKey(['repo:read'])).secret)
      const idle = await git('push', 'origin', 'HEAD:main')
      expect(idle).toMatchObject({ exitCode: 0, stderr: 'Everything up-to-date\n' })
      await commit()
      const pushed = await git('push', 'origin', 'HEAD:main')
      expect(pushed.exitCode).not.toBe(0)
      expect(pushed.stderr).toContain('403')
    },
    PATIENCE_MS,
  )
})

/** The files below a directory that hold this text. */
async function filesWith(text: string, directory: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    if ((await readFile(path)).includes(text)) found.push(path.slice(directory.length + 1))
  }
  return found
}

/** `Environment=` and `ExecStart=` of the unit of the guide for Debian. */
function readUnit(unit: string) {
  const values = (name: string) =>
    [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value ?? '')
  const environment = values('Environment').map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string])
  const [command = ''] = values('ExecStart')
  return { environment: Object.fromEntries(environment), command: command.split(' ') }
}

describeWith(['bash', 'curl', 'caddy'], 'the guide for Debian', () => {
  const teardown = new Teardown()
  const address = `127.0.0.1:${freePort()}`
  let machine: string
  let server: Program
  let socket: string
  let key: string
  const at = (path: string) => join(machine, path)

  /** A block of the guide with the paths of the test's own machine. */
  const block = (file: string) => {
    const places: Record<string, string> = {
      '/opt/countersign': ROOT,
      '/var/lib/countersign': at('lib'),
      '/var/backups/countersign': at('backups'),
      '/run/countersign': at('run'),
      '127.0.0.1:8420': address,
    }
    const text = guideBlock('install.md', file)
    return substitute(text, Object.fromEntries(Object.entries(places).filter(([place]) => text.includes(place))))
  }
  const start = async () => {
    const { environment, command } = readUnit(block('countersign.service'))
    const ready = () =>
      fetch(`http://${address}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      )
    server = await startProgram({ name: 'the unit', command, cwd: '/', env: environment, ready })
    teardown.add(server.stop)
  }
  const shell = (script: string): Promise<Finished> =>
    run(['bash', '-euc', script], { cwd: machine, env: { HOME: machine, COUNTERSIGN_SERVER: `http://${address}` } })
  const ask = (shown: string) => fetch('http://countersign/verify/forward', { unix: socket, headers: listing(shown) })

  beforeAll(async () => {
    machine = await teardown.temporaryDirectory('machine')
    socket = at('run/verify.sock')
    for (const folder of ['lib', 'run']) await mkdir(at(folder), { mode: 0o700 })
    await start()
    const steps = guideBlock('caddy.md', 'by-command').replaceAll('npx countersign', 'countersign')
    const made = await shell(`${block('command')}\n${steps}`)
    expect(made).toMatchObject({ exitCode: 0 })
    key = keyIn(made.stdout)
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  test('the unit is one that systemd takes', async () => {
    if (Bun.which('systemd-analyze') === null) return
    const path = at('countersign.service')
    await writeFile(path, block('countersign.service'))
    expect(await run(['systemd-analyze', 'verify', '--man=no', path])).toMatchObject({ exitCode: 0, stderr: '' })
  })

  test('its shell blocks are shell', async () => {
    for (const file of ['install', 'start', 'command', 'group', 'upgrade']) {
      expect(await run(['bash', '-n', '-c', guideBlock('install.md', file)])).toMatchObject({ exitCode: 0, stderr: '' })
    }
  })

  test('the first admin key is a file that only its owner reads', async () => {
    expect((await stat(at('lib/admin-key'))).mode & 0o777).toBe(0o600)
    expect((await stat(socket)).mode & 0o777).toBe(0o660)
  })

  test('questions are answered at the socket, and not where the management API is', async () => {
    const answer = await ask(key)
    expect([answer.status, answer.headers.get('remote-user')]).toEqual([200, 'client:canister'])
    for (const path of ['/verify/forward', '/verify/nginx', '/api/verify']) {
      expect((await fetch(`http://${address}${path}`, { headers: listing(key) })).status).toBe(404)
    }
    expect((await fetch('http://countersign/api/v1/me', { unix: socket })).status).toBe(404)
  })

  const PROXIES: readonly [string, StartProxy, string, string][] = [
    ['caddy', startCaddy, 'forward_auth unix//run/countersign/verify.sock {', 'unix/'],
    ['nginx', startNginx, 'server unix:/run/countersign/verify.sock;', 'unix:'],
    ['haproxy', startHaproxy, 'server countersign unix@/run/countersign/verify.sock', 'unix@'],
  ]
  for (const [name, startProxy, line, prefix] of PROXIES) {
    test.skipIf(Bun.which(name, { PATH: `${process.env.PATH}:/usr/sbin` }) === null)(
      `${name} asks at the socket`,
      async () => {
        expect(await readFile(join(ROOT, 'docs/guides/install.md'), 'utf8')).toContain(`\`${line}\``)
        const recorder = startRecorder(() => new Response('served'))
        teardown.add(recorder.stop)
        const port = freePort()
        const directory = await teardown.temporaryDirectory('proxy')
        const verifyAddress = `${prefix}${socket}`
        const proxy = await startProxy({ port, verifyAddress, upstreamPort: recorder.port, directory })
        teardown.add(proxy.stop)
        const get = (authorization: string) =>
          fetch(`http://localhost:${port}/`, { method: 'PROPFIND', headers: { authorization } })
        const added = await shell(
          `${block('command')}\necho '{"hosts":["webdav.example.com","localhost:${port}"]}' |
           countersign resource update webdav --file -`,
        )
        expect(added).toMatchObject({ exitCode: 0 })
        expect((await get('Bearer wrong')).status).toBe(401)
        expect((await get(`Bearer ${key}`)).status).toBe(200)
        expect(recorder.take().map(({ headers }) => headers.get('remote-user'))).toEqual(['client:canister'])
      },
      PATIENCE_MS,
    )
  }

  test(
    'the site for the public URL shows the keys and answers no questions',
    async () => {
      const port = freePort()
      const site = substitute(block('Caddyfile'), { 'auth.example.com': `http://localhost:${port}` })
      const caddyfile = at('Caddyfile')
      await writeFile(caddyfile, `{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n${site}`)
      const url = `http://localhost:${port}`
      const caddy = await startProgram({
        name: 'caddy',
        command: ['caddy', 'run', '--config', caddyfile, '--adapter', 'caddyfile'],
        env: { HOME: machine },
        ready: () =>
          fetch(`${url}/healthz`).then(
            ({ ok }) => ok,
            () => false,
          ),
      })
      teardown.add(caddy.stop)
      expect(await (await fetch(`${url}/.well-known/jwks.json`)).json()).toMatchObject({ keys: [{ kty: 'EC' }] })
      expect((await fetch(`${url}/verify/forward`, { headers: listing(key) })).status).toBe(404)
    },
    PATIENCE_MS,
  )

  test(
    'the database does not start with another kek',
    async () => {
      await server.stop()
      await Bun.file(at('lib/kek')).delete()
      const { environment, command } = readUnit(block('countersign.service'))
      const failed = await run(command, { cwd: '/', env: environment })
      expect(failed.exitCode).not.toBe(0)
      expect(failed.stdout + failed.stderr).toMatch(/\bkek\b.*restore|restore.*\bkek\b/)
    },
    PATIENCE_MS,
  )
})
