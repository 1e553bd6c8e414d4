import { z } from 'zod'
import { body } from './body.ts'
import { HOLDER_KINDS } from './kinds.ts'
import { instant, newInstant } from './names.ts'
import { page, pageQueryFields } from './page.ts'

/** What can change. */
export const AUDIT_NOUNS = [
  'resource',
  'group',
  'client',
  'user',
  'permission',
  'credential',
  'revocation_line',
  'signing_key',
  'foreign_prefix',
  'issuer',
  'trust_rule',
] as const
export type AuditNoun = (typeof AUDIT_NOUNS)[number]

const EVENT_ID = 'evt_01JABCDEFGHJKMNPQRSTVWXYZ0'
const KEY_ID = 'key_01JABCDEFGHJKMNPQRSTVWXYZ0'

/** One change of one thing. */
export const AuditEvent = z
  .object({
    id: z.string().meta({ description: 'Its id.', example: EVENT_ID }),
    at: instant().meta({ description: 'When.', example: '2030-01-31T12:00:00.000Z' }),
    revision: z.int().meta({
      description: 'The change that it is a part of: what was changed at once has the same.',
      example: 42,
    }),
    actor: z.string().meta({
      description:
        'Who did it, as the credential said that was shown; `countersign`: the server itself or its operator on the ' +
        'host; `leak-report`: whoever reported a leak.',
      example: 'user:alice',
    }),
    credential: z.string().nullable().meta({
      description: 'The public id of the credential that was shown. Null: none was needed.',
      example: KEY_ID,
    }),
    action: z.string().meta({ description: 'What was done.', example: 'client.change' }),
    noun: z.string().meta({ description: 'What was changed.', example: 'client' }),
    noun_id: z.string().meta({ description: 'Which one.', example: 'canister' }),
    about: z.string().nullable().meta({
      description: 'The client, user or group that it is, that it belongs to, or that holds it. Null: none.',
      example: 'client:canister',
    }),
    detail: z.record(z.string(), z.unknown()).meta({
      description: 'What became of it: which fields changed, whose it is, why it was revoked. Never a secret.',
      example: { fields: ['groups'], groups: ['media'] },
    }),
  })
  .meta({ description: 'One change, and who made it.' })
export type AuditEvent = z.infer<typeof AuditEvent>

const word = (expected: string, pattern = /^[^\p{Cc}\s]{1,256}$/u) => z.string().regex(pattern, `expected ${expected}`)
const ABOUT = new RegExp(`^(${HOLDER_KINDS.join('|')}):[a-z0-9][a-z0-9._@:-]{0,62}$`)

export const AuditEventQuery = body({
  about: word('a client, user or group like "client:canister"', ABOUT).optional().meta({
    description: 'Only those about this client, user or group: itself, its credentials, its permissions.',
    example: 'client:canister',
  }),
  noun: z
    .enum(AUDIT_NOUNS, `expected one of ${AUDIT_NOUNS.join(', ')}`)
    .optional()
    .meta({ description: 'Only those of this kind of thing.', example: 'client' }),
  noun_id: word('the id or name of what was changed')
    .optional()
    .meta({ description: 'Only those of this one. Needs `noun`.', example: 'canister' }),
  actor: word('who did it, like "user:alice"')
    .optional()
    .meta({ description: 'Only what this one did.', example: 'user:alice' }),
  credential: word(
    'the public id of a credential, like "key_01JABCDEFGHJKMNPQRSTVWXYZ0"',
    /^([a-z]+(_[0-9A-Za-z]+)?|jwk_[0-9A-Za-z_-]{43})$/,
  )
    .optional()
    .meta({ description: 'Only what was done with this credential.', example: KEY_ID }),
  action: word('an action like "client.change"', /^[a-z_]{1,40}\.[a-z_]{1,40}$/)
    .optional()
    .meta({ description: 'Only this action.', example: 'client.change' }),
  since: newInstant()
    .optional()
    .meta({ description: 'Only those at this moment or later.', example: '2030-01-30T12:00:00Z' }),
  until: newInstant()
    .optional()
    .meta({ description: 'Only those before this moment.', example: '2030-01-31T12:00:00Z' }),
  ...pageQueryFields,
}).superRefine(({ noun, noun_id }, context) => {
  if (noun_id === undefined || noun !== undefined) return
  context.addIssue({ code: 'custom', path: ['noun'], message: 'expected a noun beside noun_id, like "client"' })
})
export type AuditEventQuery = z.output<typeof AuditEventQuery>

/** Newest first. */
export const AuditEventPage = page(AuditEvent)
