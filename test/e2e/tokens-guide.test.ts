// The guide to tokens, word for word: every block of it is run. Only addresses, paths and ids are those of the test.

import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startCaddy } from '../support/caddy.ts'
import { guideBlock, ROOT, substitute } from '../support/guide.ts'
import { change } from '../support/people.ts'
import { describeWith } from '../support/requires.ts'
import type { Key } from '../support/stage.ts'
import { openTracker, type Tracker } from '../support/tracker.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const tokenIn = (text: string) => /\bcs_pat_[0-9A-Za-z]{49}\b/.exec(text)?.[0] ?? 'no token was shown'
const ATLAS = '/api/projects/atlas/builds'

/** Run elsewhere: the first makes the scene of all tests here, the others are driven in test/e2e/rest.test.ts. */
const ELSEWHERE = ['people', 'stress', 'stress-output']
const run = new Set(ELSEWHERE)

describeWith(['caddy', 'curl', 'bash', 'npx'], 'the guide to tokens', () => {
  let tracker: Tracker
  beforeAll(async () => {
    tracker = await openTracker(startCaddy)
  }, PATIENCE_MS)
  afterAll(() => tracker?.close(), PATIENCE_MS)
  beforeEach(() => void tracker.recorder.take())

  const block = (file: string) => {
    run.add(file)
    const text = guideBlock('tokens.md', file).replaceAll('https://api.example.com', tracker.url)
    return text.replaceAll('http://127.0.0.1:8420', tracker.server.url)
  }
  const shell = async (script: string, environment: Record<string, string> = {}) => {
    const done = await tracker.shell(script, { ADMIN_KEY: tracker.server.bootstrapKey, ...environment })
    expect(done).toMatchObject({ exitCode: 0 })
    return done
  }
  const statusOf = async (secret: string, path = ATLAS, method = 'GET') =>
    (await fetch(`${tracker.url}${path}`, { method, headers: { authorization: `Bearer ${secret}` } })).status
  const stateOf = async ({ id }: Pick<Key, 'id'>) => {
    const { body } = await tracker.server.call('GET', `/credentials/${id}`)
    return body as { state: string; expires_at: string; full: boolean }
  }

  test(
    'the first token may what its owner may, the second reads one project, by command as by API',
    async () => {
      const full = tokenIn((await shell(block('full'))).stdout)
      expect(await Promise.all([statusOf(full), statusOf(full, ATLAS, 'POST'), statusOf(full, '/api/me')])).toEqual([
        200, 200, 200,
      ])
      for (const made of [await shell(block('narrowed')), await shell(block('api'))]) {
        const token = tokenIn(made.stdout)
        expect(
          await Promise.all([
            statusOf(token),
            statusOf(token, ATLAS, 'POST'),
            statusOf(token, '/api/projects/boreas/builds'),
            statusOf(token, '/api/me'),
          ]),
        ).toEqual([200, 403, 403, 403])
      }
    },
    PATIENCE_MS,
  )

  test('a job calls by curl, and asks who it is', async () => {
    const { secret } = await tracker.newToken()
    const called = await shell(block('curl'), { TOKEN: secret })
    expect(called.stdout.match(/"user":"alice"/g)).toHaveLength(2)
    expect((await shell(block('whoami'), { TOKEN: secret })).stdout).toContain('"user":"alice"')
    expect(await tracker.shell(block('whoami'), { TOKEN: 'cs_pat_none' })).toMatchObject({ exitCode: 22 })
  })

  /** The shell line of each CI's job, taken out of its file as that CI would. */
  const JOBS: Readonly<Record<string, (file: string) => { line: unknown; variable: string }>> = {
    github(file) {
      const [step] = (Bun.YAML.parse(file) as Workflow).jobs.builds.steps
      expect(step?.env).toEqual({ TOKEN: '${' + '{ secrets.TRACKER_TOKEN }}' })
      return { line: step?.run, variable: 'TOKEN' }
    },
    gitlab: (file) => ({ line: (Bun.YAML.parse(file) as Pipeline).builds.script[0], variable: 'TRACKER_TOKEN' }),
    jenkins: (file) => ({ line: /^ {2}sh '(.*)'$/m.exec(file)?.[1], variable: 'TOKEN' }),
  }
  for (const [ci, jobOf] of Object.entries(JOBS)) {
    test(`the job of ${ci} calls with the token of its variable`, async () => {
      const { secret } = await tracker.newToken({ resources: ['tracker'], projects: ['atlas'] })
      const { line, variable } = jobOf(block(ci))
      expect((await shell(String(line), { [variable]: secret })).stdout).toContain('"user":"alice"')
      expect(await tracker.shell(String(line), { [variable]: 'cs_pat_none' })).toMatchObject({ exitCode: 22 })
    })
  }

  test(
    'what ends soon is listed, and a check of one user’s fails while there is any',
    async () => {
      const soon = await tracker.newToken({ name: 'soon', expires_in_days: 7 })
      const [all = '', checked = ''] = block('expiring').trim().split('\n')
      expect((await shell(all)).stdout).toContain(soon.id)
      expect((await tracker.shell(checked)).exitCode).toBe(1)
      await tracker.revoke(soon)
      await shell(checked)
    },
    PATIENCE_MS,
  )

  test(
    'rotation gives a new token while the old one works for a day',
    async () => {
      const old = await tracker.newToken({ name: 'ci', resources: ['tracker'], projects: ['atlas'] })
      const rotated = tokenIn((await shell(block('rotate'), { ID: old.id })).stdout)
      expect([await statusOf(old.secret), await statusOf(rotated)]).toEqual([200, 200])
      expect(await statusOf(rotated, '/api/projects/boreas/builds')).toBe(403)
      const left = Date.parse((await stateOf(old)).expires_at) - Date.now()
      expect([left > 23 * 3_600_000, left <= 24 * 3_600_000]).toEqual([true, true])
    },
    PATIENCE_MS,
  )

  test(
    'each way to revoke revokes what it says',
    async () => {
      const [one = '', family = '', all = '', older = '', everybody = ''] = block('revoke').trim().split('\n')
      const lost = await tracker.newToken()
      await shell(one, { ID: lost.id })
      expect((await stateOf(lost)).state).toBe('revoked')

      const [first, bystander] = [await tracker.newToken(), await tracker.newToken()]
      const rotated = await tracker.server.make(`/credentials/${first.id}/rotate`, {})
      await shell(family, { ID: first.id })
      expect([await statusOf(first.secret), await statusOf(String(rotated.token))]).toEqual([401, 401])
      expect(await statusOf(bystander.secret)).toBe(200)

      await shell(all)
      expect(await statusOf(bystander.secret)).toBe(401)
      const young = await tracker.newToken()
      await shell(everybody)
      expect(await statusOf(young.secret)).toBe(200)
      await shell(older)
      expect(await statusOf(young.secret)).toBe(401)
    },
    PATIENCE_MS,
  )

  test(
    'a disabled user is refused until enabled; one who left the group may no more',
    async () => {
      const { secret } = await tracker.newToken()
      const [disable = '', enable = ''] = block('disable').trim().split('\n')
      await shell(disable)
      expect(await statusOf(secret)).toBe(401)
      await shell(enable)
      expect(await statusOf(secret)).toBe(200)
      await shell(block('less'))
      expect(await statusOf(secret)).toBe(403)
      await change(tracker.server, '/users/alice', { groups: ['developers'] })
    },
    PATIENCE_MS,
  )

  test(
    'Alice lists and revokes her tokens by one of her own',
    async () => {
      const unused = await tracker.newToken({ name: 'unused' })
      const script = substitute(block('self'), { 'own.token': join(tracker.files, 'own.token') })
      const { stdout } = await shell(script, { ID: unused.id })
      expect(stdout).toContain('user:alice')
      expect(stdout).toContain(unused.id)
      expect(await statusOf(unused.secret)).toBe(401)
      await rm(join(tracker.files, 'own.token'))
    },
    PATIENCE_MS,
  )

  test(
    'why names the token, and what was missing',
    async () => {
      const { id, secret } = await tracker.newToken({ resources: ['tracker'], projects: ['atlas'] })
      const refused = await fetch(`${tracker.url}/api/projects/boreas/builds`, {
        headers: { authorization: `Bearer ${secret}` },
      })
      const decision = refused.headers.get('countersign-decision') ?? ''
      const { stdout } = await shell(block('why'), { DECISION: decision })
      expect(stdout.split(decision).length).toBeGreaterThan(2)
      for (const told of [id, 'project_not_granted', 'boreas', 'atlas']) expect(stdout).toContain(told)
    },
    PATIENCE_MS,
  )

  test('every block of the guide is run', () => {
    const guide = readFileSync(join(ROOT, 'docs/guides/tokens.md'), 'utf8')
    const blocks = [...guide.matchAll(/^```\w+(?: file=(\S+))?\n/gm)].map(([, file]) => file)
    expect(blocks.filter((file) => file === undefined || !run.has(file))).toEqual([])
  })
})

type Workflow = { jobs: { builds: { steps: { env: unknown; run: string }[] } } }
type Pipeline = { builds: { script: string[] } }
