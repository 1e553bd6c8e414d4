// The guide to git over HTTPS, word for word. Its rules and the lines for the proxies are what test/e2e/git.test.ts runs on.

import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startCaddyForGit } from '../support/caddy.ts'
import { ALPHA, BETA, type Forge, openForge } from '../support/forge.ts'
import { guideBlock, ROOT, substitute } from '../support/guide.ts'
import { type Finished, run } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

describeWith(['caddy', 'git', 'bash', 'npx'], 'the guide to git over HTTPS', () => {
  const teardown = new Teardown()
  let forge: Forge
  let home: string
  beforeAll(async () => {
    forge = await openForge(startCaddyForGit)
    teardown.add(forge.close)
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)
  beforeEach(async () => {
    home = await teardown.temporaryDirectory('home')
  })

  /** Bash in a home of its own, where whoever is asked for a password says `typed`, if anything. */
  const shell = async (
    script: string,
    { typed, token = '' }: { typed?: string; token?: string },
  ): Promise<Finished> => {
    const askpass = join(home, 'askpass')
    await writeFile(askpass, '#!/bin/sh\necho "$TYPED"\n', { mode: 0o700 })
    const asks = typed === undefined ? { GIT_TERMINAL_PROMPT: '0' } : { GIT_ASKPASS: askpass, TYPED: typed }
    return await run(['bash', '-euc', script], {
      cwd: home,
      env: { HOME: home, GIT_CONFIG_NOSYSTEM: '1', TOKEN: token, ...asks },
    })
  }
  const block = (file: string) => substitute(guideBlock('git.md', file), { 'https://git.example.com': forge.url })
  const lsRemote = (path: string) => `git ls-remote ${forge.url}${path}`

  test(
    'the laptop’s token may what Alice may, the mirror’s reads one project',
    async () => {
      const { server } = forge
      const env = { HOME: home, COUNTERSIGN_SERVER: server.url, COUNTERSIGN_KEY: server.bootstrapKey }
      const made = await run(['bash', '-euc', guideBlock('git.md', 'tokens')], { cwd: ROOT, env })
      const [laptop = '', mirror = ''] = made.stdout.match(/\bcs_pat_\w{49}\b/g) ?? []
      const mayPush = async (token: string, path: string) => {
        const headers = { authorization: `Basic ${btoa(`alice:${token}`)}` }
        const url = `${forge.url}${path}/info/refs?service=git-`
        const answers = ['upload-pack', 'receive-pack'].map((service) => fetch(`${url}${service}`, { headers }))
        return (await Promise.all(answers)).map(({ status }) => status)
      }
      expect([await mayPush(laptop, ALPHA), await mayPush(laptop, BETA)]).toEqual([
        [200, 200],
        [200, 200],
      ])
      expect([await mayPush(mirror, ALPHA), await mayPush(mirror, BETA)]).toEqual([
        [200, 403],
        [403, 403],
      ])
    },
    PATIENCE_MS,
  )

  test(
    'a person is asked for the token once; git keeps it in memory alone',
    async () => {
      const { secret } = await forge.newToken()
      try {
        expect(await shell(block('laptop'), { typed: secret })).toMatchObject({ exitCode: 0 })
        expect(await shell(lsRemote(BETA), {})).toMatchObject({ exitCode: 0 })
        expect(await filesWith(secret, home)).toEqual([])
      } finally {
        await shell('git credential-cache exit', {})
      }
      expect((await shell(lsRemote(BETA), {})).stderr).toContain('could not read Password')
    },
    PATIENCE_MS,
  )

  test('a job takes the token from its environment, and it is kept nowhere', async () => {
    const { secret } = await forge.newToken()
    expect(await shell(block('job'), { token: secret })).toMatchObject({ exitCode: 0 })
    expect(await filesWith(secret, home)).toEqual([])
    expect((await shell(lsRemote(ALPHA), { token: 'cs_pat_wrong' })).stderr).toContain('Authentication failed')
  })

  test('tokens for two projects are told apart by the path', async () => {
    const tokenFor = async (project: string) =>
      (await forge.newToken({ resources: ['forge'], projects: [project] })).secret
    const [alpha, beta] = [await tokenFor('alpha'), await tokenFor('group/sub/beta')]
    await shell(`git config --global credential.helper store`, {})
    await shell(block('paths'), {})
    expect(await shell(lsRemote(ALPHA), { typed: alpha })).toMatchObject({ exitCode: 0 })
    expect(await shell(lsRemote(BETA), { typed: beta })).toMatchObject({ exitCode: 0 })
    for (const path of [ALPHA, BETA]) expect(await shell(lsRemote(path), {})).toMatchObject({ exitCode: 0 })
  })

  test('every block of the guide is run, here or in test/e2e/git.test.ts', async () => {
    const tests = await Promise.all(
      ['test/e2e/git.test.ts', 'test/e2e/git-guide.test.ts', 'test/support/forge.ts'].map(read),
    )
    const proxies = await Promise.all(['caddy', 'nginx', 'haproxy'].map((name) => read(`test/support/${name}.ts`)))
    const whole = [...tests, ...proxies].join('\n')
    const blocks = [...(await read('docs/guides/git.md')).matchAll(/^```\w+(?: file=(\S+))?\n/gm)].map(
      ([, file]) => file,
    )
    expect(blocks.length).toBeGreaterThan(8)
    expect(blocks.filter((file) => file === undefined || !/^\S+$/.test(file) || !whole.includes(`'${file}'`))).toEqual(
      [],
    )
  })
})

const read = (path: string) => readFile(join(ROOT, path), 'utf8')

/** The files below a directory that hold this text. */
async function filesWith(text: string, directory: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && (await readFile(path)).includes(text)) found.push(path.slice(directory.length + 1))
  }
  return found
}
