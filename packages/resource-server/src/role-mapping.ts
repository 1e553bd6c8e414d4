// Which roles (or, at the server, groups) the claims of a token give, by an explicit table; never by equal name.

import { claimAt } from './claim-path.ts'
import { type Claims, claimOf } from './jwt.ts'
import { type Denied, deny } from './refusals.ts'

/** Where identity providers put groups and roles: Okta and Entra ID, Entra ID, Keycloak. */
export const DEFAULT_GROUPS_CLAIMS: readonly string[] = ['groups', 'roles', 'realm_access.roles']

/** By role: the values of which one suffices. */
export type RoleMappings = Readonly<Record<string, readonly string[]>>

export type RoleMapping = {
  readonly mappings: RoleMappings
  /** Paths, all of which are read. */
  readonly groupsClaims: readonly string[]
}

/**
 * The roles that the claims give, each once and in order; empty: none. Values are compared byte for byte. A text is one
 * value, and a list with spaces between (as `scope` is) as well; members of lists are taken whole, and what is no text gives
 * nothing. Security: so where an issuer says a single group as a text, no word of a name must be one that is mapped.
 *
 * Refused as `groups_overage`, with what says so: the token leaves out a claim that is read, since there are too many
 * groups to list, as Entra ID does. They are fetched nowhere; no role at all would be said of somebody who has some.
 *
 * Security: a role that `mappings` does not name is never given, whatever the token says.
 *
 * @example
 * mapRoles({ groups: ['git-admins'] }, { mappings: { ADMIN: ['git-admins'] }, groupsClaims: ['groups'] }) // ['ADMIN']
 */
export function mapRoles(claims: Claims, { mappings, groupsClaims }: RoleMapping): readonly string[] | Denied {
  const table = Object.entries(mappings)
  if (table.length === 0) return []
  const because = whyLeftOut(claims, groupsClaims)
  if (because !== undefined) return deny('groups_overage', { because })

  const values = new Set(groupsClaims.flatMap((path) => valuesOf(claimAt(claims, path))))
  return table
    .filter(([, sufficient]) => sufficient.some((value) => values.has(value)))
    .map(([role]) => role)
    .sort()
}

function valuesOf(claim: unknown): readonly string[] {
  const listed: readonly unknown[] =
    typeof claim === 'string' ? [claim, ...claim.split(' ')] : Array.isArray(claim) ? claim : []
  return listed.filter((value) => typeof value === 'string' && value !== '') as string[]
}

/** Which claim says that another one is too long to be there. @see OpenID Connect Core §5.6.2 */
function whyLeftOut(claims: Claims, groupsClaims: readonly string[]): string | undefined {
  const isLeftOut = (path: string) => (claimAt(claims, path) ?? null) === null
  const names = claimOf(claims, '_claim_names')
  const elsewhere = typeof names === 'object' && names !== null ? (names as Claims) : {}
  const named = groupsClaims.find((path) => Object.hasOwn(elsewhere, path) && isLeftOut(path))
  if (named !== undefined) return `_claim_names has ${named}`
  if (!groupsClaims.includes('groups') || !isLeftOut('groups')) return undefined
  const has = claimOf(claims, 'hasgroups')
  if (has === true || has === 'true') return 'hasgroups is true'
  return Object.keys(claims).find((name) => /^groups:src[0-9]{1,3}$/.test(name))
}
