import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { parseAddress, parseNetwork, remoteKeys } from '@countersign/resource-server'
import { EgressRefused, type GuardedFetchOptions, guardedFetch } from './guarded-fetch.ts'
import { whyRefused } from './guarded-fetch-addresses.ts'

const NAME = 'keys.example.com'
const SOON = () => AbortSignal.timeout(2000)

function networks(...texts: string[]) {
  return texts.map((text) => {
    const network = parseNetwork(text)
    if (network === undefined) throw new Error(`not a network: ${text}`)
    return network
  })
}

const folder = mkdtempSync(join(tmpdir(), 'guarded-fetch-'))
const read = (name: string) => readFileSync(join(folder, name), 'utf8')

function openssl(...args: string[]) {
  const { exitCode, stderr } = Bun.spawnSync(['openssl', ...args], { cwd: folder, stderr: 'pipe' })
  if (exitCode !== 0) throw new Error(stderr.toString())
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
function makeAuthority(name: string) {
  openssl(
    'req',
    '-x509',
    ...NEW_KEY,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.pem`,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
  )
}
function makeCertificate(name: string, subject: string) {
  openssl('req', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
  writeFileSync(join(folder, 'names'), `subjectAltName=${subject}`)
  const signer = ['-CA', 'authority.pem', '-CAkey', 'authority.key', '-CAcreateserial']
  openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-out', `${name}.pem`, '-days', '2', '-extfile', 'names')
}

type Seen = { readonly by: string; readonly sni: unknown; readonly host: unknown; readonly url: unknown }
let seen: Seen[] = []
let connections: string[] = []
let closed: (() => void) | undefined
const servers: http.Server[] = []

/** What each path of the servers answers. */
function answer(by: string) {
  return (request: http.IncomingMessage, response: http.ServerResponse) => {
    const sni = (request.socket as TLSSocket).servername
    seen.push({ by, sni, host: request.headers.host, url: request.url })
    switch (request.url) {
      case '/hang':
        return
      case '/slow':
        response.on('close', () => closed?.())
        response.write('{')
        return
      case '/redirect':
        return response.writeHead(302, { location: 'https://169.254.169.254/' }).end()
      case '/empty':
        return response.writeHead(204).end()
      case '/headers':
        return response
          .writeHead(200, { 'set-cookie': 'a=b', 'content-type': 'x/y' })
          .end(JSON.stringify(request.headers))
      default:
        return response.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[]}')
    }
  }
}

async function listen(server: http.Server, by: string, hostname: string, port = 0): Promise<number> {
  servers.push(server)
  server.on('connection', () => connections.push(by))
  await new Promise<void>((resolve) => server.listen(port, hostname, resolve))
  return (server.address() as AddressInfo).port
}

let port = 0
let otherNamePort = 0
let plainPort = 0
let addressPort = 0
beforeAll(async () => {
  makeAuthority('authority')
  makeAuthority('stranger')
  makeCertificate('right', `DNS:${NAME}`)
  makeCertificate('other', 'DNS:evil.example.com')
  makeCertificate('address', 'IP:127.0.0.1')
  const tls = (name: string) => ({ key: read(`${name}.key`), cert: read(`${name}.pem`) })
  port = await listen(https.createServer(tls('right'), answer('right')), 'right', '127.0.0.1')
  // The same port of another address, as a name that is bound again would have it.
  await listen(https.createServer(tls('right'), answer('rebound')), 'rebound', '127.0.0.2', port)
  otherNamePort = await listen(https.createServer(tls('other'), answer('other')), 'other', '127.0.0.1')
  addressPort = await listen(https.createServer(tls('address'), answer('address')), 'address', '127.0.0.1')
  plainPort = await listen(http.createServer(answer('plain')), 'plain', '127.0.0.1')
})
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
  rmSync(folder, { recursive: true })
})
beforeEach(() => {
  seen = []
  connections = []
  closed = undefined
})

function fetchOf({ at = ['127.0.0.1'], ...options }: Partial<GuardedFetchOptions> & { at?: string[] } = {}) {
  const ca = read('authority.pem')
  return guardedFetch({ networks: networks('127.0.0.0/8'), lookup: async () => at, ca, ...options })
}
/** Why it was not asked; fails when it was. */
async function reasonOf(asked: Promise<Response>): Promise<string> {
  const error: unknown = await asked.then(
    () => undefined,
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(EgressRefused)
  return error instanceof Error ? error.message : ''
}

describe('addresses that are not connected to', () => {
  const refused = [
    ...['0.0.0.0', '0.1.2.3', '127.0.0.1', '127.255.255.254', '10.0.0.1', '10.255.255.255', '172.16.0.1'],
    ...['172.31.255.255', '192.168.0.1', '169.254.0.1', '100.64.0.1', '100.127.255.255', '192.0.0.1', '192.0.2.1'],
    ...['198.18.0.1', '198.51.100.1', '203.0.113.1', '192.88.99.1', '224.0.0.1', '239.255.255.255', '240.0.0.1'],
    ...['255.255.255.255', '169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '192.0.0.192'],
    ...['::', '::1', 'fe80::1', 'febf::1', 'fc00::1', 'fdff::1', 'ff02::1', 'ff05::2', 'fec0::1', '100::1'],
    ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:a9fe:a9fe', '::7f00:1', '::ffff:0:7f00:1'],
    ...[
      '64:ff9b::7f00:1',
      '64:ff9b::a00:1',
      '64:ff9b::a9fe:a9fe',
      '64:ff9b:1::808:808',
      '2002:7f00:1::',
      '2002:a00:1::1',
    ],
    ...['2002:808:808::1', '2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2', '2001:db8::1', '3fff::1', '4000::1'],
    ...['fd00:ec2::254', 'fd20:ce::254'],
  ]
  test.each(refused)('%s', (text) => {
    const address = parseAddress(text)
    if (address === undefined) throw new Error('not an address')
    expect(whyRefused(address, [])).toBeString()
  })

  const accepted = [
    ...['1.1.1.1', '9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.1', '192.167.0.1', '192.169.0.1'],
    ...['100.63.255.255', '100.128.0.1', '169.253.0.1', '128.0.0.1', '223.255.255.255', '::ffff:8.8.8.8'],
    ...['2606:4700::1111', '2a00:1450::1', '2001:4860::8888', '2003::1', '64:ff9b::808:808'],
  ]
  test.each(accepted)('not %s, which is public', (text) => {
    const address = parseAddress(text)
    if (address === undefined) throw new Error('not an address')
    expect(whyRefused(address, [])).toBeUndefined()
  })

  test('an allowed network is connected to, in its translated form, too, but never cloud metadata', () => {
    const everything = networks('0.0.0.0/0', '::/0')
    const allowed = networks('10.0.0.0/8', 'fd00::/8', '100.64.0.0/10')
    const why = (text: string, among = allowed) => {
      const address = parseAddress(text)
      return address === undefined ? 'unreadable' : whyRefused(address, among)
    }
    for (const text of ['10.1.2.3', '::ffff:10.1.2.3', '64:ff9b::a01:203', 'fd12::1', '100.64.0.1'])
      expect([text, why(text)]).toEqual([text, undefined])
    for (const text of ['192.168.0.1', '127.0.0.1', '::1', 'fc00::1'])
      expect([text, why(text)]).not.toEqual([text, undefined])
    for (const text of ['fd00:ec2::254', '100.100.100.200']) expect(why(text)).toContain('cloud metadata')
    for (const text of ['169.254.169.254', '::ffff:169.254.169.254', '168.63.129.16', 'fd00:ec2::254'])
      expect(why(text, everything)).toContain('cloud metadata')
    for (const text of ['127.0.0.1', '::1']) expect(why(text, everything)).toBeUndefined()
  })
})

describe('a URI is refused before anything is asked', () => {
  const rows = [
    ...[
      '',
      'keys',
      '//x/',
      'file:///etc/passwd',
      'ftp://x/',
      'HTTPS://x/',
      'https:/x',
      'https://',
      'https:///x',
      'javascript:0',
    ],
    ...[
      'https://user@keys.example.com/',
      'https://u:p@keys.example.com/',
      'https://keys.example.com\\@x/',
      'https://a b/',
    ],
    ...[
      'https://keys.example.com/#x',
      'https://keys.example.com/a b',
      'https://keys.example.com/\r\nX: y',
      'https://x/\\',
    ],
    ...[
      'https://keys.example.com?x',
      'https://127.1/',
      'https://2130706433/',
      'https://0177.0.0.1/',
      'https://[fe80::1%25x]/',
    ],
    ...['https://x:0/', 'https://x:99999/', 'https://[::1/', 'data:application/json,{}', 'https://ké.example.com/'],
  ]
  test.each(rows)('%j', async (uri) => {
    let isAsked = false
    const lookup = async () => {
      isAsked = true
      return ['1.1.1.1']
    }
    expect(await reasonOf(guardedFetch({ networks: [], lookup })(uri, { signal: SOON() }))).toStartWith(
      'expected https',
    )
    expect(isAsked).toBe(false)
  })
})

describe('a name is connected to', () => {
  test('at the address that was judged, with its own name and certificate', async () => {
    const response = await fetchOf()(`https://${NAME}:${port}/jwks?x=1`, { signal: SOON() })
    expect([response.status, await response.text()]).toEqual([200, '{"keys":[]}'])
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(seen).toEqual([{ by: 'right', sni: NAME, host: `${NAME}:${port}`, url: '/jwks?x=1' }])
    expect(connections).toEqual(['right'])
  })

  test('never at an address that it has only the second time', async () => {
    const answers = [['127.0.0.1'], ['127.0.0.2']]
    let asked = 0
    const lookup = async () => answers[asked++] ?? []
    const get = fetchOf({ lookup, networks: networks('127.0.0.1/32') })
    expect((await get(`https://${NAME}:${port}/`, { signal: SOON() })).status).toBe(200)
    expect([asked, connections]).toEqual([1, ['right']])
    const why = await reasonOf(get(`https://${NAME}:${port}/`, { signal: SOON() }))
    expect(why).toBe(`${NAME} is at 127.0.0.2, neither public nor of COUNTERSIGN_EGRESS_NETWORKS`)
    expect([asked, connections]).toEqual([2, ['right']])
  })

  test('not at loopback when it was public first', async () => {
    const answers = [['192.31.196.1'], ['127.0.0.1'], ['127.0.0.1']]
    let asked = 0
    const get = fetchOf({ lookup: async () => answers[asked++] ?? [], networks: [] })
    const first = get(`https://${NAME}:${port}/`, { signal: AbortSignal.timeout(50) })
    expect(
      await first.then(
        () => 'answered',
        () => 'not connected',
      ),
    ).toBe('not connected')
    expect(await reasonOf(get(`https://${NAME}:${port}/`, { signal: SOON() }))).toContain('is at 127.0.0.1')
    expect([asked, connections]).toEqual([2, []])
  })

  test('at none of its addresses when one of them is refused', async () => {
    for (const at of [
      ['127.0.0.1', '10.0.0.1'],
      ['127.0.0.1', '::1'],
      ['127.0.0.1', 'fe80::1%lo'],
      ['127.0.0.1', ''],
      [],
    ])
      await reasonOf(fetchOf({ at })(`https://${NAME}:${port}/`, { signal: SOON() }))
    expect(connections).toEqual([])
  })

  test('at the next address when the first does not answer', async () => {
    const get = fetchOf({ at: ['127.0.0.3', '127.0.0.1'] })
    expect((await get(`https://${NAME}:${port}/`, { signal: SOON() })).status).toBe(200)
  })

  test('as the system resolves it', async () => {
    const ca = read('authority.pem')
    const closedDoor = guardedFetch({ networks: [], ca })
    expect(await reasonOf(closedDoor(`https://localhost:${port}/`, { signal: SOON() }))).toContain('localhost is at ')
    const open = guardedFetch({ networks: networks('127.0.0.0/8', '::1/128'), ca })
    const mismatch = open(`https://localhost:${port}/`, { signal: SOON() })
    expect(await mismatch.catch(({ code }) => code)).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  })

  test('unless the resolver fails, or does not answer', async () => {
    const failing = fetchOf({ lookup: () => Promise.reject(new Error('NXDOMAIN')) })
    expect(await failing(`https://${NAME}/`, { signal: SOON() }).catch(({ message }) => message)).toBe('NXDOMAIN')
    const deaf = fetchOf({ lookup: () => new Promise(() => {}) })
    const late = deaf(`https://${NAME}/`, { signal: AbortSignal.timeout(10) })
    expect(await late.catch(({ name }) => name)).toBe('TimeoutError')
  })
})

describe('an address that the URI names itself', () => {
  const rows = [
    '127.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '10.0.0.1',
    '169.254.169.254',
    '[fd00:ec2::254]',
  ]
  test.each(rows)('%s is judged', async (host) => {
    await reasonOf(fetchOf({ networks: [] })(`https://${host}:${port}/`, { signal: SOON() }))
    expect(connections).toEqual([])
  })

  test('needs a certificate for it', async () => {
    const get = fetchOf({ lookup: () => Promise.reject(new Error('not asked')) })
    expect((await get(`https://127.0.0.1:${addressPort}/`, { signal: SOON() })).status).toBe(200)
    const mismatch = get(`https://127.0.0.1:${port}/`, { signal: SOON() })
    expect(await mismatch.catch(({ code }) => code)).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  })
})

describe('over TLS', () => {
  test('a certificate for another name is refused, and no request is made', async () => {
    const asked = fetchOf()(`https://${NAME}:${otherNamePort}/`, { signal: SOON() })
    expect(await asked.catch(({ code }) => code)).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
    expect(seen).toEqual([])
  })

  test('a certificate of an unknown authority is refused, whatever the environment says', async () => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
    try {
      for (const value of ['1', '0']) {
        process.env.NODE_TLS_REJECT_UNAUTHORIZED = value
        const asked = fetchOf({ ca: read('stranger.pem') })(`https://${NAME}:${port}/`, { signal: SOON() })
        expect(await asked.catch(({ code }) => code)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
      }
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    }
    expect(seen).toEqual([])
  })
})

describe('without TLS', () => {
  test('an allowed network is asked', async () => {
    const response = await fetchOf()(`http://${NAME}:${plainPort}/`, { signal: SOON() })
    expect(await response.json()).toEqual({ keys: [] })
  })

  test('a public address is not', async () => {
    const why = await reasonOf(fetchOf({ at: ['1.1.1.1'] })(`http://${NAME}/`, { signal: SOON() }))
    expect(why).toContain('expected https://')
  })
})

test('a proxy of the environment is not asked', async () => {
  const names = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']
  const before = names.map((name) => [name, process.env[name]] as const)
  try {
    for (const name of names) process.env[name] = name.startsWith('NODE') ? '1' : `http://127.0.0.1:${otherNamePort}`
    expect((await fetchOf()(`https://${NAME}:${port}/`, { signal: SOON() })).status).toBe(200)
    expect((await fetchOf()(`http://${NAME}:${plainPort}/`, { signal: SOON() })).status).toBe(200)
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
  expect(connections).toEqual(['right', 'plain'])
})

test('when it is over already, not even the name is resolved', async () => {
  let isAsked = false
  const lookup = async () => {
    isAsked = true
    return ['127.0.0.1']
  }
  await expect(fetchOf({ lookup })(`https://${NAME}:${port}/`, { signal: AbortSignal.abort() })).rejects.toThrow()
  expect([isAsked, connections]).toEqual([false, []])
})

describe('an answer', () => {
  test('that redirects is not followed', async () => {
    const response = await fetchOf()(`https://${NAME}:${port}/redirect`, { signal: SOON() })
    expect(response.status).toBe(302)
    expect(seen).toHaveLength(1)
  })

  test('brings no cookies, and none are sent', async () => {
    const get = fetchOf()
    await (await get(`https://${NAME}:${port}/headers`, { signal: SOON() })).text()
    const response = await get(`https://${NAME}:${port}/headers`, { signal: SOON(), headers: { accept: 'x/y' } })
    expect(response.headers.getSetCookie()).toEqual([])
    expect(Object.keys((await response.json()) as object).sort()).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'host',
    ])
    expect(connections).toEqual(['right', 'right'])
  })

  test('without a body has none', async () => {
    const response = await fetchOf()(`https://${NAME}:${port}/empty`, { signal: SOON() })
    expect([response.status, response.body]).toEqual([204, null])
  })

  test('that does not come is waited for as long as the signal says', async () => {
    const asked = fetchOf()(`https://${NAME}:${port}/hang`, { signal: AbortSignal.timeout(30) })
    expect(await asked.catch((error: Error) => error.name)).toMatch(/AbortError|TimeoutError/)
  })

  test('whose body nobody wants any more is closed', async () => {
    const ended = new AbortController()
    const isClosed = new Promise<void>((resolve) => {
      closed = resolve
    })
    await fetchOf()(`https://${NAME}:${port}/slow`, { signal: ended.signal })
    ended.abort()
    await isClosed
  })
})

test('remote keys are fetched through it, and say why they are not', async () => {
  const logged: unknown[] = []
  const keysAt = (uri: string, options = {}) =>
    remoteKeys({
      uri,
      fetch: fetchOf(options),
      algorithms: ['ES256'],
      now: () => new Date(),
      timeoutMs: 100,
      log: (_, { because }) => logged.push(because),
    })
  expect(await keysAt(`https://${NAME}:${port}/`).find('x', 'ES256')).toBe('unknown')
  expect(logged).toEqual([])
  for (const path of ['redirect', 'empty', 'slow', 'hang'])
    expect(await keysAt(`https://${NAME}:${port}/${path}`).find('x', 'ES256')).toBe('unavailable')
  expect(await keysAt(`https://${NAME}:${port}/`, { networks: [] }).find('x', 'ES256')).toBe('unavailable')
  expect(logged).toEqual([
    'it redirects; give the address where it is',
    'it answered 204',
    'it took longer than 100 ms',
    'it took longer than 100 ms',
    `it could not be asked: ${NAME} is at 127.0.0.1, neither public nor of COUNTERSIGN_EGRESS_NETWORKS`,
  ])
})
