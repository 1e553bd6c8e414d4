import type { Clock, Random } from './runtime.ts'

/** A secret, or where it comes from: a function is called for each token request, so that a rotated one is found. */
export type Secret = string | (() => string | Promise<string>)

/** A token request that is about to be sent. An authentication adds its own to `body` or `headers`. */
export type AskingClient = {
  readonly issuer: string
  readonly clientId: string
  readonly body: URLSearchParams
  readonly headers: Headers
  readonly now: Clock
  readonly random: Random
}

/**
 * How a client proves at the token endpoint who it is: a value, made by `clientSecretBasic`, `clientSecretPost`,
 * `privateKeyJwt` or `tokenFile`, or a function of your own. It runs anew for each request that is sent, retries too.
 *
 * Security: it keeps its secret in its closure. What it throws reaches the caller of `token()` as it is.
 */
export type ClientAuthentication = (asking: AskingClient) => void | Promise<void>

/**
 * The secret as user name and password, each form-encoded first. `client_secret_basic`, the default of RFC 6749.
 *
 * @example
 * import { clientSecretBasic, tokenSource } from '@countersign/client'
 *
 * const source = tokenSource({
 *   issuer: 'https://auth.example.com',
 *   clientId: 'canister',
 *   authentication: clientSecretBasic(() => process.env.CLIENT_SECRET ?? ''),
 * })
 * const { scopes } = await source.token()
 * console.log(scopes) // [ "files:read", "files:write" ]
 *
 * @see RFC 6749 §2.3.1
 */
export function clientSecretBasic(secret: Secret): ClientAuthentication {
  return async ({ clientId, headers }) => {
    const pair = `${formEncoded(clientId)}:${formEncoded(await secretFrom(secret))}`
    headers.set('Authorization', `Basic ${btoa(pair)}`)
  }
}

/**
 * The secret in the body of the request: `client_secret_post`.
 *
 * @example
 * import { clientSecretPost, tokenSource } from '@countersign/client'
 *
 * const source = tokenSource({
 *   issuer: 'https://auth.example.com',
 *   clientId: 'canister',
 *   authentication: clientSecretPost(process.env.CLIENT_SECRET ?? ''),
 * })
 * const { resource, scopes } = await source.token({ resource: 'https://webdav.example.com', scopes: ['files:read'] })
 * console.log(resource, scopes) // https://webdav.example.com [ "files:read" ]
 *
 * @see RFC 6749 §2.3.1
 */
export function clientSecretPost(secret: Secret): ClientAuthentication {
  return async ({ clientId, body }) => {
    body.set('client_id', clientId)
    body.set('client_secret', await secretFrom(secret))
  }
}

async function secretFrom(secret: Secret): Promise<string> {
  const text = typeof secret === 'string' ? secret : await secret()
  if (typeof text !== 'string' || text === '') throw new TypeError('client secret: expected a text that is not empty')
  return text
}

/** RFC 6749 appendix B; what is left is ASCII, which `btoa` needs. */
function formEncoded(text: string): string {
  return new URLSearchParams({ v: text }).toString().slice('v='.length)
}
