import { AccessToken } from './access-token.ts'
import type { Secret } from './client-authentication.ts'
import type { TokenSource } from './token-source.ts'

/**
 * A source that answers one key always, so that what was written for tokens works with an API key (`cs_key_…`) too.
 * A function is asked for each call. Nothing is refreshed: a key that is refused stays refused until it is replaced.
 *
 * What is asked for (`resource`, `scopes`) does not change the answer: the server decides what the key may do.
 *
 * Throws a `TypeError` for a text that cannot be a key; `token()` rejects with one if a function answers such a text.
 *
 * @example
 * import { apiKey, createFetch } from '@countersign/client'
 *
 * const fetch = createFetch(apiKey(process.env.API_KEY ?? ''))
 * const response = await fetch('https://webdav.example.com/reports')
 * console.log(response.status) // 200
 */
export function apiKey(key: Secret): TokenSource {
  const about = { expiresAt: null, scopes: undefined, resource: undefined }
  if (typeof key === 'function') {
    return { token: async () => new AccessToken(await key(), about) }
  }
  const token = new AccessToken(key, about)
  return { token: async () => token }
}
