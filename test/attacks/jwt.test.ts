// Access tokens that are JWTs of ours, or claim to be: by whatever door they come, at the server and at the library.
import { afterAll, beforeAll, describe, expect, spyOn, test } from 'bun:test'
import { accessTokenVerifier, REFUSALS } from '@countersign/resource-server'
import { PUBLIC_URL, tokenFor, withSecret } from '../support/app.ts'
import { type Forge, forgeOf, publishedKeys } from '../support/forging.ts'
import type { Dialect } from './oracle.ts'
import { Stage } from './stage.ts'
import { JWT_VECTORS } from './vectors/jwts.ts'
import { basic, bearer, type Line } from './vectors/vector.ts'

const WEBDAV = 'https://webdav.example.com'
let stage: Stage
let forge: Forge
let whoCalls: ReturnType<typeof accessTokenVerifier>
beforeAll(async () => {
  stage = await Stage.open()
  await stage.call('PATCH', '/resources/webdav', { access_token: { ttl_seconds: 86_400 } })
  // Whatever is not ours may pass here, to whoever serves it.
  await stage.make('/resources', {
    name: 'guesthouse',
    identifier: 'https://guests.example.com',
    hosts: ['guests.example.com'],
    foreign_credentials: 'pass',
    rules: [{ path: '/**', require: { public: true } }],
  })
  const { headers } = await withSecret(stage.test)
  forge = forgeOf(stage.test, await tokenFor(stage.test, headers, { resource: WEBDAV }))
  const keys = await publishedKeys(stage.test)
  whoCalls = accessTokenVerifier({ issuer: PUBLIC_URL, resource: WEBDAV, keys, now: () => stage.test.clock.now })
})
afterAll(() => stage.close())

const webHeaders = ([name, value]: Line) => new Headers([[name, value]])

for (const dialect of ['forward', 'nginx'] as const satisfies readonly Dialect[]) {
  describe(`the server at /verify/${dialect}`, () => {
    for (const { name, text, expected } of JWT_VECTORS) {
      test(name, async () => {
        const [kind, code] = expected === 'OK' ? (['OK', undefined] as const) : expected
        const fetched = spyOn(globalThis, 'fetch')
        await stage.expect(kind, code, dialect, { lines: [bearer(text(forge))] })
        expect(fetched).not.toHaveBeenCalled()
        fetched.mockRestore()
      })
    }
  })
}

describe('the library', () => {
  for (const { name, text, expected, library } of JWT_VECTORS) {
    test(name, async () => {
      const caller = await whoCalls(webHeaders(bearer(text(forge))))
      expect(caller.outcome === 'deny' ? caller.code : 'OK').toBe(library ?? (expected === 'OK' ? 'OK' : expected[1]))
      const { status } = caller.outcome === 'deny' ? REFUSALS[caller.code] : { status: 200 }
      if (expected === 'OK') expect(status).toBe(200)
      else expect(status).toBe(expected[0] === 'R400' ? 400 : 401)
    })
  }
})

describe('where foreign credentials pass, as nobody', () => {
  const asks = { host: 'guests.example.com' }
  for (const { name, text, expected } of JWT_VECTORS) {
    if (expected === 'OK') continue
    const [kind, code] = expected
    const isForeign = code === 'credential_foreign'
    test(`${isForeign ? 'a stranger stays one' : 'one of ours is never passed over'}: ${name}`, async () => {
      const question = { asks, lines: [bearer(text(forge))] }
      if (isForeign) {
        const { headers } = await stage.expect('OK', undefined, 'forward', question)
        expect(headers.get('remote-user')).toBe('anonymous')
      } else {
        await stage.expect(kind, code, 'forward', question)
      }
    })
  }
})

describe('by every door', () => {
  const DOORS: readonly [string, (text: string) => Line][] = [
    ['Bearer', bearer],
    ['the password of Basic', (text) => basic(`anybody:${text}`)],
    ['X-Api-Key', (text) => ['X-Api-Key', text]],
  ]
  for (const [door, line] of DOORS) {
    test(`JWT-38 a token as ${door} is who it is, and a changed one nobody`, async () => {
      const { headers } = await stage.expect('OK', undefined, 'forward', { lines: [line(forge.live)] })
      expect(headers.get('remote-user')).toBe('client:canister')
      expect(headers.get('remote-principal')).toBe('client')
      expect(headers.get('remote-client')).toBe('canister')
      expect(headers.get('remote-scopes')).toBe('files:read,files:write')
      expect(headers.get('remote-credential')).toBe(String(forge.claims.jti))
      expect(await whoCalls(webHeaders(line(forge.live)))).toMatchObject({
        outcome: 'allow',
        principal: { kind: 'client', id: 'canister' },
        credential: forge.claims.jti,
      })
      const stolen = forge.live.slice(0, -4)
      await stage.expect('T401', 'token_unverified', 'forward', { lines: [line(stolen.slice(0, -2))] })
    })
  }

  test('JWT-38 a token beside a key is two credentials', async () => {
    const lines: Line[] = [bearer(forge.live), ['X-Api-Key', stage.wallet.key]]
    await stage.expect('R400', 'credential_ambiguous', 'forward', { lines })
  })
})
