import { z } from 'zod'
import { body } from './body.ts'
import { HOLDER_KINDS, type HolderKind } from './kinds.ts'
import { managedBy } from './managed-by.ts'
import { groupName, instant, name, project, role, scopePattern } from './names.ts'
import { page, pageQueryFields } from './page.ts'

/** Each kind of holder is a field, one of which is there. */
const holder = {
  group: groupName().meta({ description: 'The group that holds it.', example: 'media' }).optional(),
  client: name().meta({ description: 'The client that holds it.', example: 'canister' }).optional(),
  user: name().meta({ description: 'The user who holds it.', example: 'alice' }).optional(),
} satisfies Record<HolderKind, z.ZodType>
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
  ...holder,
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
    ...holder,
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
  .meta({ description: 'A permission. Exactly one of its holders is there.' })
export type Permission = z.infer<typeof Permission>

export const PermissionQuery = body({
  resource: resource.optional(),
  ...holder,
  ...pageQueryFields,
})
export type PermissionQuery = z.output<typeof PermissionQuery>

export const PermissionPage = page(Permission)

/** The issue for a permission that nobody or more than one would hold. */
export function requireOneHolder(
  value: { readonly [Kind in HolderKind]?: string | undefined },
  context: z.RefinementCtx,
): void {
  if (HOLDER_KINDS.filter((kind) => value[kind] !== undefined).length === 1) return
  context.addIssue({ code: 'custom', path: [], message: `expected exactly one of ${HOLDER_KINDS.join(', ')}` })
}
