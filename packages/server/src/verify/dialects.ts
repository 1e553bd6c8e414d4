import {
  type Address,
  type CredentialHeaders,
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
  return asking('forward', method, scheme, host, uri, headers, listener, now, proxies.clientAddress)
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
  const { scheme, host, target } = absolute
  return asking('nginx', method, scheme, host, target, headers, listener, now, realIp)
}

function realIp(headers: CredentialHeaders): Address | undefined {
  const address = headers.get('x-real-ip')
  return address === null ? undefined : parseAddress(address)
}

/** On the path of every verification: no object or closure of its own, hence the many parameters. */
function asking(
  dialect: 'forward' | 'nginx',
  sentMethod: string,
  scheme: 'http' | 'https',
  sentHost: string,
  sentTarget: string,
  headers: Headers,
  listener: Listener,
  now: Date,
  readClientAddress: (headers: CredentialHeaders) => Address | undefined,
): AskedRequest | Denied {
  const method = parseMethod(sentMethod)
  if (method === undefined) return deny('request_malformed', { because: 'the method is not acceptable' })
  const host = parseHost(sentHost, scheme)
  if (host === undefined) return deny('request_malformed', { because: 'the host is not acceptable' })
  const target = parseRequestTarget(sentTarget)
  if (target === undefined) return deny('target_malformed', { host, method, path: pathOf(sentTarget) })
  return new AskedRequest(dialect, now, listener, method, scheme, host, target, sentTarget, headers, readClientAddress)
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
