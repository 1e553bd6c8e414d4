import { z } from 'zod'
import { body, refuseTogether } from './body.ts'
import { PRIVATE_MEMBERS } from './client.ts'
import { isFetchable } from './fetchable.ts'
import { managedBy } from './managed-by.ts'
import { groupName, instant, name, newName } from './names.ts'
import { page } from './page.ts'

export const TOKEN_PROFILES = ['plain', 'at+jwt'] as const
export const KUBERNETES_MODES = ['jwks', 'token_review'] as const
/** What tells the modes apart, for whoever chooses one. */
export const KUBERNETES_MODES_MEAN =
  '`jwks`: a token is believed by its signature, without asking the cluster, until it expires, even when its pod or ' +
  'ServiceAccount has been deleted. `token_review`: the API server is asked about each token as well, at most 10 ' +
  'seconds ago, so that what was deleted is refused; while the API server does not answer, so is everything (503).'

const ALGORITHMS = [
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
] as const
const ALGORITHM = `expected one of ${ALGORITHMS.join(', ')}: a shared secret (HS256 and its like) proves nothing here`
const SECONDS_A_DAY = 86_400
const MAX_LIFETIME_DAYS = 31
const LIFETIME = `expected whole seconds from 60 to ${MAX_LIFETIME_DAYS * SECONDS_A_DAY} (${MAX_LIFETIME_DAYS} days)`
const TOLERANCE = 'expected whole seconds from 0 to 300'
const ISSUER =
  'expected the iss of its tokens, byte for byte: an absolute URI without query and fragment, like "https://idp.example.com"'
/** Of tokens from the Secret of a ServiceAccount: no token of it is ever believed, so that nobody registers it in vain. */
const LEGACY_KUBERNETES = /(^|[:/])kubernetes\/serviceaccount$/
const LEGACY =
  'expected the issuer of projected (bound) tokens: those of a ServiceAccount Secret have no audience and no end, and ' +
  'are never believed'
const ADDRESS = 'expected an https URL without user name and fragment (http at a loopback address alone)'
const FILE = 'expected an absolute path without "..", in one of the directories of COUNTERSIGN_ISSUER_FILE_DIRS'

const address = () => z.string(ADDRESS).max(2048).refine(isFetchable, ADDRESS)
const path = () =>
  z
    .string(FILE)
    .max(1024)
    .refine((text) => text.startsWith('/') && !text.split('/').includes('..') && !text.includes('\0'), FILE)
const claimPath = () =>
  z
    .string()
    .min(1, 'expected the path of a claim, like "realm_access.roles"')
    .max(256)
    .refine((text) => !/[*?[\]]/.test(text), 'expected the path of one claim, without wildcards')
const mappedValue = () =>
  z
    .string()
    .min(1, 'expected a value of the claim')
    .max(256)
    .refine((text) => text !== '*', 'expected a value of the claim: "*" would let everybody in')

export const GroupMappings = z
  .record(groupName(), z.array(mappedValue()).min(1, 'expected at least one value').max(100))
  .refine((mappings) => Object.keys(mappings).length <= 200, 'expected at most 200 groups')

/** What an issuer signs with is nobody's to send: neither kept nor shown. */
const publicKey = z
  .looseObject({}, 'expected a JWK')
  .refine((jwk) => !PRIVATE_MEMBERS.some((member) => member in jwk), 'expected a public key: send no private members')

const jwkList = z.array(publicKey, 'expected a list of JWKs').meta({
  description: 'Public keys.',
  example: [{ kty: 'EC', crv: 'P-256', x: '…', y: '…', kid: '2030-01', alg: 'ES256' }],
})

const kubernetes = body({
  mode: z.enum(KUBERNETES_MODES, `expected one of ${KUBERNETES_MODES.join(', ')}`).meta({
    description: KUBERNETES_MODES_MEAN,
    example: 'jwks',
  }),
  api_server: address()
    .nullable()
    .default(null)
    .meta({
      description:
        'The API server. For `token_review` it is needed. Without another source the keys come from its ' +
        '/openid/v1/jwks. An address inside private networks needs COUNTERSIGN_EGRESS_NETWORKS.',
      example: 'https://kubernetes.default.svc',
    }),
  token_file: path().nullable().default(null).meta({
    description: 'Our own projected token on this host, shown to the API server alone, and read anew each time.',
    example: '/var/run/secrets/kubernetes.io/serviceaccount/token',
  }),
})

/** What can be said of an issuer, without defaults: a change must not fill in what it does not name. */
const fields = {
  issuer: z
    .string(ISSUER)
    .max(512)
    .refine((text) => !LEGACY_KUBERNETES.test(text), { error: LEGACY, abort: true })
    .regex(/^[A-Za-z][A-Za-z0-9+.-]*:[!$-~]+$/, ISSUER)
    .refine((text) => !/[?#]/.test(text), ISSUER)
    .meta({
      description:
        'The `iss` of its tokens, byte for byte. Issuers of the same `iss` (clusters, say) each need pinned keys with ' +
        'key ids of their own.',
      example: 'https://idp.example.com',
    }),
  algorithms: z
    .array(z.enum(ALGORITHMS, ALGORITHM))
    .min(1, ALGORITHM)
    .max(ALGORITHMS.length)
    .meta({ description: 'What it signs with.', example: ['RS256'] }),
  profile: z.enum(TOKEN_PROFILES, `expected one of ${TOKEN_PROFILES.join(', ')}`).meta({
    description:
      '`at+jwt`: access tokens by RFC 9068 alone. `plain`: any JWT that says who and for whom; ID tokens are refused.',
    example: 'plain',
  }),
  jwks: z
    .looseObject({ keys: jwkList }, 'expected a JWK Set: a JSON object with "keys"')
    .nullable()
    .meta({ description: 'Its public keys, pinned here (RFC 7517 §5).', example: null }),
  jwks_uri: address()
    .nullable()
    .meta({
      description:
        'Where it publishes them. An address inside private networks needs COUNTERSIGN_EGRESS_NETWORKS. Without any of ' +
        '`jwks`, `jwks_uri` and `jwks_file` they are found by its discovery document.',
      example: 'https://idp.example.com/keys',
    }),
  jwks_file: path().nullable().meta({
    description: 'A file of this host that holds them, read anew when it changes.',
    example: null,
  }),
  max_lifetime_seconds: z
    .int(LIFETIME)
    .min(60, LIFETIME)
    .max(MAX_LIFETIME_DAYS * SECONDS_A_DAY, LIFETIME)
    .meta({ description: 'The longest life of a token (`exp` − `iat`) that is believed.', example: SECONDS_A_DAY }),
  tolerance_seconds: z
    .int(TOLERANCE)
    .min(0, TOLERANCE)
    .max(300, TOLERANCE)
    .meta({ description: 'How far its clock may be off.', example: 60 }),
  allowed_clients: z
    .array(z.string().min(1).max(256))
    .min(1, 'expected at least one client; send null for all of them')
    .max(200)
    .nullable()
    .meta({
      description: 'Whose tokens (`azp`, `appid`, `cid`, `client_id`) are believed. Null: those of all its clients.',
      example: null,
    }),
  ca_file: path().nullable().meta({
    description:
      'A file of this host: certificates (PEM) to trust when it is asked, in place of those of the system. Read anew each time.',
    example: null,
  }),
  kubernetes: kubernetes.nullable().meta({
    description: 'For a cluster: how tokens of its ServiceAccounts are believed. Null: it is none.',
    example: null,
  }),
  groups_claims: z
    .array(claimPath())
    .min(1, 'expected at least one path; send null for the usual ones')
    .max(10)
    .nullable()
    .meta({
      description: 'Where its tokens list groups. Null: `groups`, `roles`, `realm_access.roles`.',
      example: null,
    }),
  group_mappings: GroupMappings.nullable().meta({
    description:
      'Group here → values of those claims, one of which puts the subject into it. What is not named here gives ' +
      'nothing, whatever it is called. Null: COUNTERSIGN_GROUP_MAPPINGS.',
    example: { 'git-admins': ['f3a1-admins'] },
  }),
  single_use_assertions: z.boolean().meta({
    description: 'At the token endpoint each of its tokens counts once, by its `jti`; one without is refused there.',
    example: false,
  }),
  disabled: z.boolean().meta({ description: 'Refuse all its tokens, but keep everything.', example: false }),
}

const SOURCES = ['jwks', 'jwks_uri', 'jwks_file'] as const

/** The issue for keys that would come from more than one place. */
export function requireOneSource(value: Record<string, unknown>, context: z.RefinementCtx): void {
  refuseTogether(SOURCES, Object.fromEntries(SOURCES.map((source) => [source, value[source] ?? undefined])), context)
}

const newFields = {
  name: newName('corp').meta({ description: 'What it is called here, for ever.', example: 'corp' }),
  issuer: fields.issuer,
  algorithms: fields.algorithms.default(['RS256', 'ES256']),
  profile: fields.profile.default('plain'),
  jwks: fields.jwks.default(null),
  jwks_uri: fields.jwks_uri.default(null),
  jwks_file: fields.jwks_file.default(null),
  max_lifetime_seconds: fields.max_lifetime_seconds.default(SECONDS_A_DAY),
  tolerance_seconds: fields.tolerance_seconds.default(60),
  allowed_clients: fields.allowed_clients.default(null),
  ca_file: fields.ca_file.default(null),
  kubernetes: fields.kubernetes.default(null),
  groups_claims: fields.groups_claims.default(null),
  group_mappings: fields.group_mappings.default(null),
  single_use_assertions: fields.single_use_assertions.default(false),
  disabled: fields.disabled.default(false),
  managed_by: managedBy().default(null),
}

export const NewIssuer = body(newFields)
  .superRefine(requireOneSource)
  .meta({ description: 'Somebody else whose tokens are to be believed, as far as trust rules say.' })
export type NewIssuer = z.output<typeof NewIssuer>

/** Only the fields sent change. The name never does; keys from one place take the place of those from another. */
export const IssuerChange = body({
  issuer: fields.issuer.optional(),
  algorithms: fields.algorithms.optional(),
  profile: fields.profile.optional(),
  jwks: fields.jwks.optional(),
  jwks_uri: fields.jwks_uri.optional(),
  jwks_file: fields.jwks_file.optional(),
  max_lifetime_seconds: fields.max_lifetime_seconds.optional(),
  tolerance_seconds: fields.tolerance_seconds.optional(),
  allowed_clients: fields.allowed_clients.optional(),
  ca_file: fields.ca_file.optional(),
  kubernetes: fields.kubernetes.optional(),
  groups_claims: fields.groups_claims.optional(),
  group_mappings: fields.group_mappings.optional(),
  single_use_assertions: fields.single_use_assertions.optional(),
  disabled: fields.disabled.optional(),
  managed_by: managedBy().optional(),
})
  .superRefine(requireOneSource)
  .meta({ description: 'What to change in an issuer. Fields that are not sent stay.' })
export type IssuerChange = z.output<typeof IssuerChange>

export const Issuer = z
  .object({
    name: name('corp').meta({ description: 'What it is called here.', example: 'corp' }),
    ...fields,
    managed_by: z.string().nullable().meta({ description: 'What declared it, null: made by hand.', example: null }),
    created_at: instant().meta({ description: 'When it was made.', example: '2030-01-31T12:00:00.000Z' }),
  })
  .meta({ description: 'Somebody else who signs tokens, whose keys are held here.' })
export type Issuer = z.infer<typeof Issuer>

export const IssuerPage = page(Issuer)
