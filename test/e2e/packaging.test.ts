// What others install from: the single file, which is built and run; the images and units, which are read.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseConfig } from '@countersign/server'
import { parse } from 'yaml'
import { buildBinary } from '../../scripts/build.ts'
import { guideBlock, ROOT } from '../support/guide.ts'
import { freePort } from '../support/loopback.ts'
import { type Program, run, startProgram } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

describe('the single file', () => {
  const teardown = new Teardown()
  let binary = ''
  let home = ''
  let server: Program
  const address = `127.0.0.1:${freePort()}`
  // Nothing of this machine is in its way, or of help.
  const env = () => ({
    PATH: '/nonexistent',
    HOME: home,
    COUNTERSIGN_LISTEN: address,
    COUNTERSIGN_DATA_DIR: join(home, 'data'),
  })
  const countersign = (...args: string[]) => run([binary, ...args], { cwd: home, env: env() })

  beforeAll(async () => {
    home = await teardown.temporaryDirectory('binary')
    binary = await buildBinary(join(home, 'countersign'))
    server = await startProgram({
      name: 'the single file',
      command: [binary, 'serve'],
      cwd: home,
      env: { ...env(), PATH: '/usr/bin:/bin' },
      ready: async () => (await countersign('health')).exitCode === 0,
    })
    teardown.add(server.stop)
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  test(
    'runs the server, makes a key, lets it pass, and says why another one does not',
    async () => {
      expect((await countersign('--help')).stdout).toContain('serve')
      const said = [
        [
          'resource',
          'create',
          'webdav',
          '--identifier',
          'https://webdav.example.com',
          '--host',
          'webdav.example.com',
          '--scope',
          'files:read',
          '--rule',
          '* /** files:read',
        ],
        ['client', 'create', 'canister'],
        ['permission', 'create', '--client', 'canister', '--resource', 'webdav', '--scope', 'files:read'],
      ]
      for (const args of said)
        expect([args, await countersign(...args)]).toEqual([args, expect.objectContaining({ exitCode: 0 })])
      const { key } = JSON.parse((await countersign('key', 'create', 'canister', '--json')).stdout) as { key: string }
      const ask = (shown: string) =>
        fetch(`http://${address}/verify/forward`, {
          headers: {
            ...{ 'X-Forwarded-Method': 'GET', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'webdav.example.com' },
            ...{ 'X-Forwarded-Uri': '/', 'X-Forwarded-For': '192.0.2.1', Authorization: `Bearer ${shown}` },
          },
        })
      expect((await ask(key)).status).toBe(200)
      const refused = await ask(`${key.slice(0, -1)}x`)
      expect(refused.status).toBe(401)
      const why = await countersign('why', refused.headers.get('countersign-decision') ?? '')
      expect(why.stdout).toContain('REFUSED 401')
    },
    PATIENCE_MS,
  )

  test(
    'backs up, and stops when it is asked to',
    async () => {
      expect(await countersign('backup', join(home, 'monday.db'))).toMatchObject({ exitCode: 0 })
      await server.stop()
      expect(await countersign('health')).toMatchObject({
        exitCode: 4,
        stderr: expect.stringContaining('Cannot reach'),
      })
    },
    PATIENCE_MS,
  )
})

describe('the Compose files', () => {
  type Service = {
    readonly environment?: Readonly<Record<string, string>>
    readonly secrets?: readonly string[]
    readonly networks?: readonly string[]
    readonly volumes?: readonly string[]
  }
  type Compose = {
    readonly services: Readonly<Record<string, Service>>
    readonly secrets: Readonly<Record<string, object>>
    readonly volumes: Readonly<Record<string, object>>
    readonly networks: Readonly<Record<string, { internal?: boolean; ipam?: { config: { subnet: string }[] } }>>
  }
  const one = parse(read('packaging/docker/compose.yaml')) as Compose
  const two = parse(read('packaging/docker/compose.postgres.yaml'), { merge: true }) as Compose
  const servers = {
    'compose.yaml: countersign': one.services.countersign,
    'compose.postgres.yaml: countersign': {
      ...one.services.countersign,
      environment: { ...one.services.countersign?.environment, ...two.services.countersign?.environment },
    },
    'compose.postgres.yaml: countersign-2': two.services['countersign-2'],
  }
  const SECRETS: Record<string, string> = {
    '/run/secrets/bootstrap-key': 'x'.repeat(64),
    '/run/secrets/kek': Buffer.alloc(32, 7).toString('base64'),
    '/run/secrets/database-url': 'postgres://countersign:x@postgres/countersign',
  }

  test.each(Object.entries(servers))('%s is a configuration that a server takes', (_name, service) => {
    const parsed = parseConfig({
      env: service?.environment ?? {},
      flags: {},
      readFile: (path) => SECRETS[path] ?? `no file ${path}`,
    })
    expect(parsed).toHaveProperty('config')
  })

  test('name secrets, volumes and networks that there are', () => {
    const [secrets, volumes] = [
      { ...one.secrets, ...two.secrets },
      { ...one.volumes, ...two.volumes },
    ]
    for (const { services } of [one, two]) {
      for (const service of Object.values(services)) {
        for (const secret of service.secrets ?? []) expect(Object.keys(secrets)).toContain(secret)
        for (const network of service.networks ?? [])
          expect(Object.keys({ ...one.networks, ...two.networks })).toContain(network)
        for (const volume of service.volumes ?? []) {
          const [from = ''] = volume.split(':')
          if (!from.startsWith('.')) expect(Object.keys(volumes)).toContain(from)
        }
        for (const [name, value] of Object.entries(service.environment ?? {})) {
          if (name.endsWith('_FILE')) expect(service.secrets ?? []).toContain(value.replace('/run/secrets/', ''))
        }
      }
    }
    expect(two.services['countersign-2']?.environment).toMatchObject({
      ...one.services.countersign?.environment,
      ...two.services.countersign?.environment,
      COUNTERSIGN_NODE_NAME: 'countersign-2',
    })
  })

  test('trust as proxies the very network that Caddy and the servers are alone in, and publish Caddy alone', () => {
    const networks = { ...one.networks, ...two.networks }
    const subnet = networks.asking?.ipam?.config[0]?.subnet
    // Whoever is in it may ask, and say who calls.
    const asking = [one, two].flatMap(({ services }) =>
      Object.entries(services).flatMap(([name, service]) => (service.networks?.includes('asking') ? [name] : [])),
    )
    expect(new Set(asking)).toEqual(new Set(['caddy', 'countersign', 'countersign-2']))
    for (const name of ['asking', 'inside', 'behind']) expect(networks[name]).toMatchObject({ internal: true })
    expect(one.services.countersign?.environment?.COUNTERSIGN_TRUSTED_PROXIES).toBe(subnet)
    const published = [one, two].flatMap(({ services }) =>
      Object.entries(services).flatMap(([name, service]) => ('ports' in service ? [name] : [])),
    )
    expect(published).toEqual(['caddy'])
  })

  test('have Caddy find each server by the one network on which it is believed', () => {
    const three = parse(guideBlock('docker.md', 'compose.override.yaml')) as Compose
    // What several files say of a service comes together.
    const networksOf = (name: string) =>
      new Set([one, two, three].flatMap(({ services }) => services[name]?.networks ?? []))
    const shared = (name: string) => [...networksOf(name)].filter((network) => networksOf('caddy').has(network))
    expect([shared('countersign'), shared('countersign-2')]).toEqual([['asking'], ['asking']])

    const ways = Object.entries({ ...one.networks, ...two.networks, ...three.networks }).flatMap(([name, network]) =>
      network.internal === true ? [] : [name],
    )
    expect([...networksOf('countersign')].filter((name) => ways.includes(name))).toEqual(['fetching'])
    for (const name of ['webdav', 'postgres']) expect([...networksOf(name)].filter((n) => ways.includes(n))).toEqual([])
  })

  test('have the site of the guide for Caddy', () => {
    const site = guideBlock('caddy.md', 'Caddyfile')
      .replaceAll('127.0.0.1:8420', 'countersign:8421')
      .replaceAll('127.0.0.1:8080', 'webdav:8080')
    expect(read('packaging/docker/Caddyfile')).toContain(site)
  })
})

describeWith(['caddy'], 'the Caddyfile of the Compose files', () => {
  test('is one that Caddy takes', async () => {
    const path = join(ROOT, 'packaging/docker/Caddyfile')
    const teardown = new Teardown()
    const home = await teardown.temporaryDirectory('caddy')
    mkdirSync(join(home, 'data'))
    const said = await run(['caddy', 'validate', '--config', path, '--adapter', 'caddyfile'], { env: { HOME: home } })
    await teardown.run()
    expect(said).toMatchObject({ exitCode: 0 })
  })
})

describeWith(['bash', 'openssl'], 'the secrets of the Compose files', () => {
  const teardown = new Teardown()
  afterAll(() => teardown.run(), PATIENCE_MS)

  test('are made for the container to read, in a folder that is for nobody else', async () => {
    const home = await teardown.temporaryDirectory('compose')
    const inGuide = guideBlock('docker.md', 'compose')
      .replace(/^cd .*\n/, '')
      .replace(/^docker compose up\n/m, '')
    const comment = read('packaging/docker/compose.postgres.yaml').replaceAll(/^#/gm, '')
    const [, inComment = ''] = /made like the others: ([\s\S]*?chmod .*)$/m.exec(comment) ?? []
    for (const recipe of [inGuide, inComment]) {
      const said = await run(['bash', '-euc', `umask 022\n${recipe}`], { cwd: home, env: {} })
      expect(said).toMatchObject({ exitCode: 0, stderr: '' })
    }
    const modeOf = (name: string) => (statSync(join(home, 'secrets', name)).mode & 0o777).toString(8)
    expect(modeOf('.')).toBe('700')
    for (const name of ['bootstrap-key', 'kek', 'postgres-password', 'database-url']) expect(modeOf(name)).toBe('644')
    expect(
      parseConfig({
        env: {
          COUNTERSIGN_BOOTSTRAP_KEY_FILE: 'bootstrap-key',
          COUNTERSIGN_KEK_FILE: 'kek',
          COUNTERSIGN_DATABASE_URL_FILE: 'database-url',
        },
        flags: {},
        readFile: (name) => readFileSync(join(home, 'secrets', name), 'utf8'),
      }),
    ).toHaveProperty('config')
  })
})

describeWith(['git'], 'a build of the image', () => {
  test('takes in all that is in the repository, and nothing that is secret or kept', async () => {
    const patterns = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
    const globs = patterns.map((pattern) => new Bun.Glob(pattern))
    // What is in a folder that is left out is left out.
    const isLeftOut = (path: string) =>
      path.split('/').some((_, n, parts) => globs.some((glob) => glob.match(parts.slice(0, n + 1).join('/'))))
    const kept = [
      ...['bootstrap-key', 'kek', 'postgres-password', 'database-url'].map(
        (name) => `packaging/docker/secrets/${name}`,
      ),
      ...['data/countersign.db', 'packages/cli/data/kek', 'kek', 'home/bootstrap-key', 'canister.key', 'tls/site.pem'],
      ...[
        'packaging/docker/monday.db',
        'countersign.db-wal',
        '.env',
        'examples/.env.local',
        'countersign.log',
        '.git/config',
      ],
    ]
    expect(kept.filter((path) => !isLeftOut(path))).toEqual([])
    const { stdout } = await run(['git', 'ls-files'], { cwd: ROOT })
    const files = stdout.trim().split('\n')
    expect(files).toContain('package-lock.json')
    expect(files.filter(isLeftOut)).toEqual([])
    expect(read('.gitignore')).toMatch(/^packaging\/docker\/secrets\/$/m)
  })
})

test('the unit is that of the guide', () => {
  expect(read('packaging/countersign.service')).toBe(guideBlock('install.md', 'countersign.service'))
})

test('the Dockerfile builds what npm run build builds, and starts it as a user without rights', () => {
  const text = read('packaging/docker/Dockerfile')
  expect(text).toContain('npm run build')
  expect(text).toContain('COPY --from=build /build/dist/countersign /usr/local/bin/countersign')
  expect(text).toMatch(/^FROM \S+:nonroot$/m)
  // Not by way of a shell, which would keep SIGTERM to itself.
  expect(text).toContain('ENTRYPOINT ["/usr/local/bin/countersign"]')
  for (const port of ['8420', '8421']) expect(text).toMatch(new RegExp(`^EXPOSE .*${port}`, 'm'))
})
