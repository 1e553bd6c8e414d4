// Who may ask, what a question has to say, and what an answer never does.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { IDENTITY_HEADERS } from './oracle.ts'
import { describedTo, Stage } from './stage.ts'
import { bearer, type Line } from './vectors/vector.ts'

const DIALECTS = ['forward', 'nginx'] as const

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
})
afterAll(() => stage.close())
const withKey = () => [bearer(stage.wallet.key)]

describe('who may ask', () => {
  for (const dialect of DIALECTS) {
    for (const peer of ['203.0.113.9', '::ffff:203.0.113.9', '10.0.0.1', 'fe80::1', '0.0.0.0', 'unknown']) {
      test(`FWD-01 ${peer} may not ask at ${dialect}`, async () => {
        const lines: Line[] = [...withKey(), ['Countersign-Proxy-Secret', 'guess'], ['Forwarded', 'for=127.0.0.1']]
        const before = stage.test.logLines.length
        await stage.expect('F403', 'untrusted_proxy', dialect, { peer, lines, from: '127.0.0.1' })
        const told = stage.test.logLines.slice(before).join('')
        expect(told).toContain(JSON.stringify(peer))
        expect(told).toContain('COUNTERSIGN_TRUSTED_PROXIES')
      })
    }
    for (const peer of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', null]) {
      test(`FWD-01 ${peer ?? 'a unix socket'} may ask at ${dialect}`, () =>
        stage.expect('OK', undefined, dialect, { peer, lines: withKey() }))
    }
  }

  test('FWD-01 where there is a proxy secret, it counts and no address does', async () => {
    const secret = 'the-secret-of-the-proxy-0123456789abcdef'
    const guarded = await Stage.open({ COUNTERSIGN_PROXY_SECRET: secret })
    guarded.oracle.keepSecret(secret)
    const ask = (lines: Line[], peer: string) => ({ peer, lines: [bearer(guarded.wallet.key), ...lines] })
    const shown = (value: string): Line => ['Countersign-Proxy-Secret', value]
    const wrong = [[], [shown('')], [shown('wrong')], [shown(`${secret}x`)], [shown(secret), shown(secret)]]
    for (const dialect of DIALECTS) {
      for (const lines of wrong) {
        await guarded.expect('F403', 'untrusted_proxy', dialect, ask(lines, '127.0.0.1'))
      }
      await guarded.expect('OK', undefined, dialect, ask([shown(secret)], '203.0.113.9'))
    }
    await guarded.close()
  })
})

describe('what a question has to say', () => {
  const changed = (dialect: 'forward' | 'nginx', change: (lines: readonly Line[]) => readonly Line[]) =>
    change(describedTo(dialect, {}))

  const told = DIALECTS.flatMap((dialect) =>
    describedTo(dialect, {}).flatMap(([name]) => (/-for$|-ip$/i.test(name) ? [] : [[dialect, name] as const])),
  )
  for (const [dialect, name] of told) {
    const code = name === 'X-Original-URL' || name === 'X-Forwarded-Uri' ? 'target_malformed' : 'request_malformed'

    test(`FWD-05 a question without ${name} is refused`, async () => {
      const described = changed(dialect, (lines) => lines.filter(([other]) => other !== name))
      await stage.expect('R400', 'request_malformed', dialect, { described, lines: withKey() })
    })
    test(`FWD-05 a question with an empty ${name} is refused`, async () => {
      const described = changed(dialect, (lines) => lines.map((line) => (line[0] === name ? [name, ''] : line)))
      await stage.expect('R400', code, dialect, { described, lines: withKey() })
    })
    test(`FWD-05 a question with two ${name} is refused`, async () => {
      const described = changed(dialect, (lines) => lines.flatMap((line) => (line[0] === name ? [line, line] : [line])))
      await stage.expect('R400', code, dialect, { described, lines: withKey() })
    })
  }

  test('FWD-03 a question in two dialects at once is refused, also when they agree', async () => {
    for (const url of ['https://webdav.example.com/', 'https://evil.test/']) {
      const lines: Line[] = [...withKey(), ['X-Original-URL', url]]
      await stage.expect('R400', 'request_malformed', 'forward', { lines })
    }
    for (const uri of ['/', '/public']) {
      await stage.expect('R400', 'request_malformed', 'nginx', { lines: [...withKey(), ['X-Forwarded-Uri', uri]] })
    }
  })

  for (const proto of [
    'javascript',
    'HTTPS',
    'https:',
    'https, http',
    'file',
    'constructor',
    '__proto__',
    'toString',
  ]) {
    test(`FWD-40 the scheme ${proto} is refused`, async () => {
      await stage.expect('R400', 'request_malformed', 'forward', { asks: { proto }, lines: withKey() })
    })
  }
})

describe('what an answer never does', () => {
  test('FWD-24 a key of a client without groups is told of in every header', async () => {
    const { headers } = await stage.expect('OK', undefined, 'forward', { lines: withKey() })
    expect(Object.fromEntries(IDENTITY_HEADERS.slice(1).map((name) => [name, headers.get(name)]))).toEqual({
      'countersign-expires': 'never',
      'remote-client': 'canister',
      'remote-credential': expect.stringMatching(/^key_/),
      'remote-email': 'canister@clients.127.0.0.1',
      'remote-groups': 'clients',
      'remote-name': 'canister',
      'remote-principal': 'client',
      'remote-project': '*',
      'remote-roles': 'none',
      'remote-scopes': 'files:read,files:write',
      'remote-user': 'client:canister',
    })
  })

  for (const agent of ['GoogleHC/1.0', 'kube-probe/1.30', 'ELB-HealthChecker/2.0', 'curl/8']) {
    test(`FWD-31 ${agent} at the paths of health checks is a stranger like any other`, async () => {
      for (const uri of ['/healthz', '/readyz', '/ping', '/health', '/.well-known/jwks.json', '/robots.txt']) {
        const question = { asks: { uri }, lines: [['User-Agent', agent]] as Line[] }
        for (const dialect of DIALECTS) await stage.expect('N401', 'credential_missing', dialect, question)
      }
    })
  }

  test('FWD-34 nginx is told nothing but 200, 401, 403 and 5xx', async () => {
    for (const asks of [{ method: 'get' }, { uri: '/..' }, { host: 'a b' }]) {
      expect((await stage.ask('nginx', { asks, lines: withKey() })).status).toBe(401)
    }
    expect((await stage.ask('nginx', { lines: [['Authorization', 'Bearer']] })).status).toBe(401)
  })

  test('FWD-35 an upgrade, a stream or an announced upload is decided on as what it is', async () => {
    const announced: Line[][] = [
      [
        ['Upgrade', 'websocket'],
        ['Connection', 'Upgrade'],
        ['Sec-WebSocket-Version', '13'],
      ],
      [
        ['Content-Type', 'application/grpc'],
        ['TE', 'trailers'],
      ],
      [
        ['Expect', '100-continue'],
        ['Content-Length', '104857600'],
      ],
    ]
    for (const lines of announced) {
      await stage.expect('N401', 'credential_missing', 'forward', { lines })
      await stage.expect('OK', undefined, 'forward', { lines: [...withKey(), ...lines] })
    }
  })

  test('FWD-38 nobody is sent to a login page, whatever they accept', async () => {
    for (const accept of ['application/json', 'text/html,application/xhtml+xml', '*/*']) {
      const lines: Line[] = [
        ['Accept', accept],
        ['X-Requested-With', 'XMLHttpRequest'],
      ]
      for (const dialect of DIALECTS) await stage.expect('N401', 'credential_missing', dialect, { lines })
    }
  })

  for (const target of [
    'https://evil.test',
    '//evil.test',
    '\\evil.test',
    'javascript:alert(1)',
    'https://a@evil.test',
  ]) {
    test(`FWD-39 no answer leads to ${target}`, async () => {
      const query = `?rd=${encodeURIComponent(target)}&redirect_uri=${encodeURIComponent(target)}`
      await stage.expect('N401', 'credential_missing', 'forward', { query, lines: [['Referer', target]] })
    })
  }
})
