// Client secrets, against a real server: shown once, alone on stdout, and good for a token until they are revoked.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type RealServer, startRealServer } from '../testing/real-server.ts'

let server: RealServer

beforeAll(async () => {
  server = await startRealServer()
  for (const line of [
    'resource create webdav --identifier https://webdav.example.com --scope files:read',
    'client create canister',
    'permission create --client canister --resource webdav --scope files:read',
  ]) {
    expect(await server.run(line)).toMatchObject({ code: 0 })
  }
})
afterAll(() => server.stop())

/** What the token endpoint answers to this secret. */
async function statusWith(secret: string): Promise<number> {
  const authorization = `Basic ${btoa(`canister:${secret.trimEnd()}`)}`
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  const { status } = await fetch(`${server.url}/oauth/token`, {
    method: 'POST',
    body,
    headers: { Authorization: authorization },
  })
  return status
}

async function made(options = ''): Promise<{ id: string; secret: string; err: string }> {
  const { out, err } = await server.run(`secret create canister${options}`)
  const [id = ''] = /secret_[0-9A-Z]+/.exec(err) ?? []
  return { id, secret: out, err }
}

test('a new secret is alone on stdout and gets a token; how is said without it', async () => {
  const { id, secret, err } = await made(' --name first --expires 90d')
  expect(secret).toMatch(/^cs_secret_[0-9A-Za-z]{49}\n$/)
  expect(await statusWith(secret)).toBe(200)
  expect(err).toStartWith(`Client secret ${id} of client canister: full; expires: `)
  expect(err).toContain('countersign token --client canister --secret-file <path>\n')
  expect(err).toContain(`  curl --user canister --data grant_type=client_credentials ${server.url}/oauth/token\n`)
  expect(err).not.toContain('cs_secret_')
})

test('secrets are listed without themselves, those of one client and those of all', async () => {
  const { id, secret } = await made(' --name listed')
  for (const line of ['secret list canister', 'secret list']) {
    const { out } = await server.run(line)
    expect(out).toMatch(new RegExp(`^${id} +canister +listed .* live `, 'm'))
    expect(out).not.toContain(secret.trimEnd())
  }
  expect((await server.run('secret list countersign-admin')).err).toContain('secret create countersign-admin')
  expect((await server.run('secret list nobody')).code).toBe(3)
})

test('a rotated secret is replaced by one that works as well, and ends when it was said', async () => {
  const { id, secret } = await made()
  const { code, out, err } = await server.run(`secret rotate ${id} --overlap 0s`)
  expect(code).toBe(0)
  expect(out).toMatch(/^cs_secret_[0-9A-Za-z]{49}\n$/)
  expect(err).toContain(`The old one, ${id}, stops `)
  expect([await statusWith(out), await statusWith(secret)]).toEqual([200, 401])
})

test('a revoked secret gets no token any more', async () => {
  const { id, secret } = await made()
  expect((await server.run(`secret revoke ${id} --reason leaked`)).out).toContain(`Revoked ${id}`)
  expect(await statusWith(secret)).toBe(401)
  expect((await server.run(`secret revoke ${secret.trimEnd()}`)).code).toBe(2)
})
