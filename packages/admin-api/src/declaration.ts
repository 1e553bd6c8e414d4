import { z } from 'zod'
import { body, refuseTogether } from './body.ts'
import { NewClient } from './client.ts'
import { NewGroup } from './group.ts'
import { NewIssuer, requireOneSource } from './issuer.ts'
import { name, newName } from './names.ts'
import { NewPermission, requireOneHolder } from './permission.ts'
import { NewResource } from './resource.ts'
import { NewTrustRule, requireOneResourceOfRule } from './trust-rule.ts'
import { NewUser } from './user.ts'

// A declared file: what should be there, in the words of the calls that make it. Every entry is the whole of what it
// declares: what it leaves out has the default of the call. But for `disabled`: nobody is let in by silence.

const MANAGEMENT_RESOURCE = 'countersign'

const adopt = z.boolean().default(false).meta({
  description: 'Take over what is there already and was not made by this file.',
  example: true,
})

const disabled = z.boolean('expected true or false').optional().meta({
  description: 'Shut out, or not. Left out: as it is, so that no run lets in whom somebody has shut out by hand.',
  example: true,
})

const DeclaredGroup = body({ ...undeclared(NewGroup.shape), disabled, adopt })

const DeclaredIssuer = body({ ...undeclared(NewIssuer.shape), disabled, adopt }).superRefine(requireOneSource)

const DeclaredResource = body({ ...undeclared(NewResource.shape), disabled, adopt })

const DeclaredClient = body({
  ...undeclared(NewClient.shape),
  // Never null: the first permission would choose one, and the next run find it.
  default_resource: name().optional().meta({
    description: 'Which resource a token request means that names none. Left out: as its first permission chooses.',
    example: 'webdav',
  }),
  disabled,
  adopt,
})

const { password: _password, ...userFields } = undeclared(NewUser.shape)
const DeclaredUser = body({
  ...userFields,
  password_file: z.string().min(1, 'expected a path').optional().meta({
    description: 'The file that holds the first password. Read only when the user is made.',
    example: '/run/secrets/alice',
  }),
  password_env: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of a variable of the environment, like "ALICE_PASSWORD"')
    .optional()
    .meta({ description: 'The variable that holds it instead.', example: 'ALICE_PASSWORD' }),
  disabled,
  adopt,
}).superRefine((user, context) => refuseTogether(['password_file', 'password_env'], user, context))

const DeclaredTrustRule = body({ ...undeclared(NewTrustRule.shape), adopt }).superRefine(requireOneResourceOfRule)

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

/** The fields of a call but for who declares it: that is the file. */
function undeclared<Shape extends { managed_by: z.ZodType }>({ managed_by: _by, ...fields }: Shape) {
  return fields
}
