import { type Claims, claimOf } from './jwt.ts'

/** Where issuers put the client that fetched a token: OpenID Connect, Entra ID version 1, Okta, RFC 9068. */
const CLIENT_CLAIMS = ['azp', 'appid', 'cid', 'client_id']

/** Says why the token was not fetched by one of these clients alone; null: any may. Undefined: it was. */
export function whyOfOtherClient(claims: Claims, allowed: readonly string[] | null): string | undefined {
  if (allowed === null) return undefined
  const said = CLIENT_CLAIMS.filter((name) => Object.hasOwn(claims, name))
  if (said.length === 0) return `it does not say which client fetched it (${CLIENT_CLAIMS.join(', ')})`
  const other = said.find((name) => !allowed.includes(claimOf(claims, name) as string))
  return other && `its ${other} is none of the allowed clients`
}
