import { z } from 'zod'
import { body } from './body.ts'
import { isFetchable } from './fetchable.ts'
import { managedBy } from './managed-by.ts'
import { displayName, groupName, instant, name, newName } from './names.ts'
import { networks } from './network.ts'
import { page } from './page.ts'
import { tokenTtlSeconds } from './resource.ts'

export const GRANTS = ['client_credentials'] as const
export const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const

/** What a secret would be in a public key: its presence is a mistake that must not be stored. @see RFC 7518 §6 */
export const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

const EXAMPLE_JWK = { kty: 'EC', crv: 'P-256', x: '…', y: '…', kid: '2030-01', alg: 'ES256' } as const

const publicJwk = z
  .looseObject(
    {
      kty: z
        .enum(['EC', 'OKP', 'RSA'], 'expected "EC", "OKP" or "RSA"')
        .meta({ description: 'Its kind; its other members are those of RFC 7518.', example: 'EC' }),
    },
    'expected a JWK',
  )
  .refine((jwk) => !PRIVATE_MEMBERS.some((member) => member in jwk), 'expected a public key: send no private members')

const jwks = body({
  keys: z
    .array(publicJwk, 'expected a list of JWKs')
    .min(1, 'expected at least one key')
    .max(20)
    .meta({ description: 'Public keys (RFC 7517 §5).', example: [EXAMPLE_JWK] }),
}).nullable()

const JWKS_URI = 'expected an https URL without user name and fragment (http at a loopback address alone)'
const MAX_URI_LENGTH = 2048

const jwksUri = z
  .string(JWKS_URI)
  .refine((text) => text.length <= MAX_URI_LENGTH && isFetchable(text), JWKS_URI)
  .meta({ format: 'uri', maxLength: MAX_URI_LENGTH })
  .nullable()

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
  token_endpoint_auth_methods: z.array(z.enum(AUTH_METHODS, `expected one of ${AUTH_METHODS.join(', ')}`)).meta({
    description: 'How it may authenticate at the token endpoint. Empty: in no way.',
    example: ['client_secret_basic'],
  }),
  jwks: jwks.meta({
    description: 'Its public keys for `private_key_jwt` (RFC 7517). Null: none here.',
    example: null,
  }),
  jwks_uri: jwksUri.meta({
    description:
      'Where it publishes them instead, by https. An address inside private networks needs COUNTERSIGN_EGRESS_NETWORKS. ' +
      'Null: nowhere. Registering keys needs the scope credentials:write too.',
    example: null,
  }),
  default_resource: name()
    .nullable()
    .meta({
      description:
        'Which resource a token request means that names none. Null: that of the oldest permission, its own or of a ' +
        'group that it is in; it is written here when the client is given more, so that its tokens stay for the same.',
      example: 'webdav',
    }),
  access_token_ttl_seconds: tokenTtlSeconds()
    .nullable()
    .meta({ description: 'How long its access tokens live, at most. Null: as the resource says.', example: null }),
  networks: networks('send null')
    .nullable()
    .meta({ description: 'Where it may call from (CIDR). Null: anywhere.', example: ['10.0.0.0/8'] }),
  listener: z
    .enum(['any', 'internal'], 'expected "any" or "internal"')
    .meta({ description: 'Which listener it may be believed on.', example: 'any' }),
  requires_workload: name('atlas')
    .nullable()
    .meta({
      description:
        'The trust rule that a workload has to fit before the client gets a token: its secret or key alone mints ' +
        'nothing then. Null: none.',
      example: null,
    }),
  disabled: z.boolean().meta({ description: 'Refuse all its credentials, but keep everything.', example: false }),
}

export const NewClient = body({
  id: newName('canister').meta({ description: 'Its id, for ever.', example: 'canister' }),
  name: fields.name.optional(),
  groups: fields.groups.default([]),
  grants: fields.grants.default(['client_credentials']),
  token_endpoint_auth_methods: fields.token_endpoint_auth_methods.default([
    'client_secret_basic',
    'client_secret_post',
  ]),
  jwks: fields.jwks.default(null),
  jwks_uri: fields.jwks_uri.default(null),
  default_resource: fields.default_resource.default(null),
  access_token_ttl_seconds: fields.access_token_ttl_seconds.default(null),
  networks: fields.networks.default(null),
  listener: fields.listener.default('any'),
  requires_workload: fields.requires_workload.default(null),
  disabled: fields.disabled.default(false),
  managed_by: managedBy().default(null),
}).meta({ description: 'Software that calls.' })
export type NewClient = z.output<typeof NewClient>

/** Only the fields sent change. The id never does. */
export const ClientChange = body({
  name: fields.name.optional(),
  groups: fields.groups.optional(),
  grants: fields.grants.optional(),
  token_endpoint_auth_methods: fields.token_endpoint_auth_methods.optional(),
  jwks: fields.jwks.optional(),
  jwks_uri: fields.jwks_uri.optional(),
  default_resource: fields.default_resource.optional(),
  access_token_ttl_seconds: fields.access_token_ttl_seconds.optional(),
  networks: fields.networks.optional(),
  listener: fields.listener.optional(),
  requires_workload: fields.requires_workload.optional(),
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
