import { z } from 'zod'
import { body } from './body.ts'
import { instant, name } from './names.ts'
import { page, pageQueryFields } from './page.ts'

/** The steps of the one path, in order. */
export const DECISION_STEPS = ['request', 'rule', 'credential', 'authentication', 'decision', 'answer'] as const
export type DecisionStep = (typeof DECISION_STEPS)[number]

const outcome = z
  .enum(['allow', 'deny'], 'expected "allow" or "deny"')
  .meta({ description: 'What was said.', example: 'deny' })

const fields = {
  at: instant().meta({ description: 'When.', example: '2030-01-31T12:00:00.000Z' }),
  outcome,
  code: z.string().nullable().meta({ description: 'The refusal; null when allowed.', example: 'credential_revoked' }),
  status: z.int().meta({ description: 'What the proxy was answered.', example: 401 }),
  step: z
    .enum(DECISION_STEPS)
    .nullable()
    .meta({ description: 'The step that refused; null when allowed.', example: 'decision' }),
  sentence: z.string().meta({
    description: 'What happened and what to do, for the operator.',
    example: 'The key "laptop" of client canister was revoked on 31 January. Make a new one.',
  }),
  request: z
    .object({
      dialect: z.string().meta({ description: 'How it was asked.', example: 'forward' }),
      method: z.string().nullable().meta({ description: 'The method asked for.', example: 'GET' }),
      host: z.string().nullable().meta({ description: 'The host asked for.', example: 'webdav.example.com' }),
      path: z.string().nullable().meta({ description: 'The path asked for, without query.', example: '/photos/1.jpg' }),
      client_address: z.string().nullable().meta({ description: 'Who called; null: unknown.', example: '192.0.2.7' }),
    })
    .meta({ description: 'What was asked for, as far as it could be read.' }),
  resource: z.string().nullable().meta({ description: 'The resource it is for.', example: 'webdav' }),
  rule: z
    .object({
      index: z.int().meta({ description: 'Its place in the resource’s rules, from 0.', example: 0 }),
      methods: z
        .array(z.string())
        .nullable()
        .meta({ description: 'Its methods; null: every one.', example: ['GET'] }),
      path: z.string().meta({ description: 'Its path.', example: '/**' }),
    })
    .nullable()
    .meta({ description: 'The rule that matched.' }),
  credential: z
    .object({
      id: z.string().meta({ description: 'Its public id.', example: 'key_01JABCDEFGHJKMNPQRSTVWXYZ0' }),
      kind: z.string().meta({ description: 'Its kind.', example: 'key' }),
      name: z.string().nullable().meta({ description: 'What people call it.', example: 'laptop' }),
      hint: z.string().nullable().meta({ description: 'To recognise it by.', example: 'cs_key_…x7Qz' }),
    })
    .nullable()
    .meta({ description: 'The known credential that was shown.' }),
  principal: z.string().nullable().meta({ description: 'Whom it stands for.', example: 'client:canister' }),
  detail: z
    .record(z.string(), z.unknown())
    .meta({ description: 'What the step knows more. Never a credential.', example: { missing: ['files:write'] } }),
}

/** A decision without the id of a record: what `explain` shows. */
export const DecisionRecord = z.object(fields).meta({ description: 'One verification.' })
export type DecisionRecord = z.infer<typeof DecisionRecord>

export const Decision = z
  .object({
    id: z.string().meta({ description: 'The id in Countersign-Decision.', example: 'dec_01JABCDEFGHJKMNPQRSTVWXYZ0' }),
    ...fields,
  })
  .meta({ description: 'The record of one verification.' })
export type Decision = z.infer<typeof Decision>

export const DecisionQuery = body({
  outcome: outcome.optional(),
  resource: name().optional().meta({ description: 'Only those for this resource.', example: 'webdav' }),
  credential: z
    .string()
    .regex(/^[a-z]+(_[0-9A-Za-z]+)?$/, 'expected the id of a credential, like "key_01JABCDEFGHJKMNPQRSTVWXYZ0"')
    .optional()
    .meta({ description: 'Only those with this credential.', example: 'key_01JABCDEFGHJKMNPQRSTVWXYZ0' }),
  code: z
    .string()
    .regex(/^[a-z_]{1,64}$/, 'expected a refusal, like "scope_missing"')
    .optional()
    .meta({ description: 'Only this refusal.', example: 'scope_missing' }),
  ...pageQueryFields,
})
export type DecisionQuery = z.output<typeof DecisionQuery>

/** Newest first. */
export const DecisionPage = page(Decision)
