// Story 1. A media organiser, no browser, reaches a WebDAV server behind Caddy. One test per statement.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { basicOf } from '../support/app.ts'
import { checkedJwt } from '../support/assertion.ts'
import { startCaddy } from '../support/caddy.ts'
import { change } from '../support/people.ts'
import { basic, bearer } from '../support/proxied/identity.ts'
import { describeWith } from '../support/requires.ts'
import { type Key, openWebdavStage, type Stage } from '../support/stage.ts'
import { PATIENCE_MS } from '../support/wait.ts'

describeWith(['caddy', 'rclone'], 'canister: a machine reaches WebDAV behind Caddy', () => {
  let stage: Stage
  let key: Key
  beforeAll(async () => {
    stage = await openWebdavStage(startCaddy)
    key = await stage.newKey()
  }, PATIENCE_MS)
  afterAll(() => stage.close(), PATIENCE_MS)
  beforeEach(() => void stage.recorder.take())

  const ask = (headers: Record<string, string>, method = 'GET', path = '/music/song.ogg', body?: string) =>
    fetch(`${stage.url}${path}`, { method, headers, redirect: 'manual', ...(body === undefined ? {} : { body }) })
  const decisionOf = async (answer: Response) => {
    const found = await stage.server.call('GET', `/decisions/${answer.headers.get('countersign-decision')}`)
    expect(found.status).toBe(200)
    return found.body as { code: string; credential: { id: string } | null; principal: string | null; sentence: string }
  }

  test('it writes and reads with its API key as Bearer', async () => {
    expect((await ask(bearer(key), 'MKCOL', '/music')).status).toBe(201)
    expect((await ask(bearer(key), 'PUT', '/music/song.ogg', 'la la la')).status).toBe(201)
    expect(await (await ask(bearer(key))).text()).toBe('la la la')
  })

  test('it does the same with the key as the password of Basic', async () => {
    expect(await (await ask(basic('whoever', key))).text()).toBe('la la la')
  })

  test('the service learns who called, and is not shown the key', async () => {
    await ask(bearer(key))
    const [received] = stage.recorder.take()
    expect(received?.headers.get('remote-user')).toBe('client:canister')
    expect(received?.headers.get('remote-credential')).toBe(key.id)
    expect(JSON.stringify([...(received?.headers ?? [])])).not.toContain(key.secret)
  })

  test('the service can check who called for itself, by a signature', async () => {
    await ask(bearer(key))
    const assertion = stage.recorder.take()[0]?.headers.get('countersign-assertion')
    const { header, claims } = await checkedJwt(assertion ?? '', `${stage.server.url}/.well-known/jwks.json`)
    expect(header).toMatchObject({ alg: 'ES256', typ: 'countersign-assertion+jwt' })
    expect(claims).toMatchObject({
      iss: stage.server.url,
      aud: 'https://webdav.example.com',
      sub: 'client:canister',
    })
    expect(Number(claims.exp) - Date.now() / 1000).toBeLessThanOrEqual(60)
    expect(Number(claims.exp) - Date.now() / 1000).toBeGreaterThan(0)
  })

  test('nobody else gets in: without a key, with another, with half of one', async () => {
    for (const headers of [
      {},
      { authorization: `Bearer cs_key_${'0'.repeat(49)}` },
      bearer({ ...key, secret: 'cs_key_' }),
    ]) {
      expect((await ask(headers)).status).toBe(401)
    }
    expect(stage.recorder.take()).toEqual([])
  })

  test('it is never sent to a login page', async () => {
    const answer = await ask({ accept: 'text/html,*/*' })
    expect([answer.status, answer.headers.get('location')]).toEqual([401, null])
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="webdav".*Basic realm=/)
  })

  test('a key that may only read cannot write, and its owner can find out why', async () => {
    const reader = await stage.newKey(['files:read'])
    expect((await ask(bearer(reader))).status).toBe(200)
    const refused = await ask(bearer(reader), 'DELETE')
    expect(refused.status).toBe(403)
    expect(await decisionOf(refused)).toMatchObject({
      code: 'scope_missing',
      credential: { id: reader.id },
      principal: 'client:canister',
    })
  })

  test('a revoked key dies at the next request; the caller is told no more, the operator all', async () => {
    const lost = await stage.newKey()
    expect((await ask(bearer(lost))).status).toBe(200)
    await stage.revoke(lost)
    const refused = await ask(bearer(lost))
    expect(refused.status).toBe(401)
    expect(await refused.text()).not.toMatch(/revoked/)
    expect(refused.headers.get('www-authenticate')).toMatch(/error="invalid_token"/)

    const decision = await decisionOf(refused)
    expect(decision).toMatchObject({ code: 'credential_revoked', credential: { id: lost.id } })
    expect(decision.sentence).toMatch(/revoked/)
    const why = await stage.server.countersign('why', refused.headers.get('countersign-decision') ?? '')
    expect(why).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/revoked/) })
  })

  describe('with a token that it fetched by its secret', () => {
    let secret: Key
    beforeAll(async () => {
      const made = await stage.server.make('/clients/canister/secrets', {})
      secret = { id: String(made.id), secret: String(made.secret) }
    })

    const fetchToken = async (scope = 'files:read files:write'): Promise<string> => {
      const answer = await fetch(`${stage.server.url}/oauth/token`, {
        method: 'POST',
        headers: basicOf('canister', secret.secret),
        body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
      })
      expect(answer.status).toBe(200)
      return ((await answer.json()) as { access_token: string }).access_token
    }
    const shown = (token: string) => ({ id: '', secret: token })

    for (const format of ['jwt', 'opaque']) {
      test(`as ${format} it is a Bearer token and the password of Basic, and the service learns who called`, async () => {
        await change(stage.server, '/resources/webdav', { access_token: { format } })
        const token = shown(await fetchToken())
        stage.recorder.take()
        expect((await ask(bearer(token), 'PUT', '/music/song.ogg', 'do re mi')).ok).toBe(true)
        expect(await (await ask(basic('whoever', token))).text()).toBe('do re mi')
        for (const { headers } of stage.recorder.take()) {
          expect([headers.get('remote-user'), headers.get('authorization')]).toEqual(['client:canister', null])
          expect(headers.get('remote-credential')).toMatch(/^at_/)
        }
      })

      test(`as ${format} it does no more than it was asked for`, async () => {
        const token = shown(await fetchToken('files:read'))
        expect((await ask(bearer(token))).status).toBe(200)
        const refused = await ask(bearer(token), 'DELETE')
        expect([refused.status, (await decisionOf(refused)).code]).toEqual([403, 'scope_missing'])
      })
    }

    test('it dies with the secret, and the next secret works on', async () => {
      const token = shown(await fetchToken())
      const lost = secret
      const made = await stage.server.make('/clients/canister/secrets', {})
      secret = { id: String(made.id), secret: String(made.secret) }
      await stage.revoke(lost)
      const refused = await ask(bearer(token))
      expect([refused.status, (await decisionOf(refused)).code]).toEqual([401, 'credential_revoked'])
      expect((await ask(bearer(shown(await fetchToken())))).status).toBe(200)
    })

    test('the secret itself opens no service', async () => {
      for (const headers of [bearer(secret), basic('canister', secret)]) {
        expect((await ask(headers)).status).toBe(401)
      }
    })
  })
})
