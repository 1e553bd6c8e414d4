import { z } from 'zod'
import { body } from './body.ts'
import { IDENTITY_HEADERS, isAlias, isCredentialHeader } from './header-names.ts'
import { managedBy } from './managed-by.ts'
import { description, instant, name, newName, scope, surface } from './names.ts'
import { page } from './page.ts'
import { AnsweredRule, Rule } from './rule.ts'

const LABEL = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?'
/** A wildcard stands before at least two labels. */
const HOST = new RegExp(`^(\\*\\.(?=[^.:]+\\.))?${LABEL}(\\.${LABEL})*(:[0-9]{1,5})?$`)
const HOST_V6 = /^\[[0-9a-f:.]{2,45}\](:[0-9]{1,5})?$/

function isHost(text: string): boolean {
  return (
    text.length <= 253 && (HOST.test(text) || HOST_V6.test(text)) && !/:(80|443)$/.test(text.replace(/^\[.*\]/, ''))
  )
}

const TOKEN_FORMATS = ['jwt', 'opaque'] as const
export const tokenTtlSeconds = () => {
  const expected = 'expected a whole number of seconds from 60 to 86400'
  return z.int(expected).min(60, expected).max(86_400, expected)
}

const format = z.enum(TOKEN_FORMATS, 'expected "jwt" or "opaque"').meta({
  description: 'A JWT can be checked without asking; an opaque token dies everywhere at once.',
  example: 'jwt',
})
const ttlSeconds = tokenTtlSeconds().meta({ description: 'How long an access token lives.', example: 600 })

const ScopeDetail = body({
  surface: surface().optional().meta({
    description: 'The part of the API that it opens, so that scopes can be shown together.',
    example: 'files',
  }),
  description: description()
    .min(1, 'expected at least one character')
    .optional()
    .meta({ description: 'What a holder of it may do.', example: 'Read files' }),
})

/** What can be said of a resource, without defaults: a change must not fill in what it does not name. */
const fields = {
  identifier: z
    .string()
    .max(512)
    .regex(
      /^[A-Za-z][A-Za-z0-9+.-]*:[!"$-~]+$/,
      'expected an absolute URI without fragment, like "https://webdav.example.com"',
    )
    .meta({ description: 'Its audience, an absolute URI without fragment.', example: 'https://webdav.example.com' }),
  hosts: z
    .array(
      z
        .string()
        .refine(
          isHost,
          'expected a host in lower case without default port, like "webdav.example.com" or "*.example.com"',
        ),
    )
    .max(100)
    .meta({
      description: 'The hosts that it answers at; one leading `*.` is one label.',
      example: ['webdav.example.com'],
    }),
  scopes: z
    .array(scope())
    .max(500)
    .meta({ description: 'Every scope there is here.', example: ['files:read', 'files:write'] }),
  scope_details: z.record(z.string(), ScopeDetail).meta({
    description: 'What its scopes are for: scope → surface and description. Of declared scopes only.',
    example: { 'files:read': { surface: 'files', description: 'Read files' } },
  }),
  rules: z
    .array(Rule)
    .max(500)
    .meta({
      description: 'In order: the first that matches method and path decides. None matches: refused.',
      example: [{ methods: ['GET', 'HEAD'], path: '/**', require: { scopes: ['files:read'] } }],
    }),
  introspectors: z
    .array(name())
    .max(100)
    .meta({
      description: 'Clients that may ask at /oauth/introspect what a credential may do here.',
      example: ['webdav-api'],
    }),
  audience_aliases: z
    .array(
      body({
        issuer: name('corp').meta({ description: 'Name of the issuer here.', example: 'corp' }),
        audience: z
          .string()
          .min(1, 'expected what it puts into aud')
          .max(512, 'expected at most 512 characters')
          .meta({ description: 'What it puts into `aud`.', example: 'api://0f3a' }),
      }),
    )
    .max(100)
    .meta({
      description: 'What issuers that cannot put the identifier into `aud` put there in its place, issuer by issuer.',
      example: [{ issuer: 'corp', audience: 'api://0f3a' }],
    }),
  foreign_credentials: z.enum(['reject', 'pass'], 'expected "reject" or "pass"').meta({
    description: 'A credential that is not ours: refuse it, or decide as if there were none.',
    example: 'reject',
  }),
  credential_header: z
    .string()
    .refine(isCredentialHeader, 'expected a header that nothing else uses, like "X-Countersign-Key"')
    .nullable()
    .meta({
      description: 'The only header machines may send their credential in. Null: the usual ones.',
      example: null,
    }),
  preflight: z.enum(['deny', 'pass'], 'expected "deny" or "pass"').meta({
    description: 'CORS preflights: decide them like any request, or let them through as anonymous.',
    example: 'deny',
  }),
  headers: z
    .record(z.string(), z.enum(IDENTITY_HEADERS, `expected one of ${IDENTITY_HEADERS.join(', ')}`))
    .superRefine(checkAliases)
    .meta({
      description: 'Further names for identity headers: name → header.',
      example: { 'X-Remote-User': 'Remote-User' },
    }),
  groups: z.enum(['holding', 'all'], 'expected "holding" or "all"').meta({
    description: 'What `Remote-Groups` lists: groups that hold a permission here, or all.',
    example: 'holding',
  }),
  disabled: z.boolean().meta({ description: 'Refuse everyone, but keep everything.', example: false }),
}

export const NewResource = body({
  name: newName().meta({ description: 'Its name, for ever.', example: 'webdav' }),
  identifier: fields.identifier,
  hosts: fields.hosts.default([]),
  scopes: fields.scopes.default([]),
  scope_details: fields.scope_details.default({}),
  rules: fields.rules,
  access_token: body({ format: format.default('jwt'), ttl_seconds: ttlSeconds.default(600) })
    .prefault({})
    .meta({ description: 'The access tokens issued for it.', example: { format: 'jwt', ttl_seconds: 600 } }),
  introspectors: fields.introspectors.default([]),
  audience_aliases: fields.audience_aliases.default([]),
  foreign_credentials: fields.foreign_credentials.default('reject'),
  credential_header: fields.credential_header.default(null),
  preflight: fields.preflight.default('deny'),
  headers: fields.headers.default({}),
  groups: fields.groups.default('holding'),
  disabled: fields.disabled.default(false),
  managed_by: managedBy().default(null),
}).meta({ description: 'A resource to protect.' })
export type NewResource = z.output<typeof NewResource>

/** Only the fields sent change; of `access_token` too. */
export const ResourceChange = body({
  ...optional(fields),
  access_token: body({ format: format.optional(), ttl_seconds: ttlSeconds.optional() })
    .optional()
    .meta({ description: 'The access tokens issued for it.', example: { ttl_seconds: 300 } }),
  managed_by: managedBy().optional(),
}).meta({ description: 'What to change in a resource. Fields that are not sent stay.' })
export type ResourceChange = z.output<typeof ResourceChange>

export const Resource = z
  .object({
    name: name().meta({ description: 'Its name.', example: 'webdav' }),
    ...fields,
    rules: z.array(AnsweredRule).meta({ description: 'In order: the first that matches method and path decides.' }),
    access_token: z
      .object({ format, ttl_seconds: ttlSeconds })
      .meta({ description: 'The access tokens issued for it.' }),
    managed_by: z.string().nullable().meta({ description: 'What declared it, null: made by hand.', example: null }),
    created_at: instant().meta({ description: 'When it was made.', example: '2030-01-31T12:00:00.000Z' }),
    revision: z.int().meta({ description: 'The last change that could alter an answer here.', example: 42 }),
  })
  .meta({ description: 'A protected resource.' })
export type Resource = z.infer<typeof Resource>

/** The answer to making or changing one: what the linter has to say stands beside it. */
export const ChangedResource = Resource.extend({
  warnings: z
    .array(z.string())
    .meta({ description: 'What looks like a mistake in the rules.', example: ['rules[1] is never reached'] }),
})
export type ChangedResource = z.infer<typeof ChangedResource>

export const ResourcePage = page(Resource)

function checkAliases(headers: Record<string, string>, context: z.RefinementCtx): void {
  const seen = new Set<string>()
  for (const alias of Object.keys(headers)) {
    if (!isAlias(alias)) {
      const message =
        'expected a name for an identity header, like "X-Remote-User", "X-Auth-Request-User" or "Remote-Login"'
      context.addIssue({ code: 'custom', path: [alias], message })
    }
    if (seen.has(alias.toLowerCase())) {
      context.addIssue({ code: 'custom', path: [alias], message: 'expected each name once: header names ignore case' })
    }
    seen.add(alias.toLowerCase())
  }
}

type Optional<Shape extends Record<string, z.ZodType>> = { [Key in keyof Shape]: z.ZodOptional<Shape[Key]> }

function optional<Shape extends Record<string, z.ZodType>>(shape: Shape): Optional<Shape> {
  return Object.fromEntries(Object.entries(shape).map(([key, field]) => [key, field.optional()])) as Optional<Shape>
}
