// Who may read /metrics, and what is not in it.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { Stage } from './stage.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** The routes of the app, as a listener would ask them. */
async function askAt(stage: Stage, where: 'public' | 'internal', headers: Record<string, string>, peer: string | null) {
  const { publicRoutes, internalRoutes } = stage.test.app
  const routes = where === 'public' ? publicRoutes : internalRoutes
  if (routes === undefined) throw new Error('no such listener')
  const handler = routes.exact['/metrics'] ?? routes.fallback
  return handler(new Request('http://127.0.0.1:8420/metrics', { headers }), peer)
}

describe('without an internal listener', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await Stage.open()
  })
  afterAll(() => stage.close())

  const LOCAL = { host: '127.0.0.1:8420' }
  const rows: [what: string, headers: Record<string, string>, peer: string | null, status: number][] = [
    ['this machine', LOCAL, '127.0.0.1', 200],
    ['this machine, by another of its loopback addresses', LOCAL, '127.8.9.1', 200],
    ['this machine by IPv6', { host: '[::1]:8420' }, '::1', 200],
    ['this machine by IPv4 within IPv6', LOCAL, '::ffff:127.0.0.1', 200],
    ['this machine by name', { host: 'localhost:8420' }, '127.0.0.1', 200],
    ['another machine', LOCAL, '192.0.2.7', 404],
    ['another machine with our host', { host: 'localhost' }, '10.0.0.1', 404],
    ['a unix socket', LOCAL, null, 404],
    ['nobody knows where', LOCAL, '', 404],
    ['a proxy that says X-Forwarded-For', { ...LOCAL, 'X-Forwarded-For': '127.0.0.1' }, '127.0.0.1', 404],
    ['a proxy that says Forwarded', { ...LOCAL, Forwarded: 'for=127.0.0.1' }, '127.0.0.1', 404],
    ['a proxy that says Via', { ...LOCAL, Via: '1.1 proxy' }, '127.0.0.1', 404],
    ['a proxy that says X-Real-IP', { ...LOCAL, 'X-Real-IP': '' }, '127.0.0.1', 404],
    ['a proxy that says X-Forwarded-Proto', { ...LOCAL, 'X-Forwarded-Proto': 'http' }, '127.0.0.1', 404],
    ['a proxy that keeps the host', { host: 'auth.example.com' }, '127.0.0.1', 404],
    ['a host that only begins like ours', { host: 'localhost.example.com' }, '127.0.0.1', 404],
    ['a host that only begins like our address', { host: '127.0.0.1.example.com' }, '127.0.0.1', 404],
    ['a host that cannot be read', { host: '127.0.0.1@x' }, '127.0.0.1', 404],
    ['no host', {}, '127.0.0.1', 404],
  ]
  test.each(rows)('%s', async (_, headers, peer, status) => {
    const answer = await askAt(stage, 'public', headers, peer)
    expect(answer.status).toBe(status)
    expect((await answer.text()).includes('countersign_credentials')).toBe(status === 200)
  })

  test('it is read, not written', async () => {
    const { exact } = stage.test.app.publicRoutes
    const ask = (method: string) =>
      exact['/metrics']?.(new Request('http://127.0.0.1/metrics', { method, headers: LOCAL }), '127.0.0.1')
    for (const method of ['POST', 'DELETE', 'OPTIONS']) expect((await ask(method))?.status).toBe(404)
    expect((await ask('GET'))?.headers.get('content-type')).toStartWith('text/plain; version=')
  })
})

test('with an internal listener it is there for whoever reaches that, and not on the public one', async () => {
  const stage = await Stage.open({ COUNTERSIGN_INTERNAL_LISTEN: '127.0.0.1:8421' })
  expect((await askAt(stage, 'internal', { host: 'countersign.internal', Via: '1.1 x' }, '10.0.0.7')).status).toBe(200)
  expect((await askAt(stage, 'internal', {}, null)).status).toBe(200)
  expect((await askAt(stage, 'public', { host: '127.0.0.1' }, '127.0.0.1')).status).toBe(404)
  await stage.close()
})

test('where others reach the public listener it is there for whoever shows the proxy secret, wherever from', async () => {
  const secret = 'the-secret-of-the-proxies-0123456789'
  const stage = await Stage.open({
    COUNTERSIGN_PROXY_SECRET: secret,
    COUNTERSIGN_PUBLIC_URL: 'https://auth.example.com',
  })
  const ask = async (headers: Record<string, string>, peer: string) =>
    (await askAt(stage, 'public', { host: '127.0.0.1:8420', ...headers }, peer)).status
  expect(await ask({}, '127.0.0.1')).toBe(404)
  expect(await ask({ 'Countersign-Proxy-Secret': `${secret}x` }, '127.0.0.1')).toBe(404)
  expect(await ask({ 'Countersign-Proxy-Secret': secret }, '127.0.0.1')).toBe(200)
  expect(await ask({ 'Countersign-Proxy-Secret': secret, 'X-Forwarded-For': '192.0.2.1' }, '10.0.0.7')).toBe(200)
  await stage.close()
})

test('it names nobody and nothing secret, and counts what there is', async () => {
  const stage = await Stage.open()
  await stage.make('/users', { username: 'alice' })
  const { id, token } = await stage.make('/users/alice/tokens', { name: 'ci', expires_in_days: 7 })
  const credentials = [{ digest: sha256('glpat-x'), owner: 'user:alice' }]
  await stage.call('POST', '/credentials/import', { prefix: 'glpat-', digest: 'sha256', credentials })
  const text = await (await askAt(stage, 'public', { host: 'localhost' }, '127.0.0.1')).text()
  stage.oracle.holdsNoSecret(text, 'the metrics')
  for (const told of ['alice', 'canister', 'ci"', String(id), String(token), sha256('glpat-x')]) {
    expect([told, text.includes(told)]).toEqual([told, false])
  }
  expect(text).toContain('countersign_credentials{kind="pat",imported="false"} 1\n')
  expect(text).toContain('countersign_credentials{kind="pat",imported="true"} 1\n')
  expect(text).toContain('countersign_credentials_expiring{kind="pat",within="7d"} 1\n')
  expect(text).toContain('countersign_credentials_expiring{kind="pat",within="1d"} 0\n')
  expect(text).toContain('countersign_foreign_prefix_credentials{prefix="glpat-"} 1\n')
  await stage.close()
})
