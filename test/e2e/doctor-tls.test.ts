// The doctor at a site with a certificate of its own.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import * as server from '@countersign/server'
import { ran } from '../../packages/cli/src/testing/test-terminal.ts'
import { makeAuthority } from '../support/authority.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

describeWith(['openssl'], 'the doctor at a site over TLS', () => {
  const teardown = new Teardown()
  let countersign: CountersignServer
  let port: number
  let pem: string
  beforeAll(async () => {
    countersign = await startCountersign(await teardown.temporaryDirectory('data'))
    teardown.add(countersign.stop)
    const hosts = { hosts: ['webdav.example.com'], identifier: 'https://webdav.example.com' }
    await countersign.make('/resources', { name: 'webdav', ...hosts, rules: [{ path: '/**' }] })
    const authority = await makeAuthority(await teardown.temporaryDirectory('authority'), 'authority')
    pem = authority.pem
    const tls = await authority.certify('DNS:webdav.example.com')
    const proxy = Bun.serve({ hostname: '127.0.0.1', port: 0, tls, fetch: ask })
    teardown.add(() => proxy.stop(true))
    port = Number(proxy.port)
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  /** A proxy that asks about what it is sent, and hands on the refusal. */
  const ask = ({ method, url, headers }: Request): Promise<Response> => {
    const { host, pathname } = new URL(url)
    const question = new Headers({ authorization: headers.get('authorization') ?? '' })
    const told = { method, proto: 'https', host, uri: pathname, for: '192.0.2.7' }
    for (const [part, value] of Object.entries(told)) question.set(`x-forwarded-${part}`, value)
    return fetch(`${countersign.url}/verify/forward`, { headers: question })
  }
  const doctor = (words: string) =>
    ran(`doctor --resource https://webdav.example.com --connect-to 127.0.0.1:${port} --only methods${words}`, {
      ...{ server, files: { 'ca.pem': pem } },
      env: { COUNTERSIGN_SERVER: countersign.url, COUNTERSIGN_KEY: countersign.bootstrapKey },
    })

  test('believes who it is told to believe', async () => {
    const { code, out } = await doctor(' --ca-file ca.pem')
    expect([code, out]).toEqual([0, expect.stringMatching(/^✓ Countersign was asked about each of \d+ requests/)])
  })

  test('believes nobody else, and sends nothing', async () => {
    const { code, out } = await doctor('')
    expect([code, out]).toEqual([1, expect.stringMatching(/^✗ The site cannot be reached: .*certificate/)])
  })
})
