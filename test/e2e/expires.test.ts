// Who calls through a proxy learns when its key ends, as the guides promise.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startCaddy } from '../support/caddy.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { guideBlock, substitute } from '../support/guide.ts'
import { freePort } from '../support/loopback.ts'
import { startNginx } from '../support/nginx.ts'
import { run } from '../support/program.ts'
import type { StartProxy } from '../support/proxy.ts'
import { type Recorder, startRecorder } from '../support/recorder.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

/** A service that says of its own accord when the caller's key ends. */
const claims = () => new Response('served', { headers: { 'Countersign-Expires': '2999-12-31T23:59:59Z' } })

const PROXIES: readonly [name: string, startProxy: StartProxy][] = [
  ['caddy', startCaddy],
  ['nginx', startNginx],
]
for (const [name, startProxy] of PROXIES) {
  describeWith([name, 'bash', 'curl'], `a caller behind ${name}`, () => {
    const teardown = new Teardown()
    const port = freePort()
    const url = `http://localhost:${port}`
    let server: CountersignServer
    let recorder: Recorder
    beforeAll(async () => {
      server = await startCountersign(await teardown.temporaryDirectory('data'))
      teardown.add(server.stop)
      recorder = startRecorder(claims)
      teardown.add(recorder.stop)
      const directory = await teardown.temporaryDirectory('proxy')
      const proxy = await startProxy({ port, verifyAddress: server.address, upstreamPort: recorder.port, directory })
      teardown.add(proxy.stop)
      await server.make('/resources', {
        name: 'webdav',
        identifier: 'https://webdav.example.com',
        hosts: [`localhost:${port}`],
        rules: [{ path: '/open/**', require: { public: true } }, { path: '/**' }],
      })
      await server.make('/clients', { id: 'canister' })
      await server.make('/permissions', { client: 'canister', resource: 'webdav' })
    }, PATIENCE_MS)
    afterAll(() => teardown.run(), PATIENCE_MS)

    const newKey = async (ends: object = {}) => {
      const { key, expires_at } = await server.make('/clients/canister/keys', ends)
      return { key: String(key), endsAt: String(expires_at) }
    }
    const told = async (path: string, headers: Record<string, string> = {}) => {
      const answer = await fetch(`${url}${path}`, { headers })
      return [answer.status, answer.headers.get('countersign-expires')]
    }

    test('is told when its key ends, whatever the service or the caller itself says of that', async () => {
      const { key, endsAt } = await newKey({ expires_in_days: 7 })
      const authorization = `Bearer ${key}`
      const end = endsAt.replace('.000Z', 'Z')
      expect(await told('/', { authorization })).toEqual([200, end])
      expect(await told('/', { authorization, 'countersign-expires': 'never' })).toEqual([200, end])
      expect(recorder.take().map(({ headers }) => headers.get('countersign-expires'))).toEqual([end, end])
    })

    test('is told that its key never ends, or that none was asked for', async () => {
      const { key } = await newKey()
      expect(await told('/', { authorization: `Bearer ${key}` })).toEqual([200, 'never'])
      expect(await told('/open/', { 'countersign-expires': 'never' })).toEqual([200, 'none'])
    })

    test('is told nothing of it when it is refused', async () => {
      expect(await told('/')).toEqual([401, null])
      expect(await told('/', { authorization: 'Bearer wrong' })).toEqual([401, null])
    })

    test(
      'is warned by the guide’s lines two weeks before its key ends, and not earlier',
      async () => {
        const script = substitute(guideBlock('caddy.md', 'expires'), { 'https://webdav.example.com': url })
        const warnings: [ends: string, warning: string][] = []
        for (const days of [7, 13, 15, undefined]) {
          const { key, endsAt } = await newKey(days === undefined ? {} : { expires_in_days: days })
          const ran = await run(['bash', '-euc', script], { env: { HOME: '/nonexistent', KEY: key } })
          expect(ran).toMatchObject({ exitCode: 0, stdout: '' })
          warnings.push([endsAt.replace('.000Z', 'Z'), ran.stderr])
        }
        expect(warnings.map(([ends, warning]) => warning.startsWith(`The key ends at ${ends}. `))).toEqual([
          true,
          true,
          false,
          false,
        ])
        expect(warnings.slice(2).map(([, warning]) => warning)).toEqual(['', ''])
      },
      PATIENCE_MS,
    )
  })
}
