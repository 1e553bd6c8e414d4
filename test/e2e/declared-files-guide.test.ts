// The guide to declared files, word for word. Only addresses and paths are those of the test.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Declaration, NewClient, NewGroup, NewIssuer, NewResource, NewTrustRule, NewUser } from '@countersign/admin-api'
import { formatCredential } from '@countersign/resource-server'
import { type CountersignServer, MAIN, startCountersign } from '../support/countersign-server.ts'
import { guideBlock, ROOT, substitute } from '../support/guide.ts'
import { freePort } from '../support/loopback.ts'
import { run, startProgram } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const GUIDE = 'declared-files.md'

describeWith(['bash', 'npx'], 'the guide to declared files', () => {
  const teardown = new Teardown()
  let server: CountersignServer
  let home: string
  beforeAll(async () => {
    home = await teardown.temporaryDirectory('home')
    server = await startCountersign(await teardown.temporaryDirectory('data'))
    teardown.add(server.stop)
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  const file = guideBlock(GUIDE, 'countersign.yaml')
  const write = (text: string) => writeFile(join(home, 'countersign.yaml'), text)
  const shell = (
    block: string,
    replaced: Record<string, string> = { 'countersign.yaml': join(home, 'countersign.yaml') },
  ) =>
    run(['bash', '-euc', substitute(guideBlock(GUIDE, block), replaced)], {
      cwd: ROOT,
      env: {
        ...{ HOME: home, COUNTERSIGN_SERVER: server.url, COUNTERSIGN_KEY: server.bootstrapKey },
        MIRROR_KEY: formatCredential('key', crypto.getRandomValues(new Uint8Array(32))),
      },
    })

  test(
    'the file is shown, applied, changed, pruned and checked as it says',
    async () => {
      const password = join(home, 'alice.password')
      await writeFile(password, 'correct horse battery staple\n')
      await write(file)
      expect((await shell('dry-run')).stdout).toBe(guideBlock(GUIDE, 'dry-run-output'))
      expect((await shell('check')).exitCode).toBe(1)
      expect((await shell('apply')).stdout).toEndWith('Done: 6 made.\n')
      expect((await shell('apply')).stdout).toBe('Nothing to do; 6 things are as declared.\n')
      await rm(password)
      expect((await shell('check')).exitCode).toBe(0)

      const changed = substitute(file, {
        'developers, resource: forge, scopes: [repo:read, repo:write]':
          'developers, resource: forge, scopes: [repo:read]',
        'groups: [developers]': 'groups: []',
      })
      await write(changed)
      expect((await shell('apply')).stdout).toBe(guideBlock(GUIDE, 'changed-output'))

      await write(changed.replace(/^users:[\s\S]*?(?=^permissions:)/m, ''))
      expect((await shell('apply')).stderr).toBe(guideBlock(GUIDE, 'undeclared-output'))
      expect((await server.call('GET', '/users/alice')).status).toBe(200)
      expect((await shell('prune')).exitCode).toBe(0)
      expect((await server.call('GET', '/users/alice')).status).toBe(404)
    },
    PATIENCE_MS,
  )

  test(
    'keys that were made elsewhere are known once it is applied',
    async () => {
      const generated = await shell('generate', { 'mirror.key': join(home, 'mirror.key') })
      expect([generated.exitCode, generated.stdout]).toEqual([0, ''])
      await write(`${guideBlock(GUIDE, 'schema-line')}${guideBlock(GUIDE, 'keys.yaml')}`)
      expect((await shell('apply')).stdout).toMatch(/^(\+ key (nightly|by hand|elsewhere) of mirror\n){3}Done: 3 made/)
    },
    PATIENCE_MS,
  )

  test(
    'a server applies it at its start',
    async () => {
      await writeFile(join(home, 'alice.password'), 'correct horse battery staple\n')
      await write(file)
      const url = `http://127.0.0.1:${freePort()}`
      const countersign = `exec ${process.execPath} ${MAIN}`
      const replaced = { 'npx countersign': countersign, 'countersign.yaml': join(home, 'countersign.yaml') }
      const started = await startProgram({
        name: 'countersign serve --apply',
        command: ['bash', '-euc', substitute(guideBlock(GUIDE, 'serve'), replaced)],
        env: { HOME: home, COUNTERSIGN_DATA_DIR: join(home, 'data'), COUNTERSIGN_LISTEN: url.slice('http://'.length) },
        ready: async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200,
      })
      teardown.add(started.stop)
      expect(started.log()).toContain('"done":6,"unchanged":0,"msg":"what is declared is there"')
    },
    PATIENCE_MS,
  )

  test(
    'what was made by hand is taken over by the file that says so',
    async () => {
      await server.make('/groups', { name: 'media' })
      const adopting = guideBlock(GUIDE, 'adopt.yaml')
      await write(adopting.replace('adopt: true\n', ''))
      expect((await shell('apply')).exitCode).toBe(2)
      await write(adopting)
      expect((await shell('apply')).stdout).toContain('~ group media (taken over)\n')
      expect((await server.call('GET', '/groups/media')).body).toMatchObject({ managed_by: 'platform' })
    },
    PATIENCE_MS,
  )
})

/** The least of each noun that can stand in a file. */
const LEAST = {
  groups: [NewGroup, { name: 'a' }],
  clients: [NewClient, { id: 'a' }],
  users: [NewUser, { username: 'a' }],
  resources: [NewResource, { name: 'a', identifier: 'https://a.example.com', rules: [] }],
  issuers: [NewIssuer, { name: 'a', issuer: 'https://a.example.com' }],
  trust_rules: [NewTrustRule, { name: 'a', issuer: 'a', match: { sub: 'a' }, as: { client: 'a' } }],
} as const
/** Told beside the table. */
const NO_LIMITS = ['managed_by', 'default_resource', 'links']

test('the table of what stays where it is left out names all of it, and nothing else', () => {
  const kept = Object.entries(LEAST).flatMap(([list, [schema, entry]]) => {
    const [declared] = Declaration.parse({ [list]: [entry] })[list as keyof typeof LEAST]
    return Object.keys(schema.parse(entry)).filter((field) => !(field in (declared ?? {})))
  })
  const guide = readFileSync(join(ROOT, 'docs/guides', GUIDE), 'utf8')
  const table = guide.match(/^ {2}\|.*\|$/gm)?.join('\n') ?? ''
  const named = [...table.matchAll(/`([a-z_]+)`/g)].map(([, field]) => field)
  expect([...new Set(named)].toSorted()).toEqual(
    [...new Set(kept)].filter((field) => !NO_LIMITS.includes(field)).toSorted(),
  )
})
