import { afterAll, beforeAll, expect, test } from 'bun:test'
import * as server from '@countersign/server'
import { type RealServer, startRealServer } from '../testing/real-server.ts'
import { ran } from '../testing/test-terminal.ts'

let real: RealServer
beforeAll(async () => {
  real = await startRealServer()
  const resource = { name: 'webdav', identifier: 'https://webdav.example.com', hosts: ['*.example.com'] }
  await fetch(`${real.url}/api/v1/resources`, {
    method: 'POST',
    headers: { authorization: `Bearer ${real.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...resource, rules: [{ path: '/**' }] }),
  })
})
afterAll(() => real.stop())

const doctor = (words: string, files: Record<string, string> = {}) => real.run(`doctor ${words}`, { server, files })
const SITE = '--resource https://webdav.example.com'

test.each([
  ['--resource webdav.example.com', 'expected the public address'],
  ['--resource https://webdav.example.com/path', 'expected the public address'],
  [`${SITE} --connect-to nowhere`, '--connect-to: expected host:port'],
  [`${SITE} --only everything`, '--only: expected one of'],
  [`${SITE} --method get`, '--method: expected a method in capitals'],
  [`${SITE} --ca-file ca.pem`, '--ca-file: ca.pem cannot be read (ENOENT)'],
  [`${SITE} --echo-path /headers`, '--with-key-file: expected the file of a key'],
  [`${SITE} --echo-path headers`, '--echo-path: expected a path'],
  [`${SITE} --echo-path /headers --echo-listen 127.0.0.1:1`, 'not both'],
  ['--resource https://other.example.org', 'No resource answers at other.example.org'],
  ['--echo-path /headers', '--echo-path goes with --resource'],
  ['--while-down', '--while-down goes with --resource'],
])('doctor %s is not used as it should be', async (words, because) => {
  const { code, err } = await doctor(words)
  expect([code, err]).toEqual([2, expect.stringContaining(because)])
})

test('a configuration that is not acceptable is told with every problem, and 78', async () => {
  const { code, err } = await ran('doctor', {
    server,
    env: { COUNTERSIGN_LISTEN: 'here', COUNTERSIGN_PAT_BY_PAT: 'so' },
  })
  expect(code).toBe(78)
  expect(err).toContain('COUNTERSIGN_LISTEN')
  expect(err).toContain('COUNTERSIGN_PAT_BY_PAT')
})

test('a site that cannot be reached, or asks nobody, is a fault', async () => {
  const nobody = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('the service') })
  const gone = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() })
  const { port } = gone
  gone.stop(true)
  const site = '--resource http://webdav.example.com --only methods'
  try {
    const asked = await doctor(`${site} --connect-to 127.0.0.1:${nobody.port} --proxy caddy`)
    expect([asked.code, asked.err]).toEqual([1, '1 fault found.\n'])
    expect(asked.out).toBe(
      '✗ Countersign is not asked at all: a key that nobody has is answered with 200.\n' +
        '    Caddy (docs/guides/caddy.md):\n      forward_auth 127.0.0.1:8420 {\n',
    )
    const closed = await doctor(`${site} --connect-to 127.0.0.1:${port} --json`)
    expect([closed.code, closed.err]).toEqual([1, ''])
    expect(JSON.parse(closed.out).findings).toMatchObject([{ check: 'baseline', level: 'fault' }])
  } finally {
    nobody.stop(true)
  }
})

test('a site that leads to another is told so', async () => {
  const elsewhere = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () => Response.redirect('https://webdav.example.com/', 308),
  })
  try {
    const { out } = await doctor(`--resource http://webdav.example.com --connect-to 127.0.0.1:${elsewhere.port}`)
    expect(out).toContain('The site sends elsewhere, to https://webdav.example.com/.')
  } finally {
    elsewhere.stop(true)
  }
})
