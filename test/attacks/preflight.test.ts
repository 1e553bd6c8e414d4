// A CORS preflight carries no credential: it passes only where the resource says so, and only as what it is.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Stage } from './stage.ts'
import { bearer, type Line } from './vectors/vector.ts'

const ORIGIN: Line = ['Origin', 'https://app.example.com']
const ASKS_FOR: Line = ['Access-Control-Request-Method', 'PUT']
const AT_BROWSERS = 'browsers.example.com'

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
  await stage.make('/resources', {
    name: 'browsers',
    identifier: 'https://browsers.example.com',
    hosts: [AT_BROWSERS],
    rules: [{ path: '/**' }],
    preflight: 'pass',
  })
})
afterAll(() => stage.close())

for (const dialect of ['forward', 'nginx'] as const) {
  const refused: [what: string, host: string, method: string, lines: Line[]][] = [
    ['where the resource does not say so', 'webdav.example.com', 'OPTIONS', [ORIGIN, ASKS_FOR]],
    ['without Origin', AT_BROWSERS, 'OPTIONS', [ASKS_FOR]],
    ['without the method it is for', AT_BROWSERS, 'OPTIONS', [ORIGIN]],
    ['that is a GET', AT_BROWSERS, 'GET', [ORIGIN, ASKS_FOR]],
    ['that is a GET and says OPTIONS', AT_BROWSERS, 'GET', [ORIGIN, ASKS_FOR, ['X-HTTP-Method-Override', 'OPTIONS']]],
  ]
  for (const [what, host, method, lines] of refused) {
    test(`FWD-20 a preflight ${what} is refused at ${dialect}`, () =>
      stage.expect('N401', 'credential_missing', dialect, { asks: { host, method }, lines }))
  }

  test(`FWD-20 a preflight asked for by OPTIONS for a GET is refused at ${dialect}`, () =>
    stage.expect('N401', 'credential_missing', dialect, {
      asks: { host: AT_BROWSERS },
      lines: [ORIGIN, ASKS_FOR],
      method: 'OPTIONS',
    }))

  test(`FWD-20 a preflight with a bad credential is no preflight at ${dialect}`, async () => {
    const asks = { host: AT_BROWSERS, method: 'OPTIONS' }
    const lines = [ORIGIN, ASKS_FOR]
    await stage.expect('T401', 'credential_foreign', dialect, { asks, lines: [...lines, bearer('wrong')] })
    await stage.expect('S403', 'permission_missing', dialect, { asks, lines: [...lines, bearer(stage.wallet.key)] })
  })

  test(`FWD-20 a preflight passes as nobody, told in every header, at ${dialect}`, async () => {
    const asks = { host: AT_BROWSERS, method: 'OPTIONS' }
    const { headers } = await stage.expect('OK', undefined, dialect, { asks, lines: [ORIGIN, ASKS_FOR] })
    for (const name of ['user', 'name', 'email', 'groups', 'principal']) {
      expect(headers.get(`remote-${name}`)).toBe('anonymous')
    }
    for (const name of ['client', 'roles', 'scopes', 'project', 'credential']) {
      expect(headers.get(`remote-${name}`)).toBe('none')
    }
  })
}
