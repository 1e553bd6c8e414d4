import { z } from 'zod'
import { body } from './body.ts'
import { groupName, instant, newGroupName, sentence } from './names.ts'
import { page } from './page.ts'

const meaning = { description: 'What it is for.', example: 'Everything that reads the archive' }

export const NewGroup = body({
  name: newGroupName().meta({ description: 'Its name, for ever.', example: 'media' }),
  description: sentence().optional().meta(meaning),
}).meta({ description: 'A group of clients and users.' })
export type NewGroup = z.output<typeof NewGroup>

export const Group = z
  .object({
    name: groupName().meta({ description: 'Its name.', example: 'media' }),
    description: z.string().nullable().meta(meaning),
    managed_by: z.string().nullable().meta({ description: 'What declared it, null: made by hand.', example: null }),
    created_at: instant().meta({ description: 'When it was made.', example: '2030-01-31T12:00:00.000Z' }),
  })
  .meta({ description: 'A group of clients and users.' })
export type Group = z.infer<typeof Group>

export const GroupPage = page(Group)
