import { z } from 'zod'
import { body } from './body.ts'
import { managedBy } from './managed-by.ts'
import { description, groupName, instant, newGroupName } from './names.ts'
import { page } from './page.ts'

const meaning = { description: 'What it is for.', example: 'Everything that reads the archive' }
const disabled = z
  .boolean()
  .meta({ description: 'Let it give nothing, but keep its members and permissions.', example: false })

export const NewGroup = body({
  name: newGroupName().meta({ description: 'Its name, for ever.', example: 'media' }),
  description: description().optional().meta(meaning),
  disabled: disabled.default(false),
  managed_by: managedBy().default(null),
}).meta({ description: 'A group of clients and users.' })
export type NewGroup = z.output<typeof NewGroup>

/** Only the fields sent change. The name never does. */
export const GroupChange = body({
  description: description().nullable().optional().meta(meaning),
  disabled: disabled.optional(),
  managed_by: managedBy().optional(),
}).meta({ description: 'What to change in a group. Fields that are not sent stay.' })
export type GroupChange = z.output<typeof GroupChange>

export const Group = z
  .object({
    name: groupName().meta({ description: 'Its name.', example: 'media' }),
    description: z.string().nullable().meta(meaning),
    disabled,
    managed_by: z.string().nullable().meta({ description: 'What declared it, null: made by hand.', example: null }),
    created_at: instant().meta({ description: 'When it was made.', example: '2030-01-31T12:00:00.000Z' }),
  })
  .meta({ description: 'A group of clients and users.' })
export type Group = z.infer<typeof Group>

/** So many come with the group itself. */
export const MEMBERS_SHOWN = 1000

export const GroupWithMembers = Group.extend({
  members: z.array(z.string()).meta({
    description: `Who is in it: the first ${MEMBERS_SHOWN}. All of them: \`GET /groups/{id}/members\`.`,
    example: ['client:canister', 'user:alice'],
  }),
})
export type GroupWithMembers = z.infer<typeof GroupWithMembers>

export const GroupPage = page(Group)

/** `client:canister`, in order. */
export const MemberPage = page(z.string()).extend({
  items: z
    .array(z.string())
    .meta({ description: 'Who is in it, in order.', example: ['client:canister', 'user:alice'] }),
})
