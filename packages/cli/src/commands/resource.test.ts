// What a resource says of its access tokens, and who may ask about them, by options, at a real server.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type RealServer, startRealServer } from '../testing/real-server.ts'

let server: RealServer
beforeAll(async () => {
  server = await startRealServer()
  for (const id of ['usage-api', 'watch']) expect((await server.run(`client create ${id}`)).code).toBe(0)
})
afterAll(() => server.stop())

const shown = async () => JSON.parse((await server.run('resource show usage --json')).out)

test('access tokens and introspectors are said when a resource is made, changed one by one, and shown', async () => {
  const made = await server.run(
    'resource create usage --identifier https://usage.example.com --token-format opaque --introspector usage-api',
  )
  expect(made).toMatchObject({ code: 0 })
  expect(await shown()).toMatchObject({
    access_token: { format: 'opaque', ttl_seconds: 600 },
    introspectors: ['usage-api'],
  })

  expect((await server.run('resource update usage --token-ttl 5m --add-introspector watch')).code).toBe(0)
  expect(await shown()).toMatchObject({
    access_token: { format: 'opaque', ttl_seconds: 300 },
    introspectors: ['usage-api', 'watch'],
  })
  const { out } = await server.run('resource show usage')
  expect(out).toMatch(/access tokens +opaque, 5 minutes\n/)
  expect(out).toMatch(/introspectors +usage-api\n +watch\n/)

  expect((await server.run('resource update usage --token-format jwt --remove-introspector usage-api')).code).toBe(0)
  expect(await shown()).toMatchObject({ access_token: { format: 'jwt', ttl_seconds: 300 }, introspectors: ['watch'] })
})

test('what is so already is not sent', async () => {
  const { revision, access_token } = await shown()
  const { format, ttl_seconds } = access_token
  const line = `resource update usage --token-format ${format} --token-ttl ${ttl_seconds}s --remove-introspector nobody`
  expect(await server.run(line)).toMatchObject({ code: 0, err: 'It is so already: nothing was changed.\n' })
  expect((await shown()).revision).toBe(revision)
})

test.each([
  ['--token-ttl 59s', 'access_token.ttl_seconds: expected a whole number of seconds from 60 to 86400'],
  ['--token-ttl soon', '--token-ttl: expected a duration'],
  ['--token-format xml', 'Allowed choices are jwt, opaque'],
  ['--add-introspector watch --remove-introspector watch', 'one of them, not both'],
])('%s is a mistake: nothing is changed', async (options, says) => {
  const { code, err } = await server.run(`resource update usage ${options}`)
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(says) })
})
