import type { AdviceId } from './advice.ts'
import { pathOf, request, type Site } from './site.ts'

/** What of a request is tried; a run may be kept to some of these. */
export const PROBE_GROUPS = ['places', 'methods', 'paths', 'headers', 'hosts', 'protocols', 'verify'] as const
export type ProbeGroup = (typeof PROBE_GROUPS)[number]

/** A request that has to be refused by Countersign, for it shows a key that nobody has. */
export type Probe = {
  readonly group: ProbeGroup
  readonly id: string
  /** What is tried, as the end of "Countersign is not asked about …". */
  readonly what: string
  readonly lines: readonly string[]
  /** What Countersign has to be told of it. */
  readonly told: { readonly method: string; readonly path: string }
  /** What to do where Countersign is told something else. */
  readonly advice: AdviceId
  /** The host is not the site's, or is none: what the proxy answers there is not the service, unless it says so. */
  readonly isElsewhere?: true
  /** Some answer of the proxy's own is as good as a refusal: there is no such thing there. */
  readonly mayBeMissing?: true
  /** Only the words of the target may differ: the proxy may have made them plain for the service as well. */
  readonly isAboutPath?: true
}

/** `methods`: further ones, which the operator named. `preflights`: what the resource says of them. */
export type Choice = {
  readonly groups: readonly ProbeGroup[]
  readonly methods: readonly string[]
  readonly preflights: 'pass' | 'deny'
}

/** Every probe of the chosen groups. */
export function probesOf(site: Site, { groups, methods, preflights }: Choice): Probe[] {
  const all = [
    ...places(site),
    ...methodProbes(site, methods),
    ...paths(site),
    ...headers(site),
    ...hosts(site),
    ...protocols(site),
    ...(preflights === 'deny' ? [preflight(site)] : []),
    ...verifyProbes(site),
  ]
  return all.filter(({ group }) => groups.includes(group))
}

function get(site: Site, group: ProbeGroup, id: string, what: string, advice: AdviceId, ...more: string[]): Probe {
  const path = pathOf(site, id)
  return { group, id, what, advice, lines: request(site, `GET ${path}`, ...more), told: { method: 'GET', path } }
}

/** Places that proxies are often told to serve without asking. */
function places(site: Site): Probe[] {
  const name = `countersign-doctor-${site.nonce}`
  const under = [
    '.well-known',
    'api',
    'public',
    'static',
    'assets',
    'health',
    'ws',
    'socket.io',
    '_next',
    'oauth2',
    'auth',
  ]
  const files = ['style.css', 'script.js', 'image.png', 'page.html', 'data.json']
  const fixed = ['/', '/favicon.ico', '/robots.txt', '/healthz', '/.git/config', `/${name}/`]
  const all = [...under.map((folder) => `/${folder}/${name}`), ...files.map((file) => `/${name}/${file}`), ...fixed]
  return all.map((path, index) => ({
    ...{ group: 'places', id: `place-${index}`, what: `GET ${path}`, advice: 'ask_everywhere' },
    ...{ lines: request(site, `GET ${path}`), told: { method: 'GET', path } },
  }))
}

const HARMLESS = ['HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', 'SEARCH']
const NEVER_SERVED = ['TRACE', 'DOCTOR']

function methodProbes(site: Site, further: readonly string[]): Probe[] {
  const probes = [...HARMLESS, ...further].map((method): Probe => {
    const path = pathOf(site, `method-${method.toLowerCase()}`)
    const lines = request(site, `${method} ${path}`, ...(further.includes(method) ? ['Content-Length: 0'] : []))
    return {
      group: 'methods',
      id: `method-${method}`,
      what: method,
      advice: 'ask_everywhere',
      lines,
      told: { method, path },
    }
  })
  const never = NEVER_SERVED.map((method): Probe => {
    const path = pathOf(site, `method-${method.toLowerCase()}`)
    const lines = request(site, `${method} ${path}`)
    const asked = { group: 'methods', id: `method-${method}`, what: method, lines, told: { method, path } } as const
    return { ...asked, advice: 'ask_everywhere', mayBeMissing: true }
  })
  return [...probes, ...never]
}

/** Targets that one reader takes for another path than the next. */
const TARGETS = [
  'a/../b',
  'a/%2e%2e/b',
  'a//b',
  'a/./b',
  'a%2fb',
  'a;x=1/b',
  '%252e%252e/b',
  'a/..;/b',
  '%41',
  'a%5c..%5cb',
]

function paths(site: Site): Probe[] {
  const odd = TARGETS.map((target, index) => [`path-${index}`, `${pathOf(site, `path-${index}`)}/${target}`] as const)
  const all = [...odd, ['path-double', `/${pathOf(site, 'path-double')}`] as const]
  const probes = all.map(([id, path]): Probe => {
    const lines = request(site, `GET ${path}`)
    const what = `GET ${path.replace(`/countersign-doctor-${site.nonce}/`, '/…/')}`
    return { group: 'paths', id, what, advice: 'raw_target', lines, told: { method: 'GET', path }, isAboutPath: true }
  })
  const path = pathOf(site, 'path-query')
  const query = request(site, `GET ${path}?a=..%2f&b=//x;y`)
  const asked = { group: 'paths', id: 'path-query', what: 'GET with a query', lines: query } as const
  return [...probes, { ...asked, advice: 'raw_target', told: { method: 'GET', path } }]
}

/** Words that only a proxy may say, each with a value that would change what Countersign is told. */
function headers(site: Site): Probe[] {
  const { nonce } = site
  const spoofed = `/countersign-doctor-${nonce}/spoofed`
  const words: readonly (readonly [name: string, value: string])[] = [
    ['X-Forwarded-Method', 'OPTIONS'],
    ['X-Forwarded-Uri', spoofed],
    ['X-Forwarded-Host', `doctor-${nonce}.invalid`],
    ['X-Forwarded-Proto', 'javascript'],
    ['X-Forwarded-For', '203.0.113.77'],
    ['X-Real-IP', '203.0.113.77'],
    ['Forwarded', 'for=203.0.113.77;host=doctor.invalid'],
    ['X-Original-URL', `http://doctor-${nonce}.invalid${spoofed}`],
    ['X-Original-Method', 'OPTIONS'],
    ['X_Forwarded_Uri', spoofed],
    ['X_Forwarded_For', '203.0.113.77'],
    ['X_Original_URL', `http://doctor-${nonce}.invalid${spoofed}`],
    ['Countersign-Proxy-Secret', `guess-${nonce}-guess-guess-guess-guess`],
    ['X-HTTP-Method-Override', 'OPTIONS'],
    ['X-Rewrite-URL', spoofed],
  ]
  const dropped = 'X-Forwarded-Host, X-Forwarded-Uri, X-Forwarded-Method, X-Forwarded-Proto, X-Forwarded-For, X-Real-IP'
  return [
    ...words.map(([name, value]) =>
      get(
        site,
        'headers',
        `header-${name}`,
        `GET with ${name} of the client’s`,
        'strip_forwarding',
        `${name}: ${value}`,
      ),
    ),
    get(
      site,
      'headers',
      'header-connection',
      'GET with Connection naming what the proxy adds',
      'connection',
      `Connection: ${dropped}`,
    ),
  ]
}

function hosts(site: Site): Probe[] {
  const { host, unknownKey, nonce } = site
  const stranger = `doctor-${nonce}.invalid`
  const port = host.replace(/^(\[[^\]]*\]|[^:]*)/, '')
  const name = host.slice(0, host.length - port.length)
  const plain = (id: string, what: string, lines: (path: string) => string[], more: Partial<Probe> = {}): Probe => {
    const path = pathOf(site, id)
    const probe = { group: 'hosts', id, what, advice: 'one_host', lines: lines(path) } as const
    return { ...probe, told: { method: 'GET', path }, ...more }
  }
  const elsewhere = { isElsewhere: true } as const
  return [
    plain('host-upper', 'GET with Host in capitals', (path) => [
      `GET ${path} HTTP/1.1`,
      `Host: ${host.toUpperCase()}`,
      unknownKey,
    ]),
    plain(
      'host-dot',
      'GET with a dot after Host',
      (path) => [`GET ${path} HTTP/1.1`, `Host: ${name}.${port}`, unknownKey],
      elsewhere,
    ),
    plain(
      'host-other',
      'GET with another Host',
      (path) => [`GET ${path} HTTP/1.1`, `Host: ${stranger}`, unknownKey],
      elsewhere,
    ),
    plain('host-two', 'GET with two Host', (path) => [...request(site, `GET ${path}`), `Host: ${stranger}`], elsewhere),
    plain('host-none', 'GET of HTTP/1.0 without Host', (path) => [`GET ${path} HTTP/1.0`, unknownKey], elsewhere),
    plain(
      'host-absolute',
      `GET ${site.url.protocol}//${name}/… with another Host`,
      (path) => [`GET ${site.url.protocol}//${host}${path} HTTP/1.1`, `Host: ${stranger}`, unknownKey],
      elsewhere,
    ),
  ]
}

function protocols(site: Site): Probe[] {
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
  const webSocket = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', key]
  const h2c = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA']
  const old = pathOf(site, 'old')
  const oldLines = request(site, `GET ${old}`).map((line) => line.replace(/ HTTP\/1\.1$/, ' HTTP/1.0'))
  return [
    get(site, 'protocols', 'websocket', 'a WebSocket', 'ask_everywhere', ...webSocket),
    get(site, 'protocols', 'h2c', 'an upgrade to h2c', 'connection', ...h2c),
    { ...get(site, 'protocols', 'old', 'GET of HTTP/1.0', 'ask_everywhere'), lines: oldLines },
    {
      ...get(site, 'protocols', 'two-lengths', 'GET with Transfer-Encoding and Content-Length', 'ask_everywhere'),
      lines: [
        ...request(site, `GET ${pathOf(site, 'two-lengths')}`, 'Content-Length: 5', 'Transfer-Encoding: chunked'),
        ...['', '0'],
      ],
    },
  ]
}

function preflight(site: Site): Probe {
  const path = pathOf(site, 'preflight')
  const more = [`Origin: https://doctor-${site.nonce}.invalid`, 'Access-Control-Request-Method: GET']
  const lines = request(site, `OPTIONS ${path}`, ...more)
  const told = { method: 'OPTIONS', path }
  return { group: 'protocols', id: 'preflight', what: 'a CORS preflight', advice: 'ask_everywhere', lines, told }
}

/** Whether the client can ask Countersign itself, about a request of its own making. */
function verifyProbes(site: Site): Probe[] {
  const asked = (path: string) => [
    ...['X-Forwarded-Method: GET', `X-Forwarded-Proto: ${site.url.protocol.slice(0, -1)}`],
    ...[`X-Forwarded-Host: ${site.host}`, `X-Forwarded-Uri: ${path}`],
  ]
  const original = (path: string) => ['X-Original-Method: GET', `X-Original-URL: ${site.url.origin}${path}`]
  const questions: readonly (readonly [path: string, (path: string) => readonly string[]])[] = [
    ['/verify/forward', asked],
    ['/api/verify', asked],
    ['/verify/nginx', original],
  ]
  return questions.map(([path, describe]) => {
    const lines = request(site, `GET ${path}`, ...describe(pathOf(site, 'question')))
    const told = { method: 'GET', path }
    const what = `GET ${path} with a question of the client’s`
    return { group: 'verify', id: `verify-${path}`, what, advice: 'hide_verify', lines, told, mayBeMissing: true }
  })
}
