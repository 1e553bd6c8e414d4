// Configurations that broke: what was cut off, misspelled, said twice or emptied on the way must never mean "none".
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { OPTIONS, variableOf } from '@countersign/server'
import { MAIN } from '../support/countersign-server.ts'
import { ROOT } from '../support/guide.ts'
import { run } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'

const teardown = new Teardown()
let home: string
let data: string
beforeAll(async () => {
  home = await teardown.temporaryDirectory('home')
  data = await teardown.temporaryDirectory('data')
})
afterAll(() => teardown.run())

/** Starts a server that must not start, and expects that it has touched nothing. Its problems, line by line. */
async function refused(environment: Readonly<Record<string, string>>): Promise<string[]> {
  const where = { HOME: home, COUNTERSIGN_DATA_DIR: data, COUNTERSIGN_LISTEN: '127.0.0.1:1' }
  const { exitCode, stdout, stderr } = await run([process.execPath, MAIN, 'serve'], {
    cwd: ROOT,
    env: { ...where, ...environment },
  })
  const [title, ...problems] = stderr.trimEnd().split('\n')
  expect([exitCode, stdout, title]).toEqual([78, '', 'countersign: The configuration is not acceptable.'])
  expect(readdirSync(data)).toEqual([])
  return problems.map((line) => line.trim())
}

async function refusedFile(text: string | undefined): Promise<string[]> {
  const path = join(home, 'c.yaml')
  if (text !== undefined) await writeFile(path, text)
  const problems = await refused({ COUNTERSIGN_CONFIG: text === undefined ? join(home, 'absent.yaml') : path })
  return problems.map((problem) => problem.replace(`${home}/`, ''))
}

const ONE_LINE = 'expected lines such as "listen: 127.0.0.1:8420"'

describe('a server does not start', () => {
  test.each<[what: string, text: string | undefined, problems: string[]]>([
    ['is not there', undefined, [expect.stringContaining('absent.yaml: ENOENT')]],
    ['is empty', '', [`c.yaml: ${ONE_LINE}`]],
    ['is a list', '- listen: 127.0.0.1:8420', [`c.yaml: ${ONE_LINE}`]],
    [
      'ends within a text',
      'log_level: info\npublic_url: "https://auth.exam',
      ['c.yaml: line 2: Missing closing "quote'],
    ],
    [
      'ends within a list',
      'log_level: info\ntrusted_proxies: [10.0.0.0/8,',
      [expect.stringMatching(/^c\.yaml: line 2: /)],
    ],
    ['ends within a name', 'log_level: info\ntrusted_pro', [expect.stringMatching(/^c\.yaml: line 2: /)]],
    [
      'says something twice',
      'log_level: info\nlisten: 127.0.0.1:1\nlog_level: warn',
      ['c.yaml: line 3: Map keys must be unique'],
    ],
    [
      'has misspelled names, and a value of another kind',
      'trusted_proxis: 10.0.0.0/8\nlog_level: info\nproxy_secrets: x\ntrusted_proxies: [10.0.0.0/8]\nlog_leve: [info]\n',
      [
        'c.yaml: line 1: trusted_proxis: there is no such option; see countersign serve --help',
        'c.yaml: line 3: proxy_secrets: there is no such option; see countersign serve --help',
        'c.yaml: line 4: trusted_proxies: expected a single value such as 127.0.0.1/32,10.0.3.0/24',
        'c.yaml: line 5: log_leve: there is no such option; see countersign serve --help',
      ],
    ],
    [
      'has a value left out',
      'trusted_proxies:\n',
      ['c.yaml: line 1: trusted_proxies: expected a single value such as 127.0.0.1/32,10.0.3.0/24'],
    ],
    [
      'has values that cannot be',
      'trusted_proxies: everybody\nlog_level: loud\ndecision_max_mib: -1\n',
      [
        expect.stringMatching(/^COUNTERSIGN_DECISION_MAX_MIB: expected a whole number/),
        expect.stringMatching(/^COUNTERSIGN_LOG_LEVEL: expected debug, info, warn or error/),
        expect.stringMatching(/^COUNTERSIGN_TRUSTED_PROXIES: expected networks/),
      ],
    ],
  ])('OPS-21 whose configuration file %s', async (_, text, problems) => {
    const said = await refusedFile(text)
    expect(said.toSorted()).toEqual(problems)
  })

  test('OPS-21 with variables that nobody knows, and tells of all of them at once', async () => {
    const said = await refused({
      COUNTERSIGN_TRUSTED_PROXIS: '10.0.0.0/8',
      COUNTERSIGN_LOG_LEVEL: 'loud',
      COUNTERSIGN_PORT: '1',
    })
    expect(said.map((problem) => problem.split(':')[0]).toSorted()).toEqual([
      'COUNTERSIGN_LOG_LEVEL',
      'COUNTERSIGN_PORT',
      'COUNTERSIGN_TRUSTED_PROXIS',
    ])
  })

  const secrets = OPTIONS.filter(({ type }) => type === 'secret').map((option) => variableOf(option))
  test.each(secrets)('OPS-23 whose %s came out empty', async (variable) => {
    await writeFile(join(home, 'empty'), '')
    for (const [name, value] of [
      [variable, ''],
      [variable, ' '],
      [`${variable}_FILE`, join(home, 'empty')],
      [`${variable}_FILE`, join(home, 'gone')],
      [`${variable}_FILE`, ''],
    ] as const) {
      const [problem, ...more] = await refused({ [name]: value })
      expect(problem).toStartWith(`${variable}`)
      expect(more).toEqual([])
    }
  })
})
