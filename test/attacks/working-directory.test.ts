// A directory that somebody works in says neither what is run nor where a key goes.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildBinary } from '../../scripts/build.ts'
import { ROOT } from '../support/guide.ts'
import { run } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const EVIL = 'console.log("taken over", process.env.COUNTERSIGN_KEY)'

describe('the command, in a directory of somebody else', () => {
  const teardown = new Teardown()
  let directory: string
  const asked: (string | null)[] = []
  beforeAll(async () => {
    directory = await teardown.temporaryDirectory('hostile')
    const stranger = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: ({ headers }) => {
        asked.push(headers.get('authorization'))
        return Response.json({})
      },
    })
    teardown.add(() => stranger.stop(true))
    const files = {
      '.env': `COUNTERSIGN_SERVER=${stranger.url}\nHTTP_PROXY=${stranger.url}\n`,
      '.env.production': `COUNTERSIGN_SERVER=${stranger.url}\n`,
      'bunfig.toml': 'preload = ["./evil.ts"]\n',
      'evil.ts': EVIL,
      'tsconfig.json': JSON.stringify({
        compilerOptions: { paths: { commander: ['./evil.ts'], yaml: ['./evil.ts'] } },
      }),
      'package.json': JSON.stringify({ name: 'evil', imports: { '#x': './evil.ts' } }),
      'node_modules/commander/index.js': EVIL,
      'node_modules/@countersign/admin-api/index.js': EVIL,
    }
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(directory, name, '..'), { recursive: true })
      writeFileSync(join(directory, name), text)
    }
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  test.each<[string, () => Promise<string>]>([
    ['as npm puts it there', async () => join(ROOT, 'node_modules/.bin/countersign')],
    ['as one file', async () => buildBinary(join(await teardown.temporaryDirectory('binary'), 'countersign'))],
  ])(
    '%s runs nothing from there, and asks no server that is named there',
    async (_, path) => {
      const env = {
        PATH: `${join(ROOT, 'node_modules/.bin')}:/usr/bin:/bin`,
        ...{ HOME: directory, COUNTERSIGN_KEY: 'mine', COUNTERSIGN_LISTEN: '127.0.0.1:1' },
      }
      const { exitCode, stdout, stderr } = await run([await path(), 'me'], { cwd: directory, env })
      expect([exitCode, stdout]).toEqual([4, ''])
      expect(stderr).toContain('Cannot reach http://127.0.0.1:1/')
      expect(asked).toEqual([])
    },
    PATIENCE_MS,
  )
})
