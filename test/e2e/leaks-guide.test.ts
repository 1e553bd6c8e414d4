// The guide to leaks, word for word: what is reported is refused, by command as by curl as from a scanner's file.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { databaseOf } from '../../packages/server/src/store/testing/engines.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { guideBlock, ROOT, substitute } from '../support/guide.ts'
import { newToken } from '../support/people.ts'
import { type Finished, run } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

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
})
