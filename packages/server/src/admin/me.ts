import type { Me, MyResource } from '@countersign/admin-api'
import { MANAGEMENT_RESOURCE, type Narrowing, type Principal, rightsAtAnyProject } from '@countersign/resource-server'
import type { Directory } from '../directory/directory.ts'
import { holdersFor } from '../domain/credential.ts'
import { grantAt } from '../domain/grant.ts'
import type { Authorized } from './deps.ts'
import { isFull } from './wire.ts'

/** Who calls, and what it may do at the management API. Every kind of principal has an answer. */
export function describeCaller({ caller, roles, scopes }: Authorized): Me {
  const { stored } = caller.known
  return {
    principal: principalOf(caller.principal),
    credential: {
      id: stored.id,
      kind: stored.kind,
      name: stored.name === '' ? null : stored.name,
      hint: stored.hint,
      expires_at: stored.expiresAt?.toISOString() ?? null,
      full: isFull(stored),
    },
    resource: MANAGEMENT_RESOURCE,
    roles: [...roles].sort(),
    scopes: [...scopes].sort(),
    groups: [...caller.groups].sort(),
    projects: projectsOf(caller),
  }
}

/** What the caller's owner may reach, whatever the credential that it showed: a token of theirs can be narrowed to it. */
export function resourcesOfCaller({ caller }: Authorized, directory: Directory): MyResource[] {
  const { owner } = caller.known.stored
  const groups = directory.owner(owner)?.groups ?? []
  const holders = holdersFor(owner, groups)
  const names = new Set(holders.flatMap((holder) => [...directory.heldBy(holder).keys()]))
  return [...names].sort().flatMap((name) => {
    const resource = directory.resource(name)
    if (resource === undefined) return []
    const held = holders.flatMap((holder) => directory.permissionsOf(holder, name))
    const grant = grantAt(resource, held, NOT_NARROWED)
    const rights = grant && rightsAtAnyProject(grant)
    return [
      {
        resource: name,
        identifier: resource.identifier,
        hosts: [...resource.hosts],
        scopes: [...(rights?.scopes ?? [])].sort(),
        roles: [...(rights?.roles ?? [])].sort(),
        projects: grant?.projects ? [...grant.projects] : null,
      },
    ]
  })
}

const NOT_NARROWED: Narrowing = { resources: null, scopes: null, projects: null }

function principalOf(principal: Principal): Me['principal'] {
  switch (principal.kind) {
    case 'client':
    case 'user':
      return { kind: principal.kind, id: principal.id, name: principal.name }
    case 'workload':
      return { kind: 'workload', id: principal.id, name: principal.subject }
    case 'anonymous':
      throw new Error('nobody anonymous reaches this API')
  }
}

function projectsOf({ grant, credential }: Authorized['caller']): string[] | null {
  const projects = grant === undefined ? credential.narrowing.projects : grant.projects
  return projects && [...projects]
}
