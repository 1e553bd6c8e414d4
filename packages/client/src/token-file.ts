import { isBearerToken } from './access-token.ts'
import type { ClientAuthentication } from './client-authentication.ts'
import { assertedBy } from './private-key-jwt.ts'
import { TokenRequestError } from './token-request-error.ts'

/**
 * The token of a file, such as a projected one of Kubernetes, as the assertion that proves who the client is: no secret is
 * stored. The file is read for each token request, so that a rotated token is found.
 *
 * The token's audience must be the issuer of the server, Countersign's public URL, and nothing else; and a trust rule there
 * must say that it stands for this client. Else `token()` rejects with `invalid_client`. What it gets ends with the token of
 * the file at the latest. To send the token of a file to resources as it is, use `fileTokenSource`.
 *
 * `token()` rejects with `credential_unavailable` when the file cannot be read or holds no token. Needs a runtime with
 * files (Node, Bun, Deno).
 *
 * @example
 * import { tokenFile, tokenSource } from '@countersign/client'
 *
 * const source = tokenSource({
 *   issuer: 'https://auth.example.com',
 *   clientId: 'canister',
 *   authentication: tokenFile('/var/run/secrets/tokens/countersign'),
 * })
 * const { scopes } = await source.token({ scopes: ['files:read'] })
 * console.log(scopes) // [ "files:read" ]
 *
 * @see RFC 7523 §2.2, RFC 7521 §4.2
 */
export function tokenFile(path: string): ClientAuthentication {
  return async (asking) => assertedBy(asking, await readTokenFile(path))
}

/** The token that the file holds, without the white space around it. Its path is told in errors, never its text. */
export async function readTokenFile(path: string): Promise<string> {
  const text = await contentOf(path)
  const token = text.trim()
  if (!isBearerToken(token)) throw unavailable(`${path}: expected a file that holds one token and nothing else`)
  return token
}

type FileSystem = { readFile(path: string, encoding: 'utf8'): Promise<string> }

async function contentOf(path: string): Promise<string> {
  // Not a literal: bundlers for browsers would look for it.
  const module = 'node:fs/promises'
  try {
    const { readFile } = (await import(module)) as FileSystem
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : ''
    throw unavailable(`${path} cannot be read${code}`)
  }
}

function unavailable(description: string): TokenRequestError {
  return new TokenRequestError({ error: 'credential_unavailable', description })
}
