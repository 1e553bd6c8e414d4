// Which roles (or, at the server, groups) the claims of a token give, by an explicit table; never by equal name.

import type { Claims } from './jwt.ts'
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

/** The roles that the claims give, each once and in order; empty: none. */
export function mapRoles(_claims: Claims, _mapping: RoleMapping): readonly string[] | Denied {
  return deny('groups_overage')
}
