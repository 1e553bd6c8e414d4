// A service that calls another one through Caddy with the client library, against a server as its users run it.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { clientSecretBasic, clientSecretPost, createFetch, TokenRequestError, tokenSource } from '@countersign/client'
import { startCaddy } from '../support/caddy.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { freePort } from '../support/loopback.ts'
import { type Recorder, startRecorder } from '../support/recorder.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

describeWith(['caddy'], 'a service with the client library', () => {
  const teardown = new Teardown()
  const port = freePort()
  const url = `http://localhost:${port}`
  let server: CountersignServer
  let recorder: Recorder
  beforeAll(async () => {
    server = await startCountersign(await teardown.temporaryDirectory('data'))
    teardown.add(server.stop)
    recorder = startRecorder(() => new Response('served'))
    teardown.add(recorder.stop)
    const directory = await teardown.temporaryDirectory('proxy')
    const proxy = await startCaddy({ port, verifyAddress: server.address, upstreamPort: recorder.port, directory })
    teardown.add(proxy.stop)
    await server.make('/resources', {
      name: 'webdav',
      identifier: 'https://webdav.example.com',
      hosts: [`localhost:${port}`],
      scopes: ['files:read', 'files:write'],
      rules: [
        { methods: ['GET'], path: '/**', require: { scopes: ['files:read'] } },
        { path: '/**', require: { scopes: ['files:write'] } },
      ],
    })
    await server.make('/clients', { id: 'canister' })
    await server.make('/permissions', { client: 'canister', resource: 'webdav', scopes: ['files:read', 'files:write'] })
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  const newSecret = async () => {
    const { id, secret } = await server.make('/clients/canister/secrets', {})
    return { id: String(id), secret: String(secret) }
  }
  const sourceWith = (secret: () => string, proof = clientSecretBasic) =>
    tokenSource({
      issuer: server.url,
      tokenEndpoint: `${server.url}/oauth/token`,
      clientId: 'canister',
      authentication: proof(secret),
    })
  const refusalOf = async (work: () => Promise<unknown>): Promise<TokenRequestError> => {
    const error = await work().catch((thrown: unknown) => thrown)
    if (error instanceof TokenRequestError) return error
    throw new Error(`expected a TokenRequestError, got ${error}`)
  }

  test('is let through as the client that it is, with one token for many calls', async () => {
    const { secret } = await newSecret()
    const source = sourceWith(() => secret)
    const fetch = createFetch(source)
    recorder.take()
    for (const path of ['/a', '/b']) expect((await fetch(`${url}${path}`)).status).toBe(200)
    const received = recorder.take()
    expect(received.map(({ target }) => target)).toEqual(['/a', '/b'])
    const callers = received.map(({ headers }) => [headers.get('remote-client'), headers.get('remote-credential')])
    expect(callers[0]?.[0]).toBe('canister')
    expect(callers[1]).toEqual(callers[0] as string[])
    expect(received[0]?.headers.get('authorization')).toBeNull()
    const { scopes, expiresAt } = await source.token()
    expect(scopes).toEqual(['files:read', 'files:write'])
    expect(expiresAt?.getTime()).toBeGreaterThan(Date.now())
  })

  test('outlives the rotation of its secret: the tokens of the old one die, and nothing is lost', async () => {
    const old = await newSecret()
    let current = old.secret
    const source = sourceWith(() => current, clientSecretPost)
    const fetch = createFetch(source)
    expect((await fetch(url, { method: 'PUT', body: 'one' })).status).toBe(200)
    const before = await source.token()

    current = (await newSecret()).secret
    const revoked = await server.call('POST', `/credentials/${old.id}/revoke`, { reason: 'rotated' })
    expect(revoked.status).toBe(200)
    const dead = await globalThis.fetch(url, { headers: { authorization: `Bearer ${before.token}` } })
    expect(dead.status).toBe(401)

    recorder.take()
    expect((await fetch(url, { method: 'PUT', body: 'two' })).status).toBe(200)
    expect(recorder.take().map(({ method }) => method)).toEqual(['PUT'])
    expect((await source.token()).token).not.toBe(before.token)
  })

  test('that asked for less is refused what it did not ask for, and that is final', async () => {
    const { secret } = await newSecret()
    const source = sourceWith(() => secret)
    const fetch = createFetch(source, { resource: 'https://webdav.example.com', scopes: ['files:read'] })
    expect((await fetch(url)).status).toBe(200)
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(403)
  })

  test('learns why it got no token, and the operator can ask for the rest', async () => {
    const { secret } = await newSecret()
    const source = sourceWith(() => secret)
    const rows: [() => Promise<unknown>, string, number][] = [
      [() => source.token({ scopes: ['files:delete'] }), 'invalid_scope', 400],
      [() => source.token({ resource: 'https://other.example.com' }), 'invalid_target', 400],
      [() => sourceWith(() => `cs_secret_${'0'.repeat(49)}`).token(), 'invalid_client', 401],
    ]
    for (const [asked, error, status] of rows) {
      const refusal = await refusalOf(asked)
      expect(refusal).toMatchObject({ error, status })
      expect(refusal.description).not.toBe('')
      const found = await server.call('GET', `/decisions/${refusal.decisionId}`)
      expect(found).toMatchObject({ status: 200, body: { id: refusal.decisionId, status } })
    }
  })
})
