import { lookup as lookUpName } from 'node:dns/promises'
import http from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { Readable } from 'node:stream'
import {
  type Address,
  contains,
  formatAddress,
  type Network,
  parseAddress,
  parseHost,
} from '@countersign/resource-server'
import { whyRefused } from './guarded-fetch-addresses.ts'

export type GuardedFetchOptions = {
  /** Networks that are connected to though they are not public: COUNTERSIGN_EGRESS_NETWORKS. */
  readonly networks: readonly Network[]
  /** Gives all addresses of a name. Omitted: as the system resolves it. */
  readonly lookup?: (name: string) => Promise<readonly string[]>
  /** Certificates to trust in place of those that the runtime trusts, in PEM. */
  readonly ca?: string
}

/** As the standard `fetch`, for GET, and for POST of a text. */
export type GuardedFetch = (
  uri: string,
  init: {
    readonly signal: AbortSignal
    readonly headers?: Readonly<Record<string, string>>
    /** Sent by POST. Omitted: GET. */
    readonly body?: string
    /** Certificates to trust for this request, in PEM. */
    readonly ca?: string | undefined
  },
) => Promise<Response>

/** The request was not made. Its message is for the log and for whoever configured the address. */
export class EgressRefused extends Error {
  override readonly name = 'EgressRefused'
}

type Target = {
  readonly scheme: 'http' | 'https'
  /** A name, or an address without brackets. */
  readonly host: string
  /** As it stands in the URI. */
  readonly authority: string
  readonly port: number | undefined
  readonly path: string
}

const CERTIFICATE = '-----BEGIN CERTIFICATE-----'
/** No userinfo and no fragment; only characters that need no repair. RFC 3986 §3 */
const URI = /^(https?):\/\/([^/?#@\\\s]+)(\/[!-~]*)?$/

/**
 * Makes the `fetch` for addresses that others name: it connects only to public addresses, and to `networks`.
 *
 * Redirects come back as they are. Cookies, compressed answers and proxies of the environment are not for it.
 *
 * Security: the name is resolved once, every address that comes back is judged, and the connection is made to those
 * alone (node:https asks `lookup` for them), so that a name which answers differently the second time gains nothing.
 * Over TLS the certificate is checked for the name, whatever the environment says; without TLS only `networks` are
 * asked, for nobody vouches for what comes from elsewhere.
 *
 * Rejects with `EgressRefused`, with the abort of the signal, or with the error of the connection.
 */
export function guardedFetch({ networks, lookup = lookUpAll, ca }: GuardedFetchOptions): GuardedFetch {
  return async (uri, { signal, headers = {}, body, ca: trusted = ca }) => {
    const target = parseTarget(uri)
    if (target === undefined) throw new EgressRefused('expected https://host/path without user and fragment')
    // The runtime takes an empty text for none, and would trust the certificates of the system.
    if (trusted?.includes(CERTIFICATE) === false) throw new EgressRefused('expected certificates (PEM) to trust')
    signal.throwIfAborted()
    const texts = isIP(target.host) === 0 ? await unlessAborted(lookup(target.host), signal) : [target.host]
    const addresses = texts.map((text) => judged(text, target, networks))
    if (addresses.length === 0) throw new EgressRefused(`${target.host} has no address`)
    return request(target, addresses, { signal, headers, body, ca: trusted })
  }
}

function parseTarget(uri: string): Target | undefined {
  const [, scheme, authority = '', path = '/'] = URI.exec(uri) ?? []
  if ((scheme !== 'http' && scheme !== 'https') || path.includes('#') || path.includes('\\')) return undefined
  const canonical = parseHost(authority, scheme)
  if (canonical === undefined) return undefined
  const [, bracketed, name, port] = /^(?:\[(.+)\]|([^:]+))(?::([0-9]+))?$/.exec(canonical) ?? []
  const host = bracketed ?? name
  if (host === undefined) return undefined
  return { scheme, host, authority: canonical, port: port === undefined ? undefined : Number(port), path }
}

function judged(text: string, target: Target, networks: readonly Network[]): Address {
  const address = parseAddress(text)
  if (address === undefined) throw new EgressRefused(`${target.host} is at an address that cannot be read`)
  const refused = whyRefused(address, networks)
  const where = `${target.host} is at ${formatAddress(address)}`
  if (refused !== undefined) throw new EgressRefused(`${where}, ${refused}`)
  if (target.scheme === 'http' && !contains(networks, address)) {
    throw new EgressRefused(`${where}: expected https:// for what is not of COUNTERSIGN_EGRESS_NETWORKS`)
  }
  return address
}

type Asking = {
  readonly signal: AbortSignal
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly ca: string | undefined
}

function request(
  target: Target,
  addresses: readonly Address[],
  { signal, headers, body, ca }: Asking,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const options: https.RequestOptions = {
      host: target.host,
      ...(target.port !== undefined && { port: target.port }),
      path: target.path,
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...headers,
        host: target.authority,
        'accept-encoding': 'identity',
        ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
      },
      lookup: answering(addresses),
      signal,
      // A connection of its own: none that was judged for another name, or for longer ago, is taken again.
      agent: false,
    }
    const sent =
      target.scheme === 'http'
        ? http.request(options)
        : https.request({ ...options, rejectUnauthorized: true, ...(ca !== undefined && { ca }) })
    sent.on('error', reject)
    sent.on('response', (answer) => {
      try {
        resolve(toResponse(answer))
      } catch (error) {
        answer.destroy()
        reject(error)
      }
    })
    sent.end(body)
  })
}

/** Answers what was judged, whatever is asked. With several, the runtime tries the next when one does not connect. */
function answering(addresses: readonly Address[]): LookupFunction {
  const all = addresses.map((address) => ({ address: formatAddress(address), family: address.family }))
  return (_name, options, callback) => {
    const [first] = all
    if (options.all === true) callback(null, all)
    else callback(null, first?.address ?? '', first?.family)
  }
}

function toResponse(answer: http.IncomingMessage): Response {
  const headers = new Headers()
  const { rawHeaders, statusCode: status = 0 } = answer
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (name.toLowerCase() !== 'set-cookie') headers.append(name, rawHeaders[at + 1] ?? '')
  }
  const isEmpty = status === 204 || status === 205 || status === 304
  if (isEmpty) answer.destroy()
  // The two types of one stream: that of node:stream/web and that of the standard library.
  const body = isEmpty ? null : (Readable.toWeb(answer) as unknown as ReadableStream<Uint8Array>)
  return new Response(body, { status, headers })
}

async function lookUpAll(name: string): Promise<readonly string[]> {
  return (await lookUpName(name, { all: true })).map(({ address }) => address)
}

/** A resolver cannot be told to stop; its answer is not waited for. */
function unlessAborted<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    value.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
