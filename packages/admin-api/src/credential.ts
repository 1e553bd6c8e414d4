import { z } from 'zod'
import { body } from './body.ts'
import { foreignPrefix } from './import.ts'
import { ownerKind } from './kinds.ts'
import { displayName, instant, name, newInstant } from './names.ts'
import { OWNER } from './narrowing.ts'
import { page, pageQueryFields } from './page.ts'

export const CREDENTIAL_KINDS = ['key', 'pat', 'at', 'secret'] as const
export const CREDENTIAL_STATES = ['live', 'revoked', 'expired', 'not_yet_valid', 'owner_disabled'] as const
export type CredentialKind = (typeof CREDENTIAL_KINDS)[number]
export type CredentialState = (typeof CREDENTIAL_STATES)[number]

const KEY_ID = 'key_01JABCDEFGHJKMNPQRSTVWXYZ0'
const THEN = '2030-01-31T12:00:00.000Z'

const narrowing = (what: string, example: string[]) =>
  z
    .array(z.string())
    .nullable()
    .meta({ description: `The ${what} it is narrowed to. Null: not narrowed.`, example })
const moment = (description: string) => instant().meta({ description, example: THEN })
const perhaps = (description: string) => instant().nullable().meta({ description, example: THEN })

/** A credential that was issued: everything but the credential. */
export const Credential = z
  .object({
    id: z.string().meta({ description: 'Its public id, fit for logs.', example: KEY_ID }),
    kind: z
      .enum(CREDENTIAL_KINDS)
      .meta({ description: 'API key, personal access token, access token, client secret.', example: 'key' }),
    owner: z
      .object({
        kind: ownerKind().meta({ description: 'What owns it.', example: 'client' }),
        id: name().meta({ description: 'Its id.', example: 'canister' }),
      })
      .meta({ description: 'Whom it stands for.' }),
    name: z.string().nullable().meta({ description: 'What people call it.', example: 'laptop' }),
    hint: z.string().meta({ description: 'Prefix and last characters, to recognise it by.', example: 'cs_key_…x7Qz' }),
    resources: narrowing('resources', ['webdav']),
    scopes: narrowing('scopes', ['files:read']),
    projects: narrowing('projects', ['team/app']),
    audience: z
      .string()
      .nullable()
      .meta({ description: 'Of access tokens: the identifier of their resource. Null: bound to none.', example: null }),
    networks: narrowing('networks', ['10.0.0.0/8']),
    full: z.boolean().meta({ description: 'Nothing is narrowed: it may do whatever its owner may.', example: false }),
    not_before: perhaps('When it starts to be valid. Null: at once.'),
    expires_at: perhaps('When it stops to be valid. Null: never.'),
    created_at: moment('When it was made.'),
    created_by: z.string().nullable().meta({ description: 'Who made it.', example: 'client:bootstrap' }),
    family: z.string().meta({ description: 'What it and its successors by rotation share.', example: KEY_ID }),
    parent: z
      .string()
      .nullable()
      .meta({ description: 'The credential that minted it; revoking that kills it.', example: null }),
    state: z.enum(CREDENTIAL_STATES).meta({ description: 'Whether it works now, and if not, why.', example: 'live' }),
    revoked_at: perhaps('When it was revoked.'),
    revoked_by: z.string().nullable().meta({ description: 'Who revoked it.', example: 'user:alice' }),
    revoked_reason: z.string().nullable().meta({ description: 'Why it was revoked.', example: 'leaked' }),
    last_used_at: perhaps('When it was last allowed, to the minute. Null: never.'),
    imported_from: z
      .string()
      .nullable()
      .meta({ description: 'What it begins with, if another system issued it. Null: issued here.', example: null }),
    managed_by: z.string().nullable().meta({ description: 'What declared it, null: made by hand.', example: null }),
    last_used_from: z.string().nullable().meta({ description: 'The client address then.', example: '192.0.2.7' }),
  })
  .meta({ description: 'An issued credential, whatever its state.' })
export type Credential = z.infer<typeof Credential>

export const CredentialQuery = body({
  owner: OWNER.optional().meta({ description: 'Only those of this owner.', example: 'client:canister' }),
  kind: z.enum(CREDENTIAL_KINDS, 'expected "key", "pat", "at" or "secret"').optional().meta({
    description:
      'Only those of this kind. Omitted: all but access tokens; JWTs are in no list, no record is kept of them.',
    example: 'key',
  }),
  state: z
    .enum(CREDENTIAL_STATES, `expected one of ${CREDENTIAL_STATES.join(', ')}`)
    .optional()
    .meta({ description: 'Only those in this state now.', example: 'live' }),
  name: displayName().optional().meta({ description: 'Only those that people call this.', example: 'laptop' }),
  unused_since: newInstant().optional().meta({
    description: 'Only those that were last used before, or made before and never used.',
    example: '2029-10-31T12:00:00Z',
  }),
  never_used: z
    .literal('true', 'expected "true", or nothing for all')
    .optional()
    .meta({ description: 'Only those that were never used.', example: 'true' }),
  expires_before: newInstant()
    .optional()
    .meta({ description: 'Only those that end before, and have not ended yet.', example: '2030-01-31T12:00:00Z' }),
  imported: z
    .enum(['true', 'false'], 'expected "true" or "false"')
    .optional()
    .meta({ description: 'Only those that another system issued, or only ours.', example: 'true' }),
  imported_from: foreignPrefix()
    .optional()
    .meta({ description: 'Only those that begin with this, of another system.', example: 'ghp_' }),
  managed_by: name('platform')
    .optional()
    .meta({ description: 'Only those that this declared file made.', example: 'platform' }),
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits in lower case: the SHA-256 of the whole credential')
    .optional()
    .meta({
      description: 'Only the one of ours with this SHA-256, so that it can be asked for without being sent.',
      example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    }),
  ...pageQueryFields,
})
export type CredentialQuery = z.output<typeof CredentialQuery>

export const CredentialPage = page(Credential)
