import type { Listener } from '@countersign/resource-server'
import type { OAuthDeps } from '../oauth/deps.ts'
import { oauthEndpoint } from '../oauth/endpoint.ts'
import { clientCredentials } from '../oauth/grants/client-credentials.ts'
import { introspectionEndpoint } from '../oauth/introspection.ts'
import {
  authorizationServerMetadata,
  INTROSPECTION_PATH,
  METADATA_PATH,
  REVOCATION_PATH,
  TOKEN_PATH,
} from '../oauth/metadata.ts'
import { revocationEndpoint } from '../oauth/revocation.ts'
import { tokenEndpoint } from '../oauth/token.ts'
import type { Handler } from './guard.ts'
import { publicDocument } from './public-document.ts'

const GRANTS = [clientCredentials]
const METADATA_MAX_AGE_SECONDS = 300

/** The OAuth endpoints of one listener. Where no tokens are issued, there is no token endpoint at all. */
export function oauthRoutes(listener: Listener, issuesTokens: boolean, deps: OAuthDeps): Record<string, Handler> {
  const metadata = authorizationServerMetadata(deps.issuer, issuesTokens ? GRANTS : undefined)
  const answers = {
    ...(issuesTokens && { [TOKEN_PATH]: tokenEndpoint(GRANTS, deps) }),
    [INTROSPECTION_PATH]: introspectionEndpoint(deps),
    [REVOCATION_PATH]: revocationEndpoint(deps),
  }
  const endpoints = Object.entries(answers).map(([path, answer]) => [path, oauthEndpoint(path, listener, deps, answer)])
  return { ...Object.fromEntries(endpoints), [METADATA_PATH]: publicDocument(() => metadata, METADATA_MAX_AGE_SECONDS) }
}
