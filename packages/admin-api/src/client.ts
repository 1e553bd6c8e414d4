import { z } from 'zod'
import { body } from './body.ts'
import { managedBy } from './managed-by.ts'
import { displayName, groupName, instant, name, newName } from './names.ts'
import { networks } from './network.ts'
import { page } from './page.ts'
import { tokenTtlSeconds } from './resource.ts'

export const GRANTS = ['client_credentials'] as const

/** What can be said of a client, without defaults: a change must not fill in what it does not name. */
const fields = {
  name: displayName().meta({ description: 'What people call it. Omitted: its id.', example: 'Canister' }),
  groups: z
    .array(groupName())
    .max(200)
    .meta({ description: 'The groups that it is in.', example: ['media'] }),
  grants: z.array(z.enum(GRANTS, 'expected "client_credentials"')).meta({
    description: 'The OAuth grants it may use. Empty: none, its keys work still.',
    example: ['client_credentials'],
  }),
  default_resource: name()
    .nullable()
    .meta({ description: 'Which resource a token request means that names none.', example: 'webdav' }),
  access_token_ttl_seconds: tokenTtlSeconds()
    .nullable()
    .meta({ description: 'How long its access tokens live, at most. Null: as the resource says.', example: null }),
  networks: networks()
    .nullable()
    .meta({ description: 'Where it may call from (CIDR). Null: anywhere.', example: ['10.0.0.0/8'] }),
  listener: z
    .enum(['any', 'internal'], 'expected "any" or "internal"')
    .meta({ description: 'Which listener it may be believed on.', example: 'any' }),
  disabled: z.boolean().meta({ description: 'Refuse all its credentials, but keep everything.', example: false }),
}

export const NewClient = body({
  id: newName('canister').meta({ description: 'Its id, for ever.', example: 'canister' }),
  name: fields.name.optional(),
  groups: fields.groups.default([]),
  grants: fields.grants.default(['client_credentials']),
  default_resource: fields.default_resource.default(null),
  access_token_ttl_seconds: fields.access_token_ttl_seconds.default(null),
  networks: fields.networks.default(null),
  listener: fields.listener.default('any'),
  disabled: fields.disabled.default(false),
  managed_by: managedBy().default(null),
}).meta({ description: 'Software that calls.' })
export type NewClient = z.output<typeof NewClient>

/** Only the fields sent change. The id never does. */
export const ClientChange = body({
  name: fields.name.optional(),
  groups: fields.groups.optional(),
  grants: fields.grants.optional(),
  default_resource: fields.default_resource.optional(),
  access_token_ttl_seconds: fields.access_token_ttl_seconds.optional(),
  networks: fields.networks.optional(),
  listener: fields.listener.optional(),
  disabled: fields.disabled.optional(),
  managed_by: managedBy().optional(),
}).meta({ description: 'What to change in a client. Fields that are not sent stay.' })
export type ClientChange = z.output<typeof ClientChange>

export const Client = z
  .object({
    id: name().meta({ description: 'Its id.', example: 'canister' }),
    ...fields,
    managed_by: z.string().nullable().meta({ description: 'What declared it, null: made by hand.', example: null }),
    created_at: instant().meta({ description: 'When it was made.', example: '2030-01-31T12:00:00.000Z' }),
  })
  .meta({ description: 'Registered software that calls.' })
export type Client = z.infer<typeof Client>

export const ClientPage = page(Client)
