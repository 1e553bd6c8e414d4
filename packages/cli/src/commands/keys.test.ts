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

test('a key is shown by its kid, as it stands in a token', async () => {
  const [, old = ''] = await published()
  const { out } = await server.run(`keys show ${old}`)
  expect(out).toContain(`  kid         ${old}\n`)
  expect(out).toContain('  state       active\n')
  expect((await server.run('keys show nobody')).code).toBe(3)
})

test('of a leaked key all that it signed dies at once, if a person says so or a script does', async () => {
  const before = await published()
  const script = await server.run('keys rotate --now')
  expect(script.code).toBe(2)
  expect(script.err).toContain('Every access token that is a JWT')
  expect(script.err).toContain('If that is meant: --yes')
  expect(await server.run('keys rotate --now', { answer: 'n' })).toMatchObject({ code: 1, out: '' })
  expect(await published()).toEqual(before)

  for (const [line, world] of [
    ['keys rotate --now', { answer: 'y' }],
    ['keys rotate --now --yes', {}],
  ] as const) {
    const last = await published()
    const { code, out, err } = await server.run(line, world)
    const [next = '', ...others] = await published()
    expect({ code, others, changed: !last.includes(next) }).toEqual({ code: 0, others: [], changed: true })
    expect(out).toBe(`Signing key ${next} signs, and no other is believed.\n`)
    expect(err).toContain('until it fetches the key set again')
  }
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
