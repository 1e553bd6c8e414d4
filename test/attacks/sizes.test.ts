// Proxies keep the headers of an answer in 4 to 8 KiB, and break what is longer.
import { expect, test } from 'bun:test'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'

test('FWD-32 an identity grows with its groups until it is refused, and never past what proxies hold', async () => {
  const stage = await Stage.open()
  const groups: string[] = []
  let bytes = 0
  let refusedAt = 0
  await stage.make('/clients', { id: 'joiner' })
  const { key } = await stage.newKey('joiner')
  while (refusedAt === 0 && groups.length < 60) {
    for (let i = 0; i < 5; i++) {
      const name = `${groups.length}`.padStart(63, 'g')
      await stage.make('/groups', { name })
      await stage.make('/permissions', { group: name, resource: 'webdav', scopes: ['files:read'] })
      groups.push(name)
    }
    await stage.call('PATCH', '/clients/joiner', { groups })
    const answer = await stage.ask('nginx', { lines: [bearer(key)] })
    const isAllowed = answer.status === 200
    const id = stage.oracle.judge(answer, isAllowed ? 'OK' : 'F403', 'nginx')
    if (isAllowed) bytes = [...answer.headers].reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
    else {
      expect(await stage.why(String(id))).toMatchObject({ code: 'identity_too_large' })
      refusedAt = groups.length
    }
  }
  expect(bytes).toBeGreaterThan(2500)
  expect(refusedAt).toBeGreaterThan(0)
  await stage.close()
})

test('FWD-32 a refusal stays small, whatever was asked', async () => {
  const stage = await Stage.open()
  const scopes = Array.from({ length: 10 }, (_, i) => `${`${i}`.padStart(60, 'n')}:read`)
  const hosts = ['large.example.com']
  const rules = [{ path: '/**', require: { scopes } }]
  await stage.make('/resources', { name: 'large', identifier: 'https://large.example.com', hosts, scopes, rules })
  await stage.make('/permissions', { client: 'canister', resource: 'large', scopes: [] })
  for (const dialect of ['forward', 'nginx'] as const) {
    const asks = { host: 'large.example.com', uri: `/${'a'.repeat(8000)}` }
    await stage.expect('S403', 'scope_missing', dialect, { asks, lines: [bearer(stage.wallet.key)] })
  }
  await stage.close()
})
