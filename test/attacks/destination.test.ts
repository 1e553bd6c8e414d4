// COPY and MOVE write somewhere else than they say: the Destination is held to the same law, for PUT, on the same host.
import { afterAll, beforeAll, describe, test } from 'bun:test'
import { Stage } from './stage.ts'
import { bearer, type Expected } from './vectors/vector.ts'

const MALFORMED: Expected = ['R400', 'destination_malformed']
const ELSEWHERE: Expected = ['F403', 'destination_host_refused']
const AT = 'https://intranet.example.com'

// The key may write to /pub/* at intranet.example.com, and nothing else there.
const rows: readonly [destination: string, expected: Expected][] = [
  ['/pub/b', 'OK'],
  [`${AT}/pub/b`, 'OK'],
  ['https://Intranet.Example.COM.:443/pub/b', 'OK'],
  [`${AT}/pub/b?x=/../admin`, 'OK'],

  ['https://evil.test/pub/b', ELSEWHERE],
  ['https://evil-intranet.example.com/pub/b', ELSEWHERE],
  ['https://a.intranet.example.com/pub/b', ELSEWHERE],
  ['https://intranet.example.com.evil.test/pub/b', ELSEWHERE],
  ['https://intranet.example.com:8443/pub/b', ELSEWHERE],
  ['https://webdav.example.com/pub/b', ELSEWHERE],
  ['https://example.com/pub/b', ELSEWHERE],

  ['', MALFORMED],
  ['pub/b', MALFORMED],
  ['intranet.example.com/pub/b', MALFORMED],
  ['file:///pub/b', MALFORMED],
  ['https:///pub/b', MALFORMED],
  ['https://intranet.example.com@evil.test/pub/b', MALFORMED],
  [`${AT}/pub/../admin`, MALFORMED],
  [`${AT}/pub/%2e%2e/admin`, MALFORMED],
  [`${AT}/pub/..;/admin`, MALFORMED],
  [`${AT}/pub/b#c`, MALFORMED],
  [`${AT}/pub/%zz`, MALFORMED],
  ['/pub\\b', MALFORMED],
  [`${AT}/pub/b, ${AT}/pub/c`, MALFORMED],

  ['//evil.test/pub/b', MALFORMED],
  ['/pub/b;c', ['R400', 'target_ambiguous']],
  ['/admin', ['S403', 'scope_missing']],
  ['/nowhere', ['F403', 'rule_missing']],
  ['/', ['F403', 'rule_missing']],
]

describe.each(['forward', 'nginx'] as const)('at /verify/%s', (dialect) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await Stage.open()
  })
  afterAll(() => stage.close())

  for (const [destination, expected] of rows) {
    const [kind, code] = expected === 'OK' ? (['OK', undefined] as const) : expected
    test(`to ${JSON.stringify(destination)}: ${code ?? 'allowed'}`, async () => {
      for (const method of ['COPY', 'MOVE']) {
        await stage.expect(kind, code, dialect, {
          asks: { host: 'intranet.example.com', uri: '/pub/a', method },
          lines: [bearer(stage.wallet.key), ['Destination', destination]],
        })
      }
    })
  }

  test('without a Destination, or with two of them: refused', async () => {
    const asks = { host: 'intranet.example.com', uri: '/pub/a', method: 'MOVE' }
    const both = ['/pub/b', '/pub/b'].map((value) => ['Destination', value] as const)
    await stage.expect('R400', 'destination_malformed', dialect, { asks, lines: [bearer(stage.wallet.key)] })
    await stage.expect('R400', 'destination_malformed', dialect, { asks, lines: [bearer(stage.wallet.key), ...both] })
  })

  test('with a key that may only read: refused, and a GET does not look at it', async () => {
    const lines = [bearer(stage.wallet.reader), ['Destination', '/b']] as const
    await stage.expect('S403', 'scope_missing', dialect, { asks: { method: 'COPY' }, lines })
    await stage.expect('OK', undefined, dialect, { asks: { method: 'GET' }, lines })
  })

  test('with a key confined to a project: to another project refused', async () => {
    const asks = { host: 'forge.example.com', uri: '/a/file', method: 'COPY' }
    const to = (path: string) => [bearer(stage.wallet.confined), ['Destination', path]] as const
    await stage.expect('OK', undefined, dialect, { asks, lines: to('/a/other') })
    await stage.expect('S403', 'project_not_granted', dialect, { asks, lines: to('/b/other') })
  })
})
