import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finished, run } from '../program.ts'
import { rawRequest } from '../raw-http.ts'
import type { Key, Stage } from '../stage.ts'
import { Teardown } from '../teardown.ts'

/** git over HTTP with the key as password, and the path rules that tell a fetch from a push. */
export function gitCases(opened: () => Stage): void {
  const teardown = new Teardown()
  let stage: Stage
  let local: string
  beforeAll(async () => {
    stage = opened()
    local = await teardown.temporaryDirectory('clone')
  })
  afterAll(() => teardown.run())
  beforeEach(() => void stage.recorder.take())

  const git = (directory: string, ...args: string[]): Promise<Finished> =>
    run(['git', '-c', 'user.name=Canister', '-c', 'user.email=canister@example.com', ...args], {
      cwd: join(local, directory),
      env: { HOME: local, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' },
    })
  const remote = (key: Key) => `http://canister:${key.secret}@${stage.host}/project.git`
  const commit = async (directory: string, name: string) => {
    await writeFile(join(local, directory, name), name.repeat(100))
    await git(directory, 'add', name)
    await git(directory, 'commit', '--message', `Add ${name}`)
  }

  test('git clones and pushes with the key as the password', async () => {
    const key = await stage.newKey()
    expect(await git('.', 'clone', remote(key), 'writer')).toMatchObject({ exitCode: 0 })
    await commit('writer', 'first.txt')
    expect(await git('writer', 'push', 'origin', 'HEAD:main')).toMatchObject({ exitCode: 0 })
    const packs = stage.recorder.take().filter((received) => received.method === 'POST')
    expect(packs.map((received) => received.target)).toContain('/project.git/git-receive-pack')
    for (const { headers } of packs) {
      expect([headers.get('remote-user'), headers.get('authorization')]).toEqual(['client:canister', null])
    }
  })

  test('a read-only key clones, but its push is refused', async () => {
    const key = await stage.newKey(['repo:read'])
    expect(await git('.', 'clone', remote(key), 'reader')).toMatchObject({ exitCode: 0 })
    await commit('reader', 'second.txt')
    const pushed = await git('reader', 'push', 'origin', 'HEAD:main')
    expect(pushed.exitCode).not.toBe(0)
    expect(pushed.stderr).toContain('403')
    const targets = stage.recorder.take().map((received) => received.target)
    expect(targets).not.toContain('/project.git/git-receive-pack')
  })

  test('without a key git is asked for one', async () => {
    const cloned = await git('.', 'clone', `${stage.url}/project.git`, 'nobody')
    expect(cloned.exitCode).not.toBe(0)
    expect(cloned.stderr).toContain('could not read Username')
    expect(stage.recorder.take()).toEqual([])
  })

  const AMBIGUOUS = ['//project.git/info/refs', '/project.git//info/refs', '/project.git/x%2fy', '/project.git;a/HEAD']
  for (const target of AMBIGUOUS) {
    test(`GET ${target} does not reach a service whose rules have paths`, async () => {
      const { secret } = await stage.newKey()
      const lines = [`GET ${target} HTTP/1.1`, `Host: ${stage.host}`, `Authorization: Bearer ${secret}`]
      expect([400, 401, 403]).toContain((await rawRequest(stage.port, lines)).status)
      expect(stage.recorder.take()).toEqual([])
    })
  }
}
