import { type Address, clientAddress, parseAddress } from '@countersign/resource-server'
import type { Proxies } from '../verify/proxies.ts'

/**
 * Where a call to this server itself comes from: the peer or, behind one of our proxies, whoever that names. Behind a
 * unix socket, where `peer` is null, there is nobody else to ask: its file mode says who may connect.
 */
export function callerAddress(headers: Headers, peer: string | null, proxies: Proxies): Address | undefined {
  const forwardedFor = headers.get('x-forwarded-for')
  const isProxied = forwardedFor !== null && (peer === null || proxies.isTrustedPeer(peer))
  return isProxied ? clientAddress(forwardedFor, proxies.isTrusted) : parseAddress(peer ?? '')
}
