import { z } from 'zod'
import { body } from './body.ts'
import { managedBy } from './managed-by.ts'
import { groupName, instant, name, project, role, scopePattern } from './names.ts'
import { page, pageQueryFields } from './page.ts'

const HOLDERS = ['group', 'client', 'user'] as const

const group = groupName().meta({ description: 'The group that holds it.', example: 'media' })
const client = name().meta({ description: 'The client that holds it.', example: 'canister' })
const user = name().meta({ description: 'The user who holds it.', example: 'alice' })
const resource = name().meta({ description: 'The resource it is about.', example: 'webdav' })
const scopes = z
  .array(scopePattern())
  .max(500)
  .meta({
    description: 'The scopes; `*` stands for a segment (`*:read`). Patterns mean what the resource declares now.',
    example: ['files:read'],
  })
const roles = z
  .array(role())
  .max(100)
  .meta({ description: 'The roles at the resource.', example: ['editor'] })

export const NewPermission = body({
  group: group.optional(),
  client: client.optional(),
  user: user.optional(),
  resource,
  scopes: scopes.default([]),
  roles: roles.default([]),
  projects: z
    .array(project())
    .min(1, 'expected at least one project; leave the field out for all of them')
    .max(500)
    .optional()
    .meta({ description: 'The projects it is confined to. Omitted: all of them.', example: ['team/app'] }),
  managed_by: managedBy().default(null),
})
  .superRefine(requireOneHolder)
  .meta({ description: 'A holder may reach a resource with scopes and roles.' })
export type NewPermission = z.output<typeof NewPermission>

/** Who holds it, and of what, is what it is: another holder or other scopes are another permission. */
export const PermissionChange = body({ managed_by: managedBy().optional() }).meta({
  description: 'What to change in a permission. Fields that are not sent stay.',
})
export type PermissionChange = z.output<typeof PermissionChange>

export const Permission = z
  .object({
    id: z.string().meta({ description: 'Its id.', example: 'perm_01JABCDEFGHJKMNPQRSTVWXYZ0' }),
    group: group.optional(),
    client: client.optional(),
    user: user.optional(),
    resource,
    scopes,
    roles,
    projects: z
      .array(z.string())
      .nullable()
      .meta({ description: 'The projects it is confined to. Null: all of them.', example: null }),
    managed_by: z.string().nullable().meta({ description: 'What declared it, null: made by hand.', example: null }),
    created_at: instant().meta({ description: 'When it was given.', example: '2030-01-31T12:00:00.000Z' }),
  })
  .meta({ description: 'A permission. Exactly one of group, client and user is there.' })
export type Permission = z.infer<typeof Permission>

export const PermissionQuery = body({
  resource: resource.optional(),
  group: group.optional(),
  client: client.optional(),
  user: user.optional(),
  ...pageQueryFields,
})
export type PermissionQuery = z.output<typeof PermissionQuery>

export const PermissionPage = page(Permission)

/** The issue for a permission that nobody or more than one would hold. */
export function requireOneHolder(
  value: { readonly [Holder in (typeof HOLDERS)[number]]?: string | undefined },
  context: z.RefinementCtx,
): void {
  if (HOLDERS.filter((holder) => value[holder] !== undefined).length === 1) return
  context.addIssue({ code: 'custom', path: [], message: 'expected exactly one of group, client, user' })
}
