// Where a rule says `"project": "any"`, the path names no project: the handler finds out by itself, and judges what it
// finds by the list of projects that it is told.

import { type Grant, type Reach, type Rights, rightsAtProject } from './rights.ts'

/** What a rule asks of rights: all of the scopes, any of the roles. */
type Wanted = { readonly scopes: readonly string[]; readonly roles: readonly string[] }

/** A project with the rights there; null: any project that no permission names. */
type Place = { readonly project: string | null; readonly rights: Rights }

/**
 * The projects in which all that is wanted holds together, and the rights that hold in every one of them. If it holds
 * in none: the rights in the project that comes nearest, which still lack what is wanted. Undefined: no rights anywhere.
 *
 * Security: a right that holds in some of these projects alone is left out. The handler would take it for one that
 * holds in each: who may read everywhere and write in one project could write in all.
 */
export function reachAtAnyProject(grant: Grant, wanted: Wanted): Reach | undefined {
  if (grant.confined.length === 0) return grant.everywhere && { rights: grant.everywhere, projects: grant.projects }
  const known = grant.reaches.get(wanted)
  if (known !== undefined) return known
  const reach = computeReach(grant, wanted)
  if (reach !== undefined) grant.reaches.set(wanted, reach)
  return reach
}

function computeReach(grant: Grant, wanted: Wanted): Reach | undefined {
  const places = placesOf(grant)
  const roles = wanted.roles.length === 0 ? [undefined] : wanted.roles
  // One role has to hold in all of the projects: the one that holds in most.
  const [widest = []] = roles
    .map((role) => places.filter(({ rights }) => missing(rights, wanted.scopes, role) === 0))
    .sort((one, other) => other.length - one.length)
  const [first] = widest
  if (first === undefined) return nearest(places, wanted.scopes, roles)
  const isEverywhere = widest.some(({ project }) => project === null)
  return {
    rights: isEverywhere ? (grant.everywhere ?? first.rights) : common(widest),
    projects: isEverywhere ? null : widest.flatMap(({ project }) => project ?? []),
  }
}

function placesOf(grant: Grant): readonly Place[] {
  const named = grant.projects ?? [...new Set(grant.confined.flatMap(({ projects }) => [...projects]))]
  const places: Place[] = named.flatMap((project) => {
    const rights = rightsAtProject(grant, project)
    return rights === undefined ? [] : [{ project, rights }]
  })
  if (grant.projects === null && grant.everywhere !== undefined) {
    places.push({ project: null, rights: grant.everywhere })
  }
  return places
}

/** How much of what is wanted is not there. */
function missing({ scopes, roles }: Rights, wanted: readonly string[], role: string | undefined): number {
  const absent = wanted.filter((scope) => !scopes.has(scope)).length
  return role === undefined || roles.has(role) ? absent : absent + 1
}

function nearest(
  places: readonly Place[],
  scopes: readonly string[],
  roles: readonly (string | undefined)[],
): Reach | undefined {
  const lack = ({ rights }: Place) => Math.min(...roles.map((role) => missing(rights, scopes, role)))
  const [closest] = [...places].sort((one, other) => lack(one) - lack(other))
  return closest && { rights: closest.rights, projects: [] }
}

function common(places: readonly Place[]): Rights {
  const inAll = (kind: 'scopes' | 'roles') => {
    const [first, ...others] = places.map(({ rights }) => rights[kind])
    return new Set([...(first ?? [])].filter((one) => others.every((other) => other.has(one))))
  }
  return { scopes: inAll('scopes'), roles: inAll('roles') }
}
