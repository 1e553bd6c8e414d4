import { z } from 'zod'
import { body, refuseTogether } from './body.ts'
import { NewClient } from './client.ts'
import { NewGroup } from './group.ts'
import { HINT, SHA256 } from './import.ts'
import { NewIssuer, requireOneSource } from './issuer.ts'
import { displayName, name, newInstant, newName } from './names.ts'
import { NETWORKS, PROJECTS, RESOURCES, requireOneResource, SCOPES } from './narrowing.ts'
import { NewPermission, requireOneHolder } from './permission.ts'
import { NewResource } from './resource.ts'
import { NewTrustRule, requireOneResourceOfRule } from './trust-rule.ts'
import { NewUser } from './user.ts'

// A declared file: what should be there, in the words of the calls that make it. Every entry is the whole of what it
// declares: what it leaves out has the default of the call. But for limits, whose default is to set none: silence gives
// nothing that somebody has taken by hand.

const MANAGEMENT_RESOURCE = 'countersign'

const adopt = z.boolean().default(false).meta({
  description: 'Take over what is there already and was not made by this file.',
  example: true,
})

const DeclaredGroup = body({ ...keeping(undeclared(NewGroup.shape), ['disabled']), adopt })

/** Not where its keys come from: that is what the entry is about, and keys that it names no more are believed no more. */
const DeclaredIssuer = body({
  ...keeping(undeclared(NewIssuer.shape), [
    ...(['algorithms', 'profile', 'max_lifetime_seconds', 'tolerance_seconds', 'allowed_clients', 'ca_file'] as const),
    ...(['kubernetes', 'groups_claims', 'single_use_assertions', 'disabled'] as const),
  ]),
  adopt,
}).superRefine(requireOneSource)

const DeclaredResource = body({
  ...keeping(undeclared(NewResource.shape), ['access_token', 'credential_header', 'disabled']),
  adopt,
})

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/
const variableName = (example: string) =>
  z.string().regex(VARIABLE, `expected the name of a variable of the environment, like "${example}"`)
const filePath = () => z.string().min(1, 'expected a path')

/**
 * A key or secret of a client that was made elsewhere, for example by `countersign key generate`. The file says where it
 * is, or what its digest is, so that the file itself holds no secret.
 */
const DeclaredCredential = body({
  name: displayName().meta({ description: 'What people call it: one of its kind and client.', example: 'laptop' }),
  secret_file: filePath().optional().meta({
    description: 'The file that holds it, relative to this one.',
    example: '/run/secrets/canister',
  }),
  secret_env: variableName('CANISTER_KEY')
    .optional()
    .meta({ description: 'The variable that holds it instead.', example: 'CANISTER_KEY' }),
  sha256: SHA256.optional().meta({
    ...SHA256.meta(),
    description: 'Or the SHA-256 of the whole of it, so that it need not be there.',
  }),
  hint: HINT.optional().meta({ ...HINT.meta(), description: 'Beside sha256: what it is recognised by later.' }),
  resources: RESOURCES.optional(),
  scopes: SCOPES.optional(),
  projects: PROJECTS.optional(),
  networks: NETWORKS.optional(),
  expires_at: newInstant().nullable().optional().meta({
    description: 'When it ends. Left out: as a new one of its kind would.',
    example: '2030-01-31T12:00:00Z',
  }),
}).superRefine((entry, context) => {
  const sources = [entry.secret_file, entry.secret_env, entry.sha256].filter((source) => source !== undefined)
  const report = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
  if (sources.length !== 1) report([], 'expected one of secret_file, secret_env and sha256')
  if (entry.hint !== undefined && entry.sha256 === undefined) report(['hint'], 'expected only beside sha256')
  requireOneResource(entry, context)
})
export type DeclaredCredential = z.output<typeof DeclaredCredential>

/** Not how it authenticates: that is one with its keys, and keys that are named no more are believed no more. */
const DeclaredClient = body({
  ...keeping(undeclared(NewClient.shape), [
    ...(['grants', 'access_token_ttl_seconds', 'networks', 'listener', 'requires_workload', 'disabled'] as const),
  ]),
  // Never null: the first permission would choose one, and the next run find it.
  default_resource: name().optional().meta({
    description: 'Which resource a token request means that names none. Left out: as its first permission chooses.',
    example: 'webdav',
  }),
  keys: listOf(DeclaredCredential).meta({ description: 'API keys of it that were made elsewhere.' }),
  secrets: listOf(DeclaredCredential).meta({ description: 'Client secrets of it that were made elsewhere.' }),
  adopt,
})

// Links are no limit, but often made by hand, by whoever knows what people are called elsewhere.
const { password: _password, ...userFields } = keeping(undeclared(NewUser.shape), ['links', 'disabled'])
const DeclaredUser = body({
  ...userFields,
  password_file: filePath().optional().meta({
    description: 'The file that holds the first password. Read only when the user is made.',
    example: '/run/secrets/alice',
  }),
  password_env: variableName('ALICE_PASSWORD')
    .optional()
    .meta({ description: 'The variable that holds it instead.', example: 'ALICE_PASSWORD' }),
  adopt,
}).superRefine((user, context) => refuseTogether(['password_file', 'password_env'], user, context))

const DeclaredTrustRule = body({
  ...keeping(undeclared(NewTrustRule.shape), ['mode', 'expires_at', 'resources', 'scopes', 'projects']),
  adopt,
}).superRefine(requireOneResourceOfRule)

const DeclaredPermission = body({ ...undeclared(NewPermission.shape), adopt }).superRefine((permission, context) => {
  requireOneHolder(permission, context)
  if (permission.user === undefined || permission.resource !== MANAGEMENT_RESOURCE) return
  if (permission.roles.length === 0) return
  const message = 'expected none: the roles of a user at countersign are declared in users, as roles'
  context.addIssue({ code: 'custom', path: ['roles'], message })
})

export const Declaration = body({
  name: newName().default('file').meta({
    description: 'What this file is called in managed_by. Two files that declare different things have two names.',
    example: 'platform',
  }),
  adopt: adopt.meta({
    description: 'Take over whatever of this file is there already and was not made by it.',
    example: true,
  }),
  groups: listOf(DeclaredGroup).meta({ description: 'Groups of clients and users.' }),
  issuers: listOf(DeclaredIssuer).meta({ description: 'Others whose tokens are to be believed.' }),
  resources: listOf(DeclaredResource).meta({ description: 'What is protected.' }),
  clients: listOf(DeclaredClient).meta({ description: 'Software that calls.' }),
  users: listOf(DeclaredUser).meta({ description: 'People.' }),
  trust_rules: listOf(DeclaredTrustRule).meta({ description: 'Which subjects of an issuer stand for whom.' }),
  permissions: listOf(DeclaredPermission).meta({ description: 'Who may reach what.' }),
}).meta({ description: 'What should be there.' })
export type Declaration = z.output<typeof Declaration>

function listOf<Entry extends z.ZodType>(entry: Entry) {
  return z.array(entry, 'expected a list; leave the field out where there is nothing to declare').default([])
}

type Defaulted<Inner extends z.ZodType> = z.ZodDefault<Inner> | z.ZodPrefault<Inner>
type Keeping<Shape, Field extends keyof Shape> = {
  [Name in keyof Shape]: Name extends Field
    ? Shape[Name] extends Defaulted<infer Inner>
      ? z.ZodOptional<Inner>
      : never
    : Shape[Name]
}

/** The same fields, of which these have no default: left out, they stay as they are. */
function keeping<Shape extends z.ZodRawShape, Field extends keyof Shape & string>(
  shape: Shape,
  kept: readonly Field[],
): Keeping<Shape, Field> {
  const optional = kept.map((name) => {
    const inner = (shape[name] as unknown as Defaulted<z.ZodType>).unwrap()
    const { description, ...meta } = inner.meta() ?? {}
    return [name, inner.optional().meta({ ...meta, description: `${description} Left out: as it is.` })]
  })
  return { ...shape, ...Object.fromEntries(optional) }
}

/** The fields of a call but for who declares it: that is the file. */
function undeclared<Shape extends { managed_by: z.ZodType }>({ managed_by: _by, ...fields }: Shape) {
  return fields
}
