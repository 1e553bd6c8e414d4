const WELL_KNOWN = '/.well-known/oauth-protected-resource'
const HTTP_URL = /^(https?:\/\/[^/?#]+)(\/[^?#]*)?(\?[^#]*)?$/i

/**
 * Where clients find what a resource says of itself: the well-known path, between host and path of its identifier.
 * Undefined: the identifier is no http or https URL, so there is no such place.
 *
 * @see RFC 9728 §3.1
 */
export function resourceMetadataUrl(identifier: string): string | undefined {
  const [, origin, path = '', query = ''] = HTTP_URL.exec(identifier) ?? []
  return origin === undefined ? undefined : `${origin}${WELL_KNOWN}${path === '/' ? '' : path}${query}`
}
