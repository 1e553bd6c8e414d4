import { contains, type Network, parseAddress, parseHost, parseNetwork } from '@countersign/resource-server'
import type { Handler } from './guard.ts'

const LOOPBACK = ['127.0.0.0/8', '::1/128']
  .map(parseNetwork)
  .filter((network): network is Network => network !== undefined)
const FORWARDED = /^(forwarded|via|x-forwarded-.*|x-original-.*|x-real-ip)$/

/**
 * Answers only those who ask from this machine itself, by its own name; for all others it is as if nothing were there.
 *
 * Security: a proxy on this machine comes from the same address, whoever asked it. What proxies add gives it away, and
 * so does the name of the public host; one that hides both has to keep the path to itself, or serve it internally.
 */
export function forLocalPeers(handler: Handler, otherwise: Handler): Handler {
  return (request, peer) => (isLocal(request.headers, peer) ? handler(request, peer) : otherwise(request, peer))
}

function isLocal(headers: Headers, peer: string | null): boolean {
  const address = peer === null ? undefined : parseAddress(peer)
  if (address === undefined || !contains(LOOPBACK, address)) return false
  for (const name of headers.keys()) if (FORWARDED.test(name)) return false
  const host = parseHost(headers.get('host') ?? '', 'http')?.replace(/:\d+$/, '')
  if (host === 'localhost') return true
  const named = host === undefined ? undefined : parseAddress(host.replace(/^\[(.*)\]$/, '$1'))
  return named !== undefined && contains(LOOPBACK, named)
}
