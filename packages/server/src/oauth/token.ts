import { type Denied, deny, isDenied } from '@countersign/resource-server'
import type { OAuthDeps } from './deps.ts'
import type { Answer, OAuthCall } from './endpoint.ts'
import { type OAuthDenied, oauthJson } from './error-response.ts'
import { mistake } from './form.ts'
import type { TokenGrant } from './grants/grant.ts'
import { issueAccessToken } from './issue-access-token.ts'
import { accompaniedBy } from './required-workload.ts'
import { scopesOf } from './scopes.ts'
import { targetOf } from './target.ts'

/**
 * The token endpoint, once the client is known: which grant, whom the token stands for, for which resource, with which
 * scopes; then it is issued. A grant says only whom its tokens stand for.
 *
 * @see RFC 6749 §4.4, §5.1
 */
export function tokenEndpoint(grants: readonly TokenGrant[], deps: OAuthDeps): Answer {
  return async (call) => {
    const grant = grantOf(call, grants)
    if (isDenied(grant)) return grant
    const workload = await accompaniedBy(call, deps)
    if (isDenied(workload)) return workload
    const subject = await grant.subjectOf(call)
    if (isDenied(subject)) return subject

    const caller = targetOf(call, subject, deps.directory)
    if (isDenied(caller)) return caller
    const scopes = scopesOf(call.form.get('scope'), caller)
    if (isDenied(scopes)) return scopes
    const { client, asked } = call
    const maxTtlSeconds = client.accessTokenTtlSeconds
    const order = { caller, clientId: client.id, scopes, workload, maxTtlSeconds, now: asked.now }
    const issued = await issueAccessToken(order, deps)
    if (isDenied(issued)) return issued
    const { resource } = caller
    deps.counts.noteIssued(resource.name, resource.accessToken.format, grant.type)
    return oauthJson(200, {
      access_token: issued.text,
      token_type: 'Bearer',
      expires_in: issued.expiresInSeconds,
      scope: scopes.join(' '),
    })
  }
}

function grantOf({ form, client }: OAuthCall, grants: readonly TokenGrant[]): TokenGrant | OAuthDenied | Denied {
  const type = form.get('grant_type')
  if (type === undefined) return mistake('grant_type is missing.')
  const grant = grants.find((one) => one.type === type)
  if (grant === undefined) return deny('grant_type_unsupported', { asked: type.slice(0, 64) })
  return client.grants.includes(type) ? grant : deny('grant_type_refused', { asked: type })
}
