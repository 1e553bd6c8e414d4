import { VERIFICATION_ALGORITHMS } from '@countersign/resource-server'
import { AUTH_METHODS } from '../domain/client.ts'
import type { TokenGrant } from './grants/grant.ts'

export const TOKEN_PATH = '/oauth/token'
export const INTROSPECTION_PATH = '/oauth/introspect'
export const REVOCATION_PATH = '/oauth/revoke'
export const JWKS_PATH = '/.well-known/jwks.json'
export const METADATA_PATH = '/.well-known/oauth-authorization-server'

/**
 * What this server says of itself to OAuth clients: what is implemented, and nothing else. `grants` is undefined where
 * no tokens are issued.
 *
 * @see RFC 8414 §2
 */
export function authorizationServerMetadata(issuer: string, grants: readonly TokenGrant[] | undefined): object {
  return {
    issuer,
    jwks_uri: `${issuer}${JWKS_PATH}`,
    ...(grants !== undefined && {
      ...endpoint('token', `${issuer}${TOKEN_PATH}`),
      grant_types_supported: grants.map(({ type }) => type),
    }),
    ...endpoint('introspection', `${issuer}${INTROSPECTION_PATH}`),
    ...endpoint('revocation', `${issuer}${REVOCATION_PATH}`),
    // Asked for by the RFC, though there is no authorization endpoint.
    response_types_supported: [],
  }
}

/** An endpoint, and how clients authenticate there. */
function endpoint(name: 'token' | 'introspection' | 'revocation', url: string): Record<string, unknown> {
  return {
    [`${name}_endpoint`]: url,
    [`${name}_endpoint_auth_methods_supported`]: AUTH_METHODS,
    [`${name}_endpoint_auth_signing_alg_values_supported`]: Object.keys(VERIFICATION_ALGORITHMS),
  }
}
