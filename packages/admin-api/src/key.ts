// API keys, personal access tokens and client secrets: making, rotating and revoking them.

import { z } from 'zod'
import { body, refuseTogether } from './body.ts'
import { CREDENTIAL_KINDS, Credential } from './credential.ts'
import { displayName, instant, newInstant, sentence } from './names.ts'
import { NETWORKS, PROJECTS, RESOURCES, requireOneResource, SCOPES } from './narrowing.ts'

const CENTURY_DAYS = 36_500
const wholeNumber = (most: number, unit: string) => {
  const expected = `expected a whole number of ${unit} from 1 to ${most}`
  return z.int(expected).min(1, expected).max(most, expected)
}
const reason = sentence().meta({ description: 'Why, for whoever asks later.', example: 'leaked' })

/** What can be said of a key and of a token alike. */
const newCredential = () =>
  body({
    name: displayName().optional().meta({ description: 'What people call it.', example: 'laptop' }),
    resources: RESOURCES.optional(),
    scopes: SCOPES.optional(),
    projects: PROJECTS.optional(),
    networks: NETWORKS.optional(),
    not_before: newInstant().optional().meta({ description: 'Not valid before.', example: '2030-01-01T00:00:00Z' }),
    expires_in_days: wholeNumber(CENTURY_DAYS, 'days').optional().meta({ description: 'Valid for days.', example: 30 }),
    expires_in_seconds: wholeNumber(CENTURY_DAYS * 86_400, 'seconds')
      .optional()
      .meta({ description: 'Valid for seconds.', example: 3600 }),
    expires_at: newInstant().optional().meta({ description: 'Valid until.', example: '2030-01-31T12:00:00Z' }),
  }).superRefine((value, context) => {
    refuseTogether(['expires_in_days', 'expires_in_seconds', 'expires_at'], value, context)
    requireOneResource(value, context)
  })

export const NewKey = newCredential().meta({ description: 'An API key to make. What is left out narrows nothing.' })
export type NewKey = z.output<typeof NewKey>

export const NewToken = newCredential().meta({
  description:
    'A personal access token to make. What is left out narrows nothing; without an end it gets the default one.',
})
export type NewToken = z.output<typeof NewToken>

export const NewSecret = newCredential().meta({
  description: 'A client secret to make. Tokens that are minted with it reach no further than it does.',
})
export type NewSecret = z.output<typeof NewSecret>

const key = z
  .string()
  .meta({ description: 'The key. It is shown this once.', example: 'cs_key_<43 characters><6 of checksum>' })
const token = z
  .string()
  .meta({ description: 'The token. It is shown this once.', example: 'cs_pat_<43 characters><6 of checksum>' })

const secret = z
  .string()
  .meta({ description: 'The secret. It is shown this once.', example: 'cs_secret_<43 characters><6 of checksum>' })

/** The one answer that holds the secret itself. */
export const IssuedSecret = Credential.extend({ secret }).meta({
  description: 'The new client secret. It cannot be shown again.',
})
export type IssuedSecret = z.infer<typeof IssuedSecret>

/** The one answer that holds the key itself. */
export const IssuedKey = Credential.extend({ key }).meta({ description: 'The new key. It cannot be shown again.' })
export type IssuedKey = z.infer<typeof IssuedKey>

/** The one answer that holds the token itself. */
export const IssuedToken = Credential.extend({ token }).meta({
  description: 'The new token. It cannot be shown again.',
})
export type IssuedToken = z.infer<typeof IssuedToken>

const OVERLAP = 'expected a whole number of seconds from 0 to 2592000 (30 days)'

export const Rotation = body({
  overlap_seconds: z
    .int(OVERLAP)
    .min(0, OVERLAP)
    .max(2_592_000, OVERLAP)
    .default(3600)
    .meta({ description: 'How long the old one works beside the new one.', example: 3600 }),
  name: displayName()
    .optional()
    .meta({ description: 'What people call the new one. Omitted: as before.', example: 'laptop' }),
}).meta({ description: 'How to replace a credential by a new one with the same rights.' })
export type Rotation = z.output<typeof Rotation>

/** The successor of a key (in `key`), a token (in `token`) or a client secret (in `secret`). */
export const Rotated = Credential.extend({
  key: key.optional(),
  token: token.optional(),
  secret: secret.optional(),
  replaces: z
    .object({
      id: z.string().meta({ description: 'The old one.', example: 'key_01JABCDEFGHJKMNPQRSTVWXYZ0' }),
      expires_at: instant().meta({ description: 'When the old one stops.', example: '2030-01-31T13:00:00.000Z' }),
    })
    .meta({ description: 'What the new one stands in for.' }),
}).meta({ description: 'The new one. It cannot be shown again.' })
export type Rotated = z.infer<typeof Rotated>

export const Revocation = body({
  reason: reason.optional(),
  family: z
    .boolean()
    .default(false)
    .meta({ description: 'Also its predecessors and successors by rotation.', example: false }),
}).meta({ description: 'How to revoke a credential.' })
export type Revocation = z.output<typeof Revocation>

const revoked = z.int().meta({ description: 'How many were live and are revoked now.', example: 1 })

export const Revoked = z.object({
  revoked,
  credential: Credential.nullable().meta({
    description:
      'As it is now. Null: no record is kept of it, so that nobody can say whether it ever was, nor whether it was live.',
  }),
})
export type Revoked = z.infer<typeof Revoked>

const madeBefore = newInstant().meta({
  description: 'Only what was made before.',
  example: '2030-01-01T00:00:00Z',
})

export const BulkRevocation = body({
  reason: reason.optional(),
  created_before: madeBefore.optional(),
}).meta({ description: 'How to revoke all of an owner.' })
export type BulkRevocation = z.output<typeof BulkRevocation>

export const AgeRevocation = body({
  kind: z.enum(CREDENTIAL_KINDS, `expected one of ${CREDENTIAL_KINDS.join(', ')}`).meta({
    description: 'Which kind: API keys, personal access tokens, access tokens or client secrets.',
    example: 'pat',
  }),
  created_before: madeBefore,
  reason: reason.optional(),
}).meta({ description: 'How to revoke all credentials of a kind that are older than a date, whoever owns them.' })
export type AgeRevocation = z.output<typeof AgeRevocation>

export const BulkRevoked = z.object({
  revoked: revoked.meta({
    description:
      'How many had not expired and are revoked now. What another revocation of many reached before counts again.',
    example: 3,
  }),
})
export type BulkRevoked = z.infer<typeof BulkRevoked>
