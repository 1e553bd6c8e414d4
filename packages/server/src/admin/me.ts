import type { Me } from '@countersign/admin-api'
import { MANAGEMENT_RESOURCE, type Principal } from '@countersign/resource-server'
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
