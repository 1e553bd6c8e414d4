import { type Grant, grantOf, type Narrowing } from '@countersign/resource-server'
import type { HeldPermission } from './credential.ts'
import type { Resource } from './resource.ts'

/** What these permissions give at the resource, its roles taken for the scopes that they stand for there. */
export function grantAt(
  resource: Pick<Resource, 'scopes' | 'roleScopes'>,
  held: readonly HeldPermission[],
  narrowing: Narrowing,
): Grant | undefined {
  const permissions = held.map((permission) => ({
    ...permission,
    scopes: [...permission.scopes, ...permission.roles.flatMap((role) => resource.roleScopes.get(role) ?? [])],
  }))
  return grantOf(permissions, narrowing, resource.scopes)
}
