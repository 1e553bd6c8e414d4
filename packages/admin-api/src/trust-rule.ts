import { z } from 'zod'
import { body } from './body.ts'
import { managedBy } from './managed-by.ts'
import { description, groupName, instant, name, newInstant, newName } from './names.ts'
import { PROJECTS, RESOURCES, requireOneResource, SCOPES } from './narrowing.ts'
import { page, pageQueryFields } from './page.ts'

export const TRUST_MODES = ['enforce', 'shadow', 'off'] as const

const VALUE = 'expected a text, a number, true or false'
const MATCH = `${VALUE}, or one of {"in": […]}, {"exists": true} and, of sub alone, {"prefix": "…"}`
const AS =
  'expected one of {"client": "<id>"}, {"workload": {"groups": ["<group>"]}} and {"user": "linked"}: whom the subject stands for'

const scalar = () => z.union([z.string().max(512), z.number(), z.boolean()], VALUE)
const claimMatch = z.union(
  [
    scalar(),
    body({ in: z.array(scalar()).min(1, 'expected at least one value').max(200) }),
    body({ prefix: z.string().min(1).max(512) }),
    body({ exists: z.literal(true) }),
  ],
  MATCH,
)

const workload = body({
  groups: z
    .array(groupName())
    .max(100)
    .meta({ description: 'The groups whose permissions it has.', example: ['media'] }),
})

const as = z.union(
  [
    body({ client: name('atlas').meta({ description: 'This client.', example: 'atlas' }) }),
    body({ workload: workload.meta({ description: 'Itself; nothing is stored of it.' }) }),
    body({ user: z.literal('linked').meta({ description: 'The user linked to it.', example: 'linked' }) }),
  ],
  AS,
)

/** What can be said of a trust rule, without defaults: a change must not fill in what it does not name. */
const fields = {
  description: description().nullable().meta({ description: 'What it is for.', example: 'The atlas service' }),
  issuer: name('corp').meta({ description: 'The issuer whose subjects it is about.', example: 'corp' }),
  match: z
    .record(z.string().min(1, 'expected the path of a claim').max(256), claimMatch)
    .refine((match) => Object.keys(match).length > 0, 'expected at least one claim')
    .meta({
      description:
        'Claim → what it has to be; all of them. A dotted path goes into objects. A list fits when one of its members ' +
        'does. Texts are exact, but for one `prefix` of `sub`.',
      example: { sub: 'system:serviceaccount:atlas-production:atlas' },
    }),
  as: as.meta({
    description:
      'Whom the subject stands for: a client; itself, in these groups; or the user who is linked to it. What they may ' +
      'do is said by their permissions.',
    example: { client: 'atlas' },
  }),
  mode: z.enum(TRUST_MODES, `expected one of ${TRUST_MODES.join(', ')}`).meta({
    description: '`enforce`; `shadow`: trusts nobody, but refusals say where it would have; `off`.',
    example: 'enforce',
  }),
}

const narrowing = {
  resources: RESOURCES.nullable().meta({
    description: 'Only at these resources. Null: not narrowed.',
    example: ['webdav'],
  }),
  scopes: SCOPES.nullable().meta({ description: 'Only these scopes. Null: not narrowed.', example: ['files:read'] }),
  projects: PROJECTS.nullable().meta({
    description: 'Only in these projects of the one resource named. Null: not narrowed.',
    example: ['team/app'],
  }),
}
const expiry = newInstant().nullable().meta({
  description: 'From then on it trusts nobody. Null: never.',
  example: '2030-01-31T12:00:00Z',
})

export const NewTrustRule = body({
  name: newName('atlas').meta({ description: 'Its name, for ever.', example: 'atlas' }),
  description: fields.description.default(null),
  issuer: fields.issuer,
  match: fields.match,
  as: fields.as,
  mode: fields.mode.default('enforce'),
  expires_at: expiry.default(null),
  resources: narrowing.resources.default(null),
  scopes: narrowing.scopes.default(null),
  projects: narrowing.projects.default(null),
  managed_by: managedBy().default(null),
})
  .superRefine(requireOneResourceOfRule)
  .meta({ description: 'Which subjects of an issuer stand for whom.' })
export type NewTrustRule = z.output<typeof NewTrustRule>

/** Only the fields sent change. The name never does. */
export const TrustRuleChange = body({
  description: fields.description.optional(),
  issuer: fields.issuer.optional(),
  match: fields.match.optional(),
  as: fields.as.optional(),
  mode: fields.mode.optional(),
  expires_at: expiry.optional(),
  resources: narrowing.resources.optional(),
  scopes: narrowing.scopes.optional(),
  projects: narrowing.projects.optional(),
  managed_by: managedBy().optional(),
}).meta({ description: 'What to change in a trust rule. Fields that are not sent stay.' })
export type TrustRuleChange = z.output<typeof TrustRuleChange>

const answeredList = (what: string) =>
  z
    .array(z.string())
    .nullable()
    .meta({ description: `The ${what} it is narrowed to. Null: not narrowed.`, example: null })

export const TrustRule = z
  .object({
    name: name('atlas').meta({ description: 'Its name.', example: 'atlas' }),
    ...fields,
    expires_at: instant().nullable().meta({ description: 'From then on it trusts nobody.', example: null }),
    resources: answeredList('resources'),
    scopes: answeredList('scopes'),
    projects: answeredList('projects'),
    managed_by: z.string().nullable().meta({ description: 'What declared it, null: made by hand.', example: null }),
    created_at: instant().meta({ description: 'When it was made.', example: '2030-01-31T12:00:00.000Z' }),
  })
  .meta({ description: 'Which subjects of an issuer stand for whom.' })
export type TrustRule = z.infer<typeof TrustRule>

/** What the linter has to say stands beside it. */
export const LintedTrustRule = TrustRule.extend({
  warnings: z
    .array(
      z.object({
        code: z.string().meta({ description: 'What kind of warning it is, for ever.', example: 'mutable_name' }),
        message: z.string().meta({
          description: 'What is wrong, and what to write in its place.',
          example: 'repository is a name, which somebody else can take: ask for repository_id.',
        }),
      }),
    )
    .meta({ description: 'What looks as if it trusted more than is meant.', example: [] }),
})
export type LintedTrustRule = z.infer<typeof LintedTrustRule>

export const TrustRuleQuery = body({
  issuer: fields.issuer.optional().meta({ description: 'Only those about this issuer.', example: 'corp' }),
  ...pageQueryFields,
})
export type TrustRuleQuery = z.output<typeof TrustRuleQuery>

export const TrustRulePage = page(TrustRule)

/** The issue for projects beside no resource or several; null is the same as nothing. */
export function requireOneResourceOfRule(
  value: { readonly [List in 'projects' | 'resources']?: readonly string[] | null | undefined },
  context: z.RefinementCtx,
): void {
  const { projects, resources } = value
  requireOneResource({ projects: projects ?? undefined, resources: resources ?? undefined }, context)
}
