import { parseHostPattern } from '@countersign/resource-server'
import type { Directory } from '../directory/directory.ts'
import { isMetadataOf, protectedResourceMetadata } from '../oauth/protected-resource.ts'
import type { Proxies } from '../verify/proxies.ts'
import type { Handler } from './guard.ts'
import { publicDocument } from './public-document.ts'

const MAX_AGE_SECONDS = 300

export type ResourceMetadataDeps = {
  readonly directory: Directory
  /** The public URL, and its host. */
  readonly issuer: string
  readonly issuerHost: string
  readonly proxies: Pick<Proxies, 'isTrustedPeer'>
}

/**
 * Answers for the resource at the host that was asked for, if its metadata are at this very path; else, and for one
 * that is disabled, `otherwise`.
 *
 * @see RFC 9728 §3
 */
export function resourceMetadata(deps: ResourceMetadataDeps, otherwise: Handler): Handler {
  const issuerHost = parseHostPattern(deps.issuerHost)
  return (request, peer) => {
    const host = hostAsked(request.headers, peer, deps.proxies)
    if (host === undefined) return otherwise(request, peer)
    const target = request.url.slice(request.url.indexOf('/', request.url.indexOf('://') + 3))
    const there = [deps.directory.resourceAt(host), host === issuerHost ? deps.directory.management : undefined]
    const resource = there.find((one) => one !== undefined && !one.disabled && isMetadataOf(one, host, target))
    if (resource === undefined) return otherwise(request, peer)
    return publicDocument(() => protectedResourceMetadata(resource, deps.issuer), MAX_AGE_SECONDS)(request, peer)
  }
}

/** Canonical. Proxies of ours say by which host they were asked; nobody else is believed about that. */
function hostAsked(headers: Headers, peer: string | null, proxies: Pick<Proxies, 'isTrustedPeer'>) {
  const forwarded = peer === null || proxies.isTrustedPeer(peer) ? headers.get('x-forwarded-host') : null
  const host = forwarded ?? headers.get('host') ?? ''
  return host.startsWith('*') ? undefined : parseHostPattern(host)
}
