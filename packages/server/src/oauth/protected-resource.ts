import { parseAbsoluteTarget, resourceMetadataUrl } from '@countersign/resource-server'
import type { Resource } from '../domain/resource.ts'

/** Says whether a request at this canonical host for this path and query is for the metadata of the resource. */
export function isMetadataOf({ identifier }: Resource, host: string, target: string): boolean {
  const at = parseAbsoluteTarget(resourceMetadataUrl(identifier) ?? '')
  return at !== undefined && at.host === host && at.target === target
}

/**
 * What a resource says of itself to clients: who issues tokens for it, and which scopes there are.
 *
 * @see RFC 9728 §2
 */
export function protectedResourceMetadata(resource: Resource, issuer: string): object {
  const { identifier, name, scopes, credentialHeader } = resource
  return {
    resource: identifier,
    authorization_servers: [issuer],
    // Members of no elements are left out (§3.2), but for this one, which says that Bearer is not read (§2).
    ...(scopes.length > 0 && { scopes_supported: scopes }),
    bearer_methods_supported: credentialHeader === undefined ? ['header'] : [],
    resource_name: name,
  }
}
