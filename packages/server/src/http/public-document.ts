import type { Handler } from './guard.ts'

/**
 * A JSON document that is for everybody, programs in browsers too, and that caches may keep for so long.
 *
 * @see RFC 8414 §3.2, RFC 9728 §3.2
 */
export function publicDocument(read: () => object, maxAgeSeconds: number): Handler {
  return ({ method }) => {
    if (method !== 'GET' && method !== 'HEAD') {
      const headers = { Allow: 'GET, HEAD', 'Cache-Control': 'no-store', 'Content-Type': 'text/plain; charset=utf-8' }
      return new Response('Send GET or HEAD.\n', { status: 405, headers })
    }
    const headers = {
      'Content-Type': 'application/json',
      'Cache-Control': `public, max-age=${maxAgeSeconds}`,
      'Access-Control-Allow-Origin': '*',
    }
    return new Response(JSON.stringify(read()), { headers })
  }
}
