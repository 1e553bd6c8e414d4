import { AccessToken } from './access-token.ts'
import { parseBase64 } from './base64url.ts'
import { type Clock, systemClock } from './runtime.ts'
import { readTokenFile } from './token-file.ts'
import type { TokenSource } from './token-source.ts'

/** A rotated token is found after at most so long, and a busy caller reads no file for each request. */
const READ_AGAIN_SECONDS = 10

export type FileTokenSourceOptions = {
  readonly path: string
  /** The clock, for tests. */
  readonly now?: Clock
}

/**
 * A source that answers the token of a file, such as a projected one of Kubernetes, to be sent as it is: its audience
 * must be the resource that it is sent to. To trade it for an access token, use `tokenFile`.
 *
 * The file is read again after 10 seconds, and at once for `fresh` or `refused`. If it cannot be read, the token that was
 * read last is answered until it expires; then `token()` rejects with `credential_unavailable`. What is asked for
 * (`resource`, `scopes`) does not change the answer.
 *
 * @example
 * import { createFetch, fileTokenSource } from '@countersign/client'
 *
 * const fetch = createFetch(fileTokenSource({ path: '/var/run/secrets/tokens/countersign' }))
 * const response = await fetch('https://webdav.example.com/reports')
 * console.log(response.status) // 200
 */
export function fileTokenSource({ path, now = systemClock }: FileTokenSourceOptions): TokenSource {
  let kept: { readonly token: AccessToken; readonly readAt: number } | undefined
  return {
    async token({ fresh = false, refused, signal } = {}) {
      signal?.throwIfAborted()
      const at = now().getTime()
      const isWanted = kept !== undefined && !fresh && kept.token.token !== refused?.token && lives(kept.token, at)
      const current = isWanted ? kept : undefined
      if (current !== undefined && at - current.readAt < READ_AGAIN_SECONDS * 1000) return current.token
      try {
        const text = await readTokenFile(path)
        const token = kept?.token.token === text ? kept.token : fileToken(text)
        kept = { token, readAt: at }
        return token
      } catch (error) {
        if (current !== undefined) return current.token
        throw error
      }
    },
  }
}

function lives({ expiresAt }: AccessToken, at: number): boolean {
  return expiresAt === null || at < expiresAt.getTime()
}

function fileToken(text: string): AccessToken {
  return new AccessToken(text, { expiresAt: expiryOf(text), scopes: undefined, resource: undefined })
}

/** What a JWT says of its end, believed without a look at its signature: whoever receives it judges that. */
function expiryOf(text: string): Date | null {
  const bytes = parseBase64(text.split('.')[1] ?? '')
  if (bytes === undefined) return null
  try {
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes))
    const exp = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : undefined
    const end = new Date(typeof exp === 'number' ? exp * 1000 : Number.NaN)
    return Number.isNaN(end.getTime()) ? null : end
  } catch {
    return null
  }
}
