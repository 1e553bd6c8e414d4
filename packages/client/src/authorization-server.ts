import { nameOf, parseEndpoint } from './address.ts'
import { askJson, type JsonAnswer } from './json-answer.ts'
import type { Clock, Fetch } from './runtime.ts'
import { TokenRequestError } from './token-request-error.ts'

const WELL_KNOWN = '/.well-known/oauth-authorization-server'
const KEPT_SECONDS = 3600

export type AuthorizationServer = {
  readonly issuer: string
  readonly tokenEndpoint?: string | undefined
  readonly fetch: Fetch
  readonly now: Clock
}

/**
 * Makes what finds the token endpoint: the given one, else that of the server's metadata, which are kept for an hour.
 *
 * Security: the metadata must name exactly this issuer, byte for byte, so that no server can speak for another; a token
 * endpoint that is neither https nor on loopback is refused, wherever it was named.
 *
 * @see RFC 8414 §3
 */
export function tokenEndpointOf(server: AuthorizationServer): (signal: AbortSignal) => Promise<URL> {
  const metadata = metadataOf(server.issuer)
  if (server.tokenEndpoint !== undefined) {
    const given = parseEndpoint('tokenEndpoint', server.tokenEndpoint)
    return async () => given
  }
  let found: { readonly endpoint: URL; readonly at: number } | undefined
  return async (signal) => {
    const at = server.now().getTime()
    if (found !== undefined && at - found.at < KEPT_SECONDS * 1000) return found.endpoint
    const answer = await askJson(server.fetch, metadata, { headers: { Accept: 'application/json' } }, signal)
    const endpoint = endpointIn(answer, server.issuer, metadata)
    found = { endpoint, at }
    return endpoint
  }
}

/** The well-known path stands between host and path of the issuer. RFC 8414 §3.1 */
function metadataOf(issuer: string): URL {
  const url = parseEndpoint('issuer', issuer)
  if (issuer.includes('?')) throw new TypeError('issuer: expected a URL without query')
  url.pathname = `${WELL_KNOWN}${url.pathname.replace(/\/$/, '')}`
  return url
}

function endpointIn({ status, body }: JsonAnswer, issuer: string, metadata: URL): URL {
  const refuse = (description: string) => new TokenRequestError({ error: 'unexpected_answer', description, status })
  if (status !== 200) throw refuse(`${nameOf(metadata)} answered no metadata`)
  if (body.issuer !== issuer)
    throw refuse(`${nameOf(metadata)} names another issuer than ${issuer}${named(body.issuer)}`)
  if (typeof body.token_endpoint !== 'string') throw refuse(`${nameOf(metadata)} names no token endpoint`)
  try {
    return parseEndpoint('token_endpoint', body.token_endpoint)
  } catch (error) {
    throw refuse(`${nameOf(metadata)}: ${error instanceof TypeError ? error.message : 'no token endpoint'}`)
  }
}

/** Which one it names instead, if that can be shown. Nothing secret was sent that it could send back. */
function named(issuer: unknown): string {
  return typeof issuer === 'string' && /^[\x21-\x7e]{1,256}$/.test(issuer) ? `: ${issuer}` : ''
}
