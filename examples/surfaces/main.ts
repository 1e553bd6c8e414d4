// Does what README.md says, on a Countersign of its own, and asks what each token may do.
//
//   bun examples/surfaces/main.ts     prints the table of README.md

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startCountersign } from '../../test/support/countersign-server.ts'
import { ROOT } from '../../test/support/guide.ts'
import { run } from '../../test/support/program.ts'
import { Teardown } from '../../test/support/teardown.ts'

const ENDPOINTS = [
  'GET /api/v1/profile',
  'GET /api/v1/pushes',
  'GET /api/v1/pushes/17',
  'POST /api/v1/pushes/17/approve',
  'POST /api/v1/pushes/17/reject',
  'GET /api/v1/repositories',
  'POST /api/v1/repositories',
  'DELETE /api/v1/repositories/atlas',
  'GET /api/v1/users',
  'PUT /api/v1/users/carol/approvers',
  'GET /api/v1/settings',
  'PATCH /api/v1/settings',
]
const TOKENS = { DEVELOPER: 'a developer', MAINTAINER: 'a maintainer', READER: 'a developer, narrowed to read' }

const teardown = new Teardown()
try {
  const server = await startCountersign(await teardown.temporaryDirectory('surfaces'))
  teardown.add(server.stop)
  const readme = readFileSync(join(import.meta.dir, 'README.md'), 'utf8')
  const commands = [...readme.matchAll(/^```sh file=\w+\n([\s\S]*?)^```$/gm)].map(([, block]) => block)
  const shown = Object.keys(TOKENS).map((name) => `echo "${name} $${name}" >&3`)
  const done = await run(['bash', '-euc', ['exec 3>&1 >&2', ...commands, ...shown].join('\n')], {
    cwd: ROOT,
    env: { HOME: '/nonexistent', COUNTERSIGN_SERVER: server.url, COUNTERSIGN_KEY: server.bootstrapKey },
  })
  if (done.exitCode !== 0) throw new Error(`the commands of README.md end with ${done.exitCode}:\n${done.stderr}`)
  const tokens = done.stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')

  const mayPass = async (endpoint: string, token: string) => {
    const [method = '', uri = ''] = endpoint.split(' ')
    const { status } = await fetch(`${server.url}/verify/forward`, {
      headers: {
        ...{ 'x-forwarded-method': method, 'x-forwarded-uri': uri, 'x-forwarded-for': '192.0.2.7' },
        ...{ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'approvals.example.com' },
        authorization: `Bearer ${token}`,
      },
    })
    if (status !== 200 && status !== 403) throw new Error(`${endpoint}: ${status}`)
    return status === 200 ? 'yes' : '403'
  }
  const rows = ENDPOINTS.map(async (endpoint) => {
    const answers = await Promise.all(tokens.map((token) => mayPass(endpoint, token)))
    return [`\`${endpoint}\``, ...answers]
  })
  console.log(table([['', ...Object.values(TOKENS)], ...(await Promise.all(rows))]))
} finally {
  await teardown.run()
}

/** In Markdown, its columns as wide as their widest cell. */
function table([head = [], ...rows]: readonly string[][]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[], fill = ' ') =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(' | ')} |`
  return [
    line(head),
    line(
      head.map(() => ''),
      '-',
    ),
    ...rows.map((row) => line(row)),
  ].join('\n')
}
