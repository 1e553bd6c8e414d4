// RFC 6749 where the transport matters: a running server, and requests that no decent client sends.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { type RawAnswer, rawRequest } from '../support/raw-http.ts'
import { Teardown } from '../support/teardown.ts'

const GRANT = 'grant_type=client_credentials'
const FORM = 'Content-Type: application/x-www-form-urlencoded'
const teardown = new Teardown()
let server: CountersignServer
let secret = ''
let basic = ''

beforeAll(async () => {
  server = await startCountersign(await teardown.temporaryDirectory('rfc6749'))
  teardown.add(() => server.stop())
  const resource = { name: 'webdav', identifier: 'https://webdav.example.com', hosts: [], scopes: ['files:read'] }
  await server.make('/resources', { ...resource, rules: [] })
  await server.make('/clients', { id: 'canister' })
  await server.make('/permissions', { client: 'canister', resource: 'webdav', scopes: ['files:read'] })
  secret = String((await server.make('/clients/canister/secrets', {})).secret)
  basic = `Authorization: Basic ${btoa(`canister:${secret}`)}`
}, 30_000)
afterAll(() => teardown.run())

function post(lines: readonly string[], body = GRANT, request = 'POST /oauth/token HTTP/1.1'): Promise<RawAnswer> {
  const length = lines.some((line) => line.startsWith('Transfer-Encoding')) ? [] : [`Content-Length: ${body.length}`]
  const all = [request, `Host: ${server.address}`, 'Connection: close', ...lines, ...length]
  return rawRequest(Number(server.address.split(':')[1]), all, body)
}
const chunked = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
const errorOf = ({ status, body }: RawAnswer) => [status, body === '' ? '' : JSON.parse(body).error]

test('§5.1: a token comes over HTTP with what keeps it out of caches', async () => {
  for (const answer of [
    await post([basic, FORM]),
    await post([basic, FORM, 'Transfer-Encoding: chunked'], chunked(GRANT)),
  ]) {
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('pragma')).toBe('no-cache')
    expect(JSON.parse(answer.body)).toMatchObject({ token_type: 'Bearer', scope: 'files:read' })
  }
})

test('§2.3: two Authorization fields are two authentications, also when they are equal', async () => {
  for (const second of [basic, 'Authorization: Bearer abc', basic.replace('Basic', 'basic')]) {
    expect(errorOf(await post([basic, second, FORM]))).toEqual([400, 'invalid_request'])
    expect(errorOf(await post([second, basic, FORM]))).toEqual([400, 'invalid_request'])
  }
})

test('§3.2: two Content-Type fields, or none, are no form', async () => {
  expect(errorOf(await post([basic, FORM, 'Content-Type: application/json']))).toEqual([400, 'invalid_request'])
  expect(errorOf(await post([basic]))).toEqual([400, 'invalid_request'])
})

test('§3.2: a request without a body has no grant_type', async () => {
  expect(errorOf(await post([basic, FORM], ''))).toEqual([400, 'invalid_request'])
})

test('a body that is too long is refused with 413, however it is sent, and is no fault of ours', async () => {
  const long = `${GRANT}&x=${'a'.repeat(70_000)}`
  for (const answer of [
    await post([basic, FORM], long),
    await post([basic, FORM, 'Transfer-Encoding: chunked'], chunked(long)),
    await post([FORM, 'Transfer-Encoding: chunked'], chunked(long)),
  ]) {
    expect(answer.status).toBe(413)
    expect(answer.body).toBe('')
  }
  expect(server.log()).not.toContain('"level":"error"')
})

test('§3.1: the address of the endpoint has one spelling', async () => {
  for (const path of ['/oauth/token/', '/OAuth/Token', '//oauth/token', '/oauth/%74oken', '/oauth/../oauth//token']) {
    const answer = await post([basic, FORM], GRANT, `POST ${path} HTTP/1.1`)
    expect([path, answer.status]).toEqual([path, 404])
  }
})

test('§2.3.1: of a secret that was sent, in whatever way, nothing is in the log', async () => {
  await post([basic, FORM], GRANT, `POST /oauth/token?client_id=canister&client_secret=${secret} HTTP/1.1`)
  await post([FORM], `${GRANT}&client_id=canister&client_secret=${secret}x`)
  await post([`Authorization: Basic ${btoa(`canister:${secret}x`)}`, FORM])
  expect(server.log()).not.toContain(secret.slice(0, 30))
  expect(server.log()).not.toContain(basic.slice(30, 60))
})
