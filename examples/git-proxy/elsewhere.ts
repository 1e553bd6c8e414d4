// Whether a browser was made to send a request by another site: it adds the cookie all the same.

const READS = ['GET', 'HEAD']

/**
 * Compared with the public origin, never with the URL of the request, which is http behind what ends TLS. What sends
 * neither header is no browser, and has a cookie only by having signed in itself.
 *
 * @see https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
export function isFromElsewhere({ method, headers }: Request, publicOrigin: string): boolean {
  const origin = headers.get('origin')
  if (origin !== null && origin !== publicOrigin) return true
  // A link on another site leads here too; it only must not write.
  return !READS.includes(method) && !['same-origin', 'none', null].includes(headers.get('sec-fetch-site'))
}
