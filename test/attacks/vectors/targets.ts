// Request targets, hosts and methods that two programs read in two ways. The key may read `/pub/*` at
// intranet.example.com, and nothing else there; at webdav.example.com one rule is for every path.
import { type Asked, bearer, type Expected, type Vector } from './vector.ts'

const MALFORMED: Expected = ['R400', 'target_malformed']
const AMBIGUOUS: Expected = ['R400', 'target_ambiguous']
const UNDESCRIBED: Expected = ['R400', 'request_malformed']
const UNCOVERED: Expected = ['F403', 'rule_missing']
const ELSEWHERE: Expected = ['F403', 'host_unknown']

const asking = (asks: Partial<Asked>, name: string, expected: Expected, nginx = expected): Vector => ({
  name,
  lines: ({ key }) => [bearer(key)],
  asks,
  expected,
  nginx,
})

const atPathRules: readonly [uri: string, id: string, expected: Expected, nginx?: Expected][] = [
  ['/pub/page', 'FWD-06', 'OK'],
  ['/pub/page/', 'FWD-06', 'OK'],
  ['/pub/../admin', 'FWD-06', MALFORMED],
  ['/pub/%2e%2e/admin', 'FWD-06', MALFORMED],
  ['/pub/.%2e/admin', 'FWD-06', MALFORMED],
  ['/pub/%2E./admin', 'FWD-06', MALFORMED],
  ['/pub/./page', 'FWD-06', MALFORMED],
  ['/pub/..', 'FWD-06', MALFORMED],
  ['/pub/;/../admin', 'FWD-06', MALFORMED],
  ['/pub/..;/admin', 'FWD-06', MALFORMED],
  ['/pub/..;a=b/admin', 'FWD-06', MALFORMED],
  ['/pub/%2e%2e%3b/admin', 'FWD-06', MALFORMED],
  ['/pub/..%2fadmin', 'FWD-06', MALFORMED],
  ['/pub\\..\\admin', 'FWD-06', MALFORMED],
  ['/pub/%5c..%5cadmin', 'FWD-06', MALFORMED],
  ['/pub/page;v=1', 'FWD-06', AMBIGUOUS],
  ['/pub/page%3bv=1', 'FWD-06', AMBIGUOUS],
  ['/pub%2fpage', 'FWD-06', AMBIGUOUS],
  ['/pub/page#/admin', 'FWD-06', MALFORMED],
  ['/pub/page?next=/../admin', 'FWD-06', 'OK'],

  ['//admin', 'FWD-07', AMBIGUOUS],
  ['//pub/page', 'FWD-07', AMBIGUOUS],
  ['/pub//page', 'FWD-07', AMBIGUOUS],
  ['/pub//../admin', 'FWD-07', MALFORMED],
  ['/pub/page//', 'FWD-07', AMBIGUOUS],
  ['//evil.test/admin', 'FWD-07', AMBIGUOUS],
  ['https://intranet.example.com/pub/page', 'FWD-07', MALFORMED],

  ['/pub/a%', 'FWD-09', MALFORMED],
  ['/pub/a%z', 'FWD-09', MALFORMED],
  ['/pub/a%zz', 'FWD-09', MALFORMED],
  ['/pub/%00', 'FWD-09', MALFORMED],
  ['/pub/%0d%0aX-Evil:1', 'FWD-09', MALFORMED],
  ['/pub/%7f', 'FWD-09', MALFORMED],
  ['/pub/a\tb', 'FWD-09', MALFORMED],
  ['/pub/a b', 'FWD-09', MALFORMED],
  ['/pub/%ff', 'FWD-09', MALFORMED],
  ['/pub/%c0%af', 'FWD-09', MALFORMED],
  ['/pub/%ed%a0%80', 'FWD-09', MALFORMED],
  ['/pub/\u00fc', 'FWD-09', MALFORMED],
  ['*', 'FWD-09', MALFORMED],
  ['pub/page', 'FWD-09', MALFORMED, ELSEWHERE],
  [`/pub/${'a'.repeat(8192)}`, 'FWD-09', MALFORMED],

  ['/pub/%252e%252e', 'FWD-10', 'OK'],
  ['/pub/%252e%252e/admin', 'FWD-10', UNCOVERED],
  ['/pub%252fpage', 'FWD-10', UNCOVERED],
  ['/pub/page%253bv', 'FWD-10', 'OK'],

  ['/admin', 'FWD-12', ['S403', 'scope_missing']],
  ['/%61dmin', 'FWD-12', ['S403', 'scope_missing']],
  ['/admin/', 'FWD-12', ['S403', 'scope_missing']],
  ['/ADMIN', 'FWD-12', UNCOVERED],
  ['/Admin', 'FWD-12', UNCOVERED],
  ['/%EF%BD%81dmin', 'FWD-12', UNCOVERED],
  ['/adm%C4%B1n', 'FWD-12', UNCOVERED],
  ['/PUB/page', 'FWD-12', UNCOVERED],
  ['/pub', 'FWD-12', UNCOVERED],
  ['/', 'FWD-12', UNCOVERED],
]

const atOneRule: readonly [uri: string, expected: Expected][] = [
  ['//evil.test/admin', 'OK'],
  ['//intranet.example.com/admin', 'OK'],
  ['/a;b/c%2fd', 'OK'],
  ['/a/../b', MALFORMED],
]

const hosts: readonly [host: string, id: string, expected: Expected, proto?: string][] = [
  ['WebDAV.Example.COM', 'FWD-14', 'OK'],
  ['webdav.example.com.', 'FWD-14', 'OK'],
  ['webdav.example.com:443', 'FWD-14', 'OK'],
  ['WEBDAV.example.com.:443', 'FWD-14', 'OK'],
  ['webdav.example.com:80', 'FWD-14', 'OK', 'http'],
  ['webdav.example.com:80', 'FWD-14', ELSEWHERE],
  ['webdav.example.com:443', 'FWD-14', ELSEWHERE, 'http'],
  ['webdav.example.com:8443', 'FWD-14', ELSEWHERE],
  ['webdav.example.com:0443', 'FWD-14', UNDESCRIBED],
  ['webdav.example.com:', 'FWD-14', UNDESCRIBED],
  ['webdav.example.com..', 'FWD-14', UNDESCRIBED],
  ['.webdav.example.com', 'FWD-14', UNDESCRIBED],
  ['webdav..example.com', 'FWD-14', UNDESCRIBED],
  ['webdav.example.com, evil.test', 'FWD-14', UNDESCRIBED],
  ['webdav.example.com@evil.test', 'FWD-14', UNDESCRIBED],
  ['evil.test\\webdav.example.com', 'FWD-14', UNDESCRIBED],
  ['webdav.example.com%00.evil.test', 'FWD-14', UNDESCRIBED],
  ['webdav.ex\u00e4mple.com', 'FWD-14', UNDESCRIBED],
  ['xn--webdav.example.com', 'FWD-14', ELSEWHERE],
  ['deep.intranet.example.com', 'FWD-14', ELSEWHERE],
  ['tenant.cloud.example.com', 'FWD-14', 'OK'],
  ['a.tenant.cloud.example.com', 'FWD-14', ELSEWHERE],
  ['cloud.example.com', 'FWD-14', ELSEWHERE],
  ['[::1]', 'FWD-14', ELSEWHERE],
  ['[::1', 'FWD-14', UNDESCRIBED],
  ['127.0.0.1', 'FWD-14', ELSEWHERE],
  ['127.1', 'FWD-14', UNDESCRIBED],

  ['evil.test', 'FWD-17', ELSEWHERE],
  ['webdav.example.com.evil.test', 'FWD-17', ELSEWHERE],
  ['example.com', 'FWD-17', ELSEWHERE],
  ['localhost', 'FWD-17', ELSEWHERE],
  ['countersign', 'FWD-17', ELSEWHERE],
  ['127.0.0.1:8420', 'FWD-17', ELSEWHERE],

  ['webdav.example.com%0d%0aX-Evil:1', 'FWD-40', UNDESCRIBED],
]

const methods: readonly [method: string, expected: Expected][] = [
  ['get', UNDESCRIBED],
  ['GET,DELETE', UNDESCRIBED],
  ['GET DELETE', UNDESCRIBED],
  ['TRACE', UNDESCRIBED],
  ['CONNECT', UNDESCRIBED],
  ['-GET', UNDESCRIBED],
  ['A'.repeat(33), UNDESCRIBED],
]

const shortened = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 30)}…` : text)

export const TARGET_VECTORS: readonly Vector[] = [
  ...atPathRules.map(([uri, id, expected, nginx]) =>
    asking({ host: 'intranet.example.com', uri }, `${id} ${shortened(uri)} where rules look at paths`, expected, nginx),
  ),
  ...atOneRule.map(([uri, expected]) =>
    asking({ uri }, `FWD-07 ${shortened(uri)} where one rule is for every path`, expected),
  ),
]

// To nginx's one URL a bad host is a bad URL.
export const HOST_VECTORS: readonly Vector[] = hosts.map(([host, id, expected, proto = 'https']) =>
  asking(
    { host, proto },
    `${id} the host ${shortened(host)} over ${proto}`,
    expected,
    expected === UNDESCRIBED ? MALFORMED : expected,
  ),
)

export const METHOD_VECTORS: readonly Vector[] = [
  ...methods.map(([method, expected]) => asking({ method }, `FWD-05 the method ${shortened(method)}`, expected)),
  {
    name: 'FWD-19 a GET that claims to be a DELETE is decided as the GET that it is',
    lines: ({ reader }) => [
      bearer(reader),
      ['X-HTTP-Method-Override', 'DELETE'],
      ['X-HTTP-Method', 'DELETE'],
      ['X-Method-Override', 'DELETE'],
    ],
    asks: { uri: '/?_method=DELETE' },
    expected: 'OK',
  },
  {
    name: 'FWD-19 a DELETE that claims to be a GET is decided as the DELETE that it is',
    lines: ({ reader }) => [bearer(reader), ['X-HTTP-Method-Override', 'GET']],
    asks: { method: 'DELETE' },
    expected: ['S403', 'scope_missing'],
  },
]
