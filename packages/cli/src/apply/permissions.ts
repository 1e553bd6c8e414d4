import type { Declaration, Permission } from '@countersign/admin-api'
import type { Present } from './present.ts'
import type { PartOfPlan, Step } from './step.ts'

type Said = Pick<Permission, 'group' | 'client' | 'user' | 'resource' | 'scopes' | 'roles'> & {
  readonly projects?: readonly string[] | null | undefined
}

/**
 * What to do about permissions. One has no name: it is what it says.
 *
 * What the file says of a holder at a resource is all that it gives there, so what it gave before and no longer says
 * goes, after the new is given. Where it falls silent of a holder at a resource, only pruning takes.
 */
export function planPermissions(declaration: Declaration, present: Present): PartOfPlan {
  const { name: file, adopt: adoptsAll, permissions } = declaration
  const there = new Map(present.permissions.map((held) => [contentOf(held), held]))
  const declared = new Map<string, number>()
  const part: PartOfPlan = { steps: [], mistakes: [], notes: [], unchanged: 0 }

  for (const [index, { adopt, ...entry }] of permissions.entries()) {
    const of = { noun: 'permission', name: permissionText(entry), way: ['permissions', index] } as const
    const content = contentOf(entry)
    const earlier = declared.get(content)
    if (earlier !== undefined) part.mistakes.push({ way: of.way, message: `says the same as permissions[${earlier}]` })
    declared.set(content, index)
    const held = there.get(content)
    if (held === undefined) {
      part.steps.push({ ...of, action: 'create', body: { ...entry, managed_by: file } })
    } else if (held.managed_by !== file && (adopt || adoptsAll)) {
      const body = { managed_by: file }
      part.steps.push({ ...of, action: 'change', id: held.id, differences: [], adopts: true, body })
    } else {
      part.unchanged++
    }
  }

  const spoken = new Set(permissions.map(placeOf))
  const unsaid = present.permissions.filter((held) => held.managed_by === file && !declared.has(contentOf(held)))
  const takings = unsaid.map((held): Step => {
    const of = { noun: 'permission', name: permissionText(held), id: held.id } as const
    return { ...of, action: 'delete', prunes: !spoken.has(placeOf(held)) }
  })
  part.steps.push(...takings)
  return part
}

/** `group developers at forge: repo:read, repo:write; roles reviewer; in team/app` */
function permissionText(permission: Said): string {
  const { scopes, roles, projects } = permission
  const given = [
    scopes.join(', ') || 'no scopes',
    ...(roles.length === 0 ? [] : [`roles ${roles.join(', ')}`]),
    ...(projects ? [`in ${projects.join(', ')}`] : []),
  ]
  return `${placeOf(permission)}: ${given.join('; ')}`
}

function placeOf({ group, client, user, resource }: Said): string {
  const holder = group === undefined ? (client === undefined ? `user ${user}` : `client ${client}`) : `group ${group}`
  return `${holder} at ${resource}`
}

function contentOf(permission: Said): string {
  const { scopes, roles, projects } = permission
  return JSON.stringify([placeOf(permission), words(scopes), words(roles), projects ? words(projects) : null])
}

function words(list: readonly string[]): string[] {
  return [...new Set(list)].sort()
}
