import { type ApiClient, ApiError, type Credential, problem } from '@countersign/admin-api'
import { all, type OnlineSession } from './session.ts'

/** How this key reaches tokens. */
export type TokenCalls = Pick<ApiClient['credentials'], 'get' | 'rotate' | 'revoke'> & {
  readonly list: ApiClient['myTokens']['list']
  readonly own: boolean
}

/**
 * The calls that this key may make: a person without the right to everybody's credentials reaches their own tokens, all
 * others reach everybody's. Asked once, so that nothing is tried twice.
 */
export async function tokenCalls(
  { api }: OnlineSession,
  scope: 'credentials:read' | 'credentials:write',
): Promise<TokenCalls> {
  const { principal, scopes } = await api.me()
  if (principal.kind === 'user' && !scopes.includes(scope)) {
    return { ...api.myTokens, get: (id) => ownToken(api, id), own: true }
  }
  const { get, rotate, revoke } = api.credentials
  return { get, rotate, revoke, list: (query = {}) => api.credentials.list({ kind: 'pat', ...query }), own: false }
}

/** One's own tokens are few: they are listed, not asked for one by one. */
async function ownToken(api: ApiClient, id: string): Promise<Credential> {
  const found = (await all(api.myTokens.list)).find((token) => token.id === id)
  if (found !== undefined) return found
  throw new ApiError(problem('not_found', { detail: 'None of your tokens has this id. See: countersign pat list' }))
}
