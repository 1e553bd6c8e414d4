import { z } from 'zod'
import { instant } from './names.ts'
import { page } from './page.ts'

export const NODE_STATES = ['current', 'behind', 'silent'] as const

/** A server that serves from the database. */
export const Node = z
  .object({
    id: z.string().meta({ description: 'Made anew at each start.', example: 'node_01JABCDEFGHJKMNPQRSTVWXYZ0' }),
    name: z.string().meta({ description: 'COUNTERSIGN_NODE_NAME, else its host and port.', example: 'auth-1' }),
    version: z.string().meta({ description: 'Of Countersign.', example: '1.0.0' }),
    state: z.enum(NODE_STATES).meta({
      description:
        '`current`: its answers are of the newest revision. `behind`: it is catching up. `silent`: it has said nothing ' +
        'for ten seconds. Without the database it answers nothing once `lease_seconds` have passed.',
      example: 'current',
    }),
    is_this: z.boolean().meta({ description: 'Whether this is the one that answers.', example: true }),
    revision: z.int().meta({ description: 'The last change that its answers count with.', example: 4711 }),
    lease_seconds: z.number().meta({
      description: 'How long it may answer from what it knows while the database confirms nothing. Then: 503.',
      example: 5,
    }),
    started_at: instant().meta({ description: 'When it was started.', example: '2030-01-31T12:00:00.000Z' }),
    seen_at: instant().meta({ description: 'When it last said so.', example: '2030-01-31T12:00:00.000Z' }),
  })
  .meta({ description: 'A server that serves from the database.' })
export type Node = z.infer<typeof Node>

export const NodePage = page(Node)

/** The header of every answer to a write: every answer of a node whose `revision` is not smaller counts with it. */
export const REVISION_HEADER = 'Countersign-Revision'
