// The guide for several servers, word for word: what callers notice when one of two servers stops, dies or loses the database.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startCaddyWith } from '../support/caddy.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { guideBlock, substitute } from '../support/guide.ts'
import { freePort } from '../support/loopback.ts'
import { startNginxWith } from '../support/nginx.ts'
import { startRecorder } from '../support/recorder.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const GUIDE = 'several-servers.md'
const said = (line: string, text: string) => {
  if (!text.includes(line))
    throw new Error(`the site no longer has the line that docs/guides/${GUIDE} replaces: ${line}`)
  return line
}

const SITES = {
  caddy() {
    const site = guideBlock('caddy.md', 'Caddyfile')
    const metadata = said('\t\treverse_proxy /.well-known/oauth-protected-resource* 127.0.0.1:8420\n', site)
    return substitute(site, {
      [said('\t\tforward_auth 127.0.0.1:8420 {\n', site)]: guideBlock(GUIDE, 'forward_auth'),
      [metadata]: guideBlock(GUIDE, 'metadata'),
      // Where `startCaddyWith` looks for it.
      'uri /verify/forward': 'uri /verify/forward # 127.0.0.1:8420',
    })
  },
  nginx() {
    const site = guideBlock('nginx.md', 'webdav.conf')
    const asks = said('    proxy_pass http://countersign/verify/nginx;\n', site)
    return substitute(site, {
      [site.slice(0, site.indexOf('}\n') + 2)]: guideBlock(GUIDE, 'upstream'),
      [asks]: `${asks}${guideBlock(GUIDE, 'next')}    # 127.0.0.1:8420\n`,
    })
  },
}
const START = { caddy: startCaddyWith, nginx: startNginxWith }

for (const proxy of ['caddy', 'nginx'] as const) {
  describeWith([proxy], `two servers behind ${proxy}`, () => {
    const teardown = new Teardown()
    let cluster: Cluster
    let port = 0
    let key = ''

    beforeAll(async () => {
      cluster = await startCluster(['auth-1', 'auth-2'], teardown, { linked: true })
      const [one, other] = cluster.nodes
      port = freePort()
      const rules = [{ path: '/**' }]
      const resource = { name: 'webdav', identifier: 'https://webdav.example.com', hosts: [`localhost:${port}`], rules }
      await one?.expect(201, 'POST', '/resources', resource)
      await one?.expect(201, 'POST', '/clients', { id: 'canister' })
      await one?.expect(201, 'POST', '/permissions', { client: 'canister', resource: 'webdav' })
      key = String((await one?.expect(201, 'POST', '/clients/canister/keys', {}))?.key)
      const recorder = startRecorder(async () => new Response('served\n'))
      teardown.add(recorder.stop)
      const site = substitute(SITES[proxy](), {
        '10.0.3.11:8421': one?.address ?? '',
        '10.0.3.12:8421': other?.address ?? '',
      })
      const running = await START[proxy](site, {
        port,
        verifyAddress: one?.address ?? '',
        upstreamPort: recorder.port,
        directory: await teardown.temporaryDirectory('proxy'),
      })
      teardown.add(running.stop)
      await until('the proxy to serve', async () => (await statusNow()) === 200)
    }, PATIENCE_MS)
    afterAll(() => teardown.run(), PATIENCE_MS)

    const statusNow = async (method = 'GET') => {
      const headers = { Authorization: `Bearer ${key}` }
      const answer = await fetch(`http://localhost:${port}/song.txt`, { method, headers })
      await answer.text()
      return answer.status
    }
    /** What callers got that asked all the while. */
    const statusesWhile = async (work: () => Promise<unknown>) => {
      const got = new Map<number, number>()
      let isOver = false
      const callers = ['GET', 'POST', 'PUT', 'DELETE'].map(async (method) => {
        while (!isOver) {
          const status = await statusNow(method)
          got.set(status, (got.get(status) ?? 0) + 1)
          await Bun.sleep(5)
        }
      })
      await work()
      isOver = true
      await Promise.all(callers)
      return [...got.keys()]
    }
    const [first, second] = [() => cluster.nodes[0], () => cluster.nodes[1]]

    test(
      'nobody notices that one stops and comes back, nor that the other does',
      async () => {
        const statuses = await statusesWhile(async () => {
          for (const node of [first(), second()]) {
            await node?.stop()
            await node?.start()
            await Bun.sleep(3000)
          }
        })
        expect(statuses).toEqual([200])
      },
      PATIENCE_MS,
    )

    test(
      'nobody notices that one dies',
      async () => {
        const statuses = await statusesWhile(async () => {
          await first()?.kill()
          await Bun.sleep(1500)
          await first()?.start()
          await Bun.sleep(3000)
        })
        expect(statuses).toEqual([200])
      },
      PATIENCE_MS,
    )

    test(
      'nobody notices that one loses the database, without a word, and has it again',
      async () => {
        const statuses = await statusesWhile(async () => {
          second()?.link.silence()
          await Bun.sleep(7000)
          second()?.link.heal()
          await Bun.sleep(3000)
        })
        expect(statuses).toEqual([200])
      },
      PATIENCE_MS,
    )

    test('whatever is revoked at one is refused at both', async () => {
      const { id, key: leaked } = (await second()?.expect(201, 'POST', '/clients/canister/keys', {})) ?? {}
      const ask = async () => {
        const headers = { Authorization: `Bearer ${leaked}` }
        return (await fetch(`http://localhost:${port}/song.txt`, { headers })).status
      }
      for (let turn = 0; turn < 8; turn++) expect(await ask()).toBe(200)
      await first()?.expect(200, 'POST', `/credentials/${id}/revoke`, {})
      await until('both to refuse', async () => {
        const statuses = await Promise.all(Array.from({ length: 8 }, ask))
        return statuses.every((status) => status === 401)
      })
    })
  })
}
