// Runs the API beside a Countersign of its own, asks it as each caller would, and prints who got what.
//
//   bun examples/usage-api/main.ts     prints the table of README.md

import { join } from 'node:path'
import { apiKey, clientSecretBasic, createFetch, type TokenSource, tokenSource } from '@countersign/client'
import { startCountersign } from '../../test/support/countersign-server.ts'
import { freePort } from '../../test/support/loopback.ts'
import { Teardown } from '../../test/support/teardown.ts'
import { askCountersign } from './ask-countersign.ts'
import { usageApi } from './usage-api.ts'

const RESOURCE = 'https://usage.example.com'
/** Three customers. `nimbus` is nobody's. */
const USAGE = new Map([
  ['acme', { gigabytes: 812 }],
  ['apex', { gigabytes: 44 }],
  ['boreas', { gigabytes: 7 }],
])
const PATHS = [...USAGE.keys(), 'nimbus'].map((account) => `accounts/${account}/usage`).concat('accounts/mine')

const teardown = new Teardown()
try {
  const internal = `127.0.0.1:${freePort()}`
  const server = await startCountersign(await teardown.temporaryDirectory('usage-api'), {
    COUNTERSIGN_INTERNAL_LISTEN: internal,
  })
  teardown.add(server.stop)
  const applied = await server.countersign('apply', '-f', join(import.meta.dir, 'countersign.yaml'))
  if (applied.exitCode !== 0) throw new Error(applied.stderr)

  const ask = askCountersign({
    issuer: server.url,
    verifyUrl: `http://${internal}/verify/forward`,
    resource: RESOURCE,
    host: 'usage.example.com',
  })
  const log: string[] = []
  const answer = usageApi({ usage: USAGE, ask, log: (line) => void log.push(line) })
  const api = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request, bun) => answer(request, bun.requestIP(request)?.address ?? ''),
  })
  teardown.add(() => api.stop(true))

  const serviceClient = async (clientId: string): Promise<TokenSource> => {
    const { secret } = await server.make(`/clients/${clientId}/secrets`, {})
    return tokenSource({
      issuer: server.url,
      clientId,
      authentication: clientSecretBasic(String(secret)),
      tokenEndpoint: `http://${internal}/oauth/token`,
      resource: RESOURCE,
    })
  }
  const alices = await server.make('/users/alice/tokens', { name: 'dashboard', resources: ['usage'] })
  const callers: Record<string, TokenSource> = {
    'billing, with a token': await serviceClient('billing'),
    'acme-portal, with a token': await serviceClient('acme-portal'),
    'alice, with her own token': apiKey(String(alices.token)),
    'somebody with no good one': apiKey('cs_pat_none'),
  }
  const statusesOf = async (source: TokenSource) => {
    const fetchAs = createFetch(source, { origins: [api.url.origin] })
    const answers = PATHS.map(async (path) => String((await fetchAs(new URL(`/api/internal/${path}`, api.url))).status))
    return Promise.all(answers)
  }
  const rows: string[][] = []
  for (const [who, source] of Object.entries(callers)) rows.push([who, ...(await statusesOf(source))])
  console.log(table([['', ...PATHS.map((path) => `\`${path}\``)], ...rows]))

  console.log('\nWhat the API wrote of those who passed:\n')
  for (const line of new Set(log.filter((line) => line.includes(' by ')).map((line) => line.replace(/.* by /, '')))) {
    console.log(`- ${line}`)
  }
  await server.stop()
  const billing = callers['billing, with a token']
  const [status] = billing === undefined ? [] : await statusesOf(billing)
  console.log(`\nWith Countersign stopped, billing is answered ${status}.`)
} finally {
  await teardown.run()
}

/** In Markdown, its columns as wide as their widest cell. */
function table([head = [], ...rows]: readonly string[][]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[], fill = ' ') =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(' | ')} |`
  const rule = head.map(() => '')
  return [line(head), line(rule, '-'), ...rows.map((row) => line(row))].join('\n')
}
