// Traefik is not run here. What can be read of its guide without it: that it is YAML, and that no header is forgotten.
import { expect, test } from 'bun:test'
import { IDENTITY_HEADERS } from '@countersign/admin-api'
import { parse } from 'yaml'
import { guideBlock } from '../support/guide.ts'
import { SPOOFS } from '../support/proxied/spoofing.ts'

type Site = {
  readonly http: {
    readonly routers: Record<
      string,
      { readonly middlewares: string[]; readonly service: string; readonly rule: string }
    >
    readonly middlewares: {
      readonly 'countersign-strip': { readonly headers: { readonly customRequestHeaders: Record<string, string> } }
      readonly 'countersign-hide': { readonly headers: { readonly customRequestHeaders: Record<string, string> } }
      readonly 'countersign-ask': { readonly forwardAuth: Record<string, unknown> }
    }
  }
}

/** What an entry point that trusts nobody removes by itself: `XHeadersSet` of Traefik's forwarded_header.go. */
const BY_ENTRY_POINT = [
  ...['proto', 'scheme', 'for', 'host', 'port', 'server', 'uri', 'method', 'prefix'].map(
    (part) => `x-forwarded-${part}`,
  ),
  'x-real-ip',
]
/** What RemoveConnectionHeaders of Traefik takes care of. */
const BY_CONNECTION = ['connection', 'upgrade']

const site: Site = parse(guideBlock('traefik.md', 'webdav.yaml'))
const { middlewares, routers } = site.http
const asking = middlewares['countersign-ask'].forwardAuth
const names = (removing: { readonly headers: { readonly customRequestHeaders: Record<string, string> } }) =>
  Object.entries(removing.headers.customRequestHeaders).map(([name, value]) => {
    expect(value).toBe('')
    return name.toLowerCase()
  })

test('the guide for Traefik hands on every identity header, and removes whatever else has such a name', () => {
  expect(asking.authResponseHeaders).toEqual([...IDENTITY_HEADERS])
  const others = new RegExp(String(asking.authResponseHeadersRegex))
  for (const name of [...IDENTITY_HEADERS, 'Remote-Tenant', 'Countersign-Proxy-Secret']) expect(name).toMatch(others)
})

test('the guide for Traefik removes every header that the other proxies are tried with', () => {
  const tried = Object.values(SPOOFS).flatMap((lines) =>
    lines.map((line) => line.slice(0, line.indexOf(':')).toLowerCase()),
  )
  const byTraefik = (name: string) =>
    /[_.]/.test(name) || /^(remote|countersign)-/.test(name) || [...BY_ENTRY_POINT, ...BY_CONNECTION].includes(name)
  const stripped = names(middlewares['countersign-strip'])
  expect([...new Set(tried)].filter((name) => !byTraefik(name) && !stripped.includes(name))).toEqual([])
  expect(stripped).toContain('countersign-proxy-secret')
  expect(names(middlewares['countersign-hide'])).toEqual(['authorization', 'x-api-key'])
})

test('the guide for Traefik strips, asks and hides in this order, and asks with nothing that a client says of itself', () => {
  const { webdav, ...others } = routers
  expect(webdav?.middlewares).toEqual(['countersign-strip', 'countersign-ask', 'countersign-hide'])
  expect(Object.values(others).map(({ service }) => service)).toEqual(['countersign'])
  expect(asking).toMatchObject({ trustForwardHeader: false, address: 'http://127.0.0.1:8420/verify/forward' })
  const { entryPoints } = parse(guideBlock('traefik.md', 'traefik.yaml'))
  expect(entryPoints.websecure.forwardedHeaders).toEqual({ insecure: false, trustedIPs: [] })
  expect(entryPoints.websecure.http.underscoreHeadersStrategy).toBe('delete')
})

test('the route without a question leads to the metadata alone', () => {
  const path = /PathRegexp\(`([^`]+)`\)/.exec(routers['webdav-metadata']?.rule ?? '')?.[1]
  const open = new RegExp(path ?? '$.')
  expect('/.well-known/oauth-protected-resource/a/b').toMatch(open)
  for (const around of ['/../x', '/..%2fx', '/.', '//x', 'x', '/a/../b']) {
    expect(`/.well-known/oauth-protected-resource${around}`).not.toMatch(open)
  }
})
