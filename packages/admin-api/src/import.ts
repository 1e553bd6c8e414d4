// Credentials that were made elsewhere: their digests move in. What another system issued keeps working until it expires;
// what was made in our own form before there was a server that could issue it counts from then on.

import { z } from 'zod'
import { body } from './body.ts'
import { managedBy } from './managed-by.ts'
import { displayName, instant, newInstant } from './names.ts'
import { NETWORKS, OWNER, PROJECTS, RESOURCES, requireOneResource, SCOPES } from './narrowing.ts'
import { page } from './page.ts'

export const FOREIGN_DIGESTS = ['sha256', 'hmac-sha256'] as const

const PREFIX_EXPECTED =
  'expected the first 3 to 32 characters that all of them share, of A-Z a-z 0-9 _ . -, not "cs_" and not like a JWT ("eyJ")'

export const foreignPrefix = () =>
  z
    .string(PREFIX_EXPECTED)
    .regex(/^(?!cs_)(?!eyJ)[A-Za-z0-9][A-Za-z0-9_.-]{2,31}$/, PREFIX_EXPECTED)
    .meta({ description: 'What all of these credentials begin with.', example: 'glpat-' })

/** What credentials of our own form begin with that can be made before there is a server: the keys and secrets of clients. */
export const OWN_PREFIXES = ['cs_key_', 'cs_secret_'] as const
export type OwnPrefix = (typeof OWN_PREFIXES)[number]

export function isOwnPrefix(prefix: string): prefix is OwnPrefix {
  return OWN_PREFIXES.some((own) => own === prefix)
}

const IMPORT_PREFIX_EXPECTED = `${PREFIX_EXPECTED}; or cs_key_ or cs_secret_, for keys and secrets of our own form`

const importPrefix = () =>
  z
    .string(IMPORT_PREFIX_EXPECTED)
    .regex(/^(?:cs_key_|cs_secret_|(?!cs_)(?!eyJ)[A-Za-z0-9][A-Za-z0-9_.-]{2,31})$/, IMPORT_PREFIX_EXPECTED)
    .meta({ description: 'What all of these credentials begin with.', example: 'glpat-' })

const HINT_EXPECTED = 'expected what its prefix and its last four characters are, like "cs_key_…x7Qz"'

export const SHA256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits in lower case: the digest of the whole credential')
  .meta({ example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' })

export const HINT = z
  .string(HINT_EXPECTED)
  .regex(/^cs_(?:key|secret)_…[0-9A-Za-z]{4}$/, HINT_EXPECTED)
  .meta({ example: 'cs_key_…x7Qz' })

export const ImportedCredential = body({
  digest: SHA256.meta({
    ...SHA256.meta(),
    description: 'SHA-256 or HMAC-SHA-256 of the whole credential, prefix and all.',
  }),
  owner: OWNER,
  name: displayName().optional().meta({ description: 'What people call it.', example: 'deploy bot' }),
  resources: RESOURCES.optional(),
  scopes: SCOPES.optional(),
  projects: PROJECTS.optional(),
  networks: NETWORKS.optional(),
  expires_at: newInstant()
    .nullable()
    .optional()
    .meta({ description: 'When it ends. Omitted: as a new one of its kind would.', example: '2030-01-31T12:00:00Z' }),
  hint: HINT.optional().meta({
    ...HINT.meta(),
    description: 'Of one of our own form: what it is recognised by later.',
  }),
  managed_by: managedBy().optional(),
})
  .superRefine(requireOneResource)
  .meta({ description: 'A credential that was made elsewhere, by its digest.' })
export type ImportedCredential = z.output<typeof ImportedCredential>

export const CredentialImport = body({
  prefix: importPrefix(),
  digest: z.enum(FOREIGN_DIGESTS, 'expected "sha256" or "hmac-sha256"').meta({
    description: 'How the digests were made.',
    example: 'sha256',
  }),
  hmac_key: z
    .string()
    .regex(
      /^(?:[A-Za-z0-9+/]{4}){1,342}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
      'expected a key of 3 to 1028 bytes, in base64 with its padding',
    )
    .optional()
    .meta({ description: 'The key of HMAC-SHA-256 in base64. Kept sealed.', example: 'bm90LWEtcmVhbC1rZXk=' }),
  credentials: z
    .array(ImportedCredential)
    .min(1, 'expected at least one credential')
    .max(500, 'expected at most 500 credentials a call')
    .meta({ description: 'A user’s become personal access tokens, a client’s become keys.' }),
})
  .superRefine(({ prefix, digest, hmac_key, credentials }, context) => {
    const report = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message })
    if (digest === 'sha256' && hmac_key !== undefined) report(['hmac_key'], 'expected only beside digest "hmac-sha256"')
    const isOwn = isOwnPrefix(prefix)
    if (isOwn && digest !== 'sha256') report(['digest'], `expected "sha256", as for all that begins with ${prefix}`)
    for (const [index, { owner, hint, managed_by }] of credentials.entries()) {
      const at = (field: string) => ['credentials', index, field]
      if (!isOwn && hint !== undefined) report(at('hint'), 'expected only beside prefix cs_key_ or cs_secret_')
      if (!isOwn && managed_by != null) report(at('managed_by'), 'expected only beside prefix cs_key_ or cs_secret_')
      if (isOwn && !owner.startsWith('client:')) report(at('owner'), 'expected a client, like "client:canister"')
      if (isOwn && hint?.startsWith(prefix) === false) report(at('hint'), `expected one that begins with ${prefix}`)
    }
  })
  .meta({ description: 'Digests of credentials that were made elsewhere.' })
export type CredentialImport = z.output<typeof CredentialImport>

export const CredentialImported = z
  .object({
    imported: z.int().meta({ description: 'How many are new.', example: 2 }),
    present: z
      .int()
      .meta({ description: 'How many had been imported before; nothing was changed in them.', example: 0 }),
    ids: z.array(z.string()).meta({
      description: 'Their public ids, in the order of the request.',
      example: ['pat_01JABCDEFGHJKMNPQRSTVWXYZ0'],
    }),
  })
  .meta({ description: 'What was imported.' })
export type CredentialImported = z.infer<typeof CredentialImported>

/** A prefix of another system, by which its credentials are known here. */
export const ForeignPrefix = z
  .object({
    prefix: z.string().meta({ description: 'What they begin with.', example: 'glpat-' }),
    digest: z.enum(FOREIGN_DIGESTS).meta({ description: 'How their digests are made.', example: 'sha256' }),
    created_at: instant().meta({ description: 'When the first came in.', example: '2030-01-31T12:00:00.000Z' }),
    imported: z.int().meta({ description: 'How many came in.', example: 12 }),
    unrevoked: z.int().meta({ description: 'How many are neither revoked by themselves nor expired.', example: 7 }),
  })
  .meta({ description: 'Where imported credentials come from.' })
export type ForeignPrefix = z.infer<typeof ForeignPrefix>

export const ForeignPrefixes = page(ForeignPrefix)
export type ForeignPrefixes = z.infer<typeof ForeignPrefixes>
