import { z } from 'zod'
import { body, refuseTogether } from './body.ts'
import { DECISION_STEPS, DecisionRecord } from './decision.ts'

/** A request to be decided without being made. */
export const Explain = body({
  method: z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/, 'expected a method, like "GET"')
    .meta({ description: 'The method.', example: 'GET' }),
  url: z
    .string()
    .max(8192)
    .regex(/^https?:\/\/[^/]/i, 'expected an absolute URL, like "https://webdav.example.com/photos/1.jpg"')
    .meta({
      description: 'The absolute URL, exactly as a client would send it.',
      example: 'https://webdav.example.com/',
    }),
  credential: z
    .string()
    .min(1, 'expected a credential; leave the field out for none')
    .max(8192)
    .optional()
    .meta({ description: 'The credential itself. It is not kept.', example: 'cs_key_…' }),
  credential_id: z
    .string()
    .regex(/^[a-z]+_[0-9A-Za-z]+$/, 'expected the id of a credential, like "key_01JABCDEFGHJKMNPQRSTVWXYZ0"')
    .optional()
    .meta({ description: 'Or the id of an issued one.', example: 'key_01JABCDEFGHJKMNPQRSTVWXYZ0' }),
  client_address: z
    .union([z.ipv4(), z.ipv6()], 'expected an IP address, like "192.0.2.7"')
    .optional()
    .meta({ description: 'Where the call comes from. Omitted: unknown.', example: '192.0.2.7' }),
})
  .superRefine((value, context) => refuseTogether(['credential', 'credential_id'], value, context))
  .meta({ description: 'A request to decide without making it. Without a credential: as a stranger.' })
export type Explain = z.output<typeof Explain>

export const Explanation = z
  .object({
    decision: DecisionRecord.meta({ description: 'What would be decided.' }),
    steps: z
      .array(
        z.object({
          step: z.enum(DECISION_STEPS).meta({ description: 'The step.', example: 'rule' }),
          outcome: z.enum(['pass', 'refuse', 'not_reached']).meta({ description: 'How it went.', example: 'pass' }),
          says: z.string().meta({ description: 'What it found, in a sentence.', example: 'Rule 0 matches: GET /**' }),
        }),
      )
      .meta({ description: 'Every step of the path, in order.' }),
    answer: z
      .object({
        status: z.int().meta({ description: 'The status.', example: 200 }),
        headers: z
          .record(z.string(), z.string())
          .meta({ description: 'The headers.', example: { 'Remote-User': 'client:canister' } }),
      })
      .meta({ description: 'What the proxy would be answered.' }),
  })
  .meta({ description: 'How a request would be decided, step by step. Nothing is recorded or spent.' })
export type Explanation = z.infer<typeof Explanation>
