// The keys that tokens are signed with, by the commands alone, at a real server.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type RealServer, startRealServer } from '../testing/real-server.ts'

let server: RealServer
beforeAll(async () => {
  server = await startRealServer()
})
afterAll(() => server.stop())

async function published(): Promise<string[]> {
  const answer = await fetch(`${server.url}/.well-known/jwks.json`)
  return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
}

test('a rotation publishes the next key, and the list says which one signs and when each goes', async () => {
  const [old = ''] = await published()
  const alone = await server.run('keys list')
  expect(alone.out).toMatch(/^KID +ALG +STATE +SIGNS FROM +RETIRES +MADE\n/)
  expect(alone.out).toMatch(new RegExp(`^${old} +ES256 +active .* when it has a successor `, 'm'))

  const { code, out } = await server.run('keys rotate')
  const [next = ''] = await published()
  expect({ code, changed: next !== old }).toEqual({ code: 0, changed: true })
  expect(out).toMatch(new RegExp(`^Signing key ${next} is published\\. It signs from .*Z \\(in .*\\) on\\.\n$`))

  const { items } = JSON.parse((await server.run('keys list --json')).out)
  expect(items).toMatchObject([
    { kid: next, state: 'published', retires_at: null },
    { kid: old, state: 'active', retires_at: expect.any(String) },
  ])
  expect((await server.run('keys rotate')).out).toContain(next)
  expect(await published()).toEqual([next, old])
})

test('whoever may not rotate them is told so', async () => {
  for (const line of [
    'client create watch',
    'permission create --client watch --resource countersign --role auditor',
  ]) {
    expect(await server.run(line)).toMatchObject({ code: 0 })
  }
  const env = { COUNTERSIGN_KEY: (await server.run('key create watch --resource countersign')).out.trim() }
  expect((await server.run('keys list', { env })).code).toBe(0)
  const { code, err } = await server.run('keys rotate', { env })
  expect({ code, err }).toEqual({ code: 5, err: expect.stringContaining('(403 scope_missing)') })
})
