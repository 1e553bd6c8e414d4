import {
  type Address,
  clientAddress,
  type Denied,
  deny,
  type Listener,
  parseAbsoluteTarget,
  parseAddress,
  parseHost,
  parseMethod,
  parseRequestTarget,
} from '@countersign/resource-server'
import { AskedRequest } from './asked.ts'
import type { Proxies } from './proxies.ts'

/** Reads what is asked for from the headers that one kind of proxy sets. Fixed by the path, never sniffed. */
export type ReadAsked = (headers: Headers, listener: Listener, now: Date, proxies: Proxies) => AskedRequest | Denied

// A Map, not an object: `constructor` is no scheme.
const SCHEMES = new Map<string, 'http' | 'https'>([
  ['http', 'http'],
  ['https', 'https'],
  ['ws', 'http'],
  ['wss', 'https'],
])

/** `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri`: Caddy, Traefik, HAProxy. All required, each with one value. */
export const readForward: ReadAsked = (headers, listener, now, proxies) => {
  const method = headers.get('x-forwarded-method')
  const proto = headers.get('x-forwarded-proto')
  const host = headers.get('x-forwarded-host')
  const uri = headers.get('x-forwarded-uri')
  if (method === null || proto === null || host === null || uri === null) {
    const missing = Object.entries({ method, proto, host, uri }).flatMap(([part, value]) =>
      value === null ? [part] : [],
    )
    return deny('request_malformed', { missing: missing.map((part) => `X-Forwarded-${capitalised(part)}`) })
  }
  if (headers.get('x-original-url') !== null) return otherDialect('X-Original-URL')
  const scheme = SCHEMES.get(proto)
  if (scheme === undefined) return deny('request_malformed', { because: 'X-Forwarded-Proto is neither http nor https' })
  return asking('forward', { method, scheme, host, target: uri }, headers, listener, now, () =>
    clientAddress(headers.get('x-forwarded-for'), proxies.isTrusted),
  )
}

/** `X-Original-Method` and `X-Original-URL` (absolute): nginx's auth_request, ingress-nginx. */
export const readNginx: ReadAsked = (headers, listener, now) => {
  const method = headers.get('x-original-method')
  const url = headers.get('x-original-url')
  if (method === null || url === null) {
    return deny('request_malformed', { missing: [method === null ? 'X-Original-Method' : 'X-Original-URL'] })
  }
  if (headers.get('x-forwarded-uri') !== null) return otherDialect('X-Forwarded-Uri')
  const absolute = parseAbsoluteTarget(url)
  if (absolute === undefined) return deny('target_malformed', { because: 'X-Original-URL is not an absolute URL' })
  return asking('nginx', { method, ...absolute }, headers, listener, now, () => {
    const address = headers.get('x-real-ip')
    return address === null ? undefined : parseAddress(address)
  })
}

type Parts = { method: string; scheme: 'http' | 'https'; host: string; target: string }

function asking(
  dialect: 'forward' | 'nginx',
  parts: Parts,
  headers: Headers,
  listener: Listener,
  now: Date,
  readClientAddress: () => Address | undefined,
): AskedRequest | Denied {
  const method = parseMethod(parts.method)
  if (method === undefined) return deny('request_malformed', { because: 'the method is not acceptable' })
  const host = parseHost(parts.host, parts.scheme)
  if (host === undefined) return deny('request_malformed', { because: 'the host is not acceptable' })
  const target = parseRequestTarget(parts.target)
  if (target === undefined) return deny('target_malformed', { host, method, path: pathOf(parts.target) })
  return new AskedRequest(
    dialect,
    now,
    listener,
    method,
    parts.scheme,
    host,
    target,
    parts.target,
    headers,
    readClientAddress,
  )
}

/** For the record alone: as far as there is nothing odd in it. */
function pathOf(target: string): string {
  return /^[A-Za-z0-9._~/-]{0,256}/.exec(target)?.[0] ?? ''
}

/** Two descriptions of one request: somebody may have set the other one. */
function otherDialect(header: string): Denied {
  return deny('request_malformed', { because: `${header} belongs to another dialect; let the proxy remove it` })
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
