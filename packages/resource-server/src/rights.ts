import { expandScopes } from './scopes.ts'

/** What a holder was given on one resource. */
export type Permission = {
  readonly id: string
  readonly resource: string
  /** Scopes or patterns (`*:read`, `pushes:*`), expanded at use against what the resource declares. */
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  /** null: all projects. */
  readonly projects: readonly string[] | null
}

/** What a credential was narrowed to when it was made; null: not narrowed, whatever its owner may do, now and later. */
export type Narrowing = {
  readonly resources: readonly string[] | null
  readonly scopes: readonly string[] | null
  readonly projects: readonly string[] | null
}

/** Scopes and roles that hold together, at a project or wherever no project is in question. */
export type Rights = { readonly scopes: ReadonlySet<string>; readonly roles: ReadonlySet<string> }

/** Rights, and the projects (null: all) in each of which they hold. */
export type Reach = { readonly rights: Rights; readonly projects: readonly string[] | null }

export const NO_RIGHTS: Rights = Object.freeze({ scopes: new Set<string>(), roles: new Set<string>() })

/** A holder's permissions on one resource, narrowed by one credential: every right that it can have there. */
export type Grant = {
  /** The projects that can be reached; null: all. */
  readonly projects: readonly string[] | null
  /** From permissions that hold in all projects. */
  readonly everywhere: Rights | undefined
  readonly confined: readonly { readonly projects: ReadonlySet<string>; readonly rights: Rights }[]
  /** Unions that were asked for, by the permissions in them: one `Rights` object each while the grant lives. */
  readonly unions: Map<string, Rights>
  /** What was answered where the path names no project, by what the rule asks; see any-project.ts. */
  readonly reaches: WeakMap<object, Reach>
}

/** Permissions can be combined in many ways; past this many, unions are made anew each time. */
const MAX_REMEMBERED_UNIONS = 256

/**
 * Intersects the permissions of a holder on one resource with what a credential is narrowed to.
 *
 * Permissions give, credentials narrow. Undefined: the holder has no permission here. Scopes narrow scopes;
 * roles are the holder's as long as the credential reaches the resource at all.
 */
export function grantOf(
  permissions: readonly Permission[],
  narrowing: Narrowing,
  declaredScopes: readonly string[],
): Grant | undefined {
  if (permissions.length === 0) return undefined
  const kept = narrowing.scopes === null ? undefined : expandScopes(narrowing.scopes, declaredScopes)
  const rightsOf = (some: readonly Permission[]): Rights => {
    const scopes = expandScopes(
      some.flatMap((permission) => permission.scopes),
      declaredScopes,
    )
    return {
      scopes: kept === undefined ? scopes : new Set([...scopes].filter((scope) => kept.has(scope))),
      roles: new Set(some.flatMap((permission) => permission.roles)),
    }
  }
  const everywhere = permissions.filter((permission) => permission.projects === null)
  const confined = permissions.flatMap((permission) =>
    permission.projects === null
      ? []
      : [{ projects: within(permission.projects, narrowing.projects), rights: rightsOf([permission]) }],
  )
  const reachable = new Set(confined.flatMap(({ projects }) => [...projects]))
  return {
    projects: everywhere.length > 0 ? narrowing.projects : [...reachable].sort(),
    everywhere: everywhere.length > 0 ? rightsOf(everywhere) : undefined,
    confined,
    unions: new Map(),
    reaches: new WeakMap(),
  }
}

function within(projects: readonly string[], narrowed: readonly string[] | null): ReadonlySet<string> {
  return new Set(narrowed === null ? projects : projects.filter((project) => narrowed.includes(project)))
}

/** The rights at `project`. Undefined: none of the permissions holds there. */
export function rightsAtProject(grant: Grant, project: string): Rights | undefined {
  if (grant.projects !== null && !grant.projects.includes(project)) return undefined
  if (grant.confined.length === 0) return grant.everywhere
  return union(grant, (projects) => projects.has(project))
}

/** Everything that holds in some project. For people to see: nothing is decided by it, for it may hold in no one project. */
export function rightsAtAnyProject(grant: Grant): Rights | undefined {
  if (grant.confined.length === 0) return grant.everywhere
  return union(grant, (projects) => projects.size > 0)
}

function union(grant: Grant, applies: (projects: ReadonlySet<string>) => boolean): Rights | undefined {
  const parts: Rights[] = []
  let key = ''
  for (const [index, part] of grant.confined.entries()) {
    if (!applies(part.projects)) continue
    parts.push(part.rights)
    key += `${index},`
  }
  if (parts.length === 0) return grant.everywhere
  const known = grant.unions.get(key)
  if (known !== undefined) return known
  if (grant.everywhere !== undefined) parts.push(grant.everywhere)
  const rights = {
    scopes: new Set(parts.flatMap((part) => [...part.scopes])),
    roles: new Set(parts.flatMap((part) => [...part.roles])),
  }
  if (grant.unions.size < MAX_REMEMBERED_UNIONS) grant.unions.set(key, rights)
  return rights
}
