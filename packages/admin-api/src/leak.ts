import { z } from 'zod'
import { body } from './body.ts'
import { sentence } from './names.ts'

/** Whoever holds a credential may have it revoked: no other right is needed. */
export const LeakReport = body({
  credential: z
    .string('expected the credential itself')
    .min(1, 'expected the credential itself')
    .max(8192, 'expected a credential, at most 8192 characters')
    .meta({ description: 'The leaked credential, whole.', example: 'cs_pat_<43 characters><6 of checksum>' }),
  found_at: sentence().optional().meta({
    description: 'Where it was found, for whoever owned it.',
    example: 'https://git.example.com/infra/deploy, line 12',
  }),
}).meta({ description: 'A credential that others know.' })
export type LeakReport = z.output<typeof LeakReport>

export const LEAK_OUTCOMES = ['revoked', 'dead', 'unknown'] as const

export const LeakAnswer = z
  .object({
    outcome: z.enum(LEAK_OUTCOMES).meta({
      description: 'Revoked just now, dead since before, or no credential of this server.',
      example: 'revoked',
    }),
    id: z
      .string()
      .nullable()
      .meta({ description: 'Its public id; null: unknown.', example: 'pat_01JABCDEFGHJKMNPQRSTVWXYZ0' }),
  })
  .meta({ description: 'What became of the credential.' })
export type LeakAnswer = z.infer<typeof LeakAnswer>
