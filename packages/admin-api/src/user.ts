import { z } from 'zod'
import { body } from './body.ts'
import { managedBy } from './managed-by.ts'
import { displayName, groupName, instant, name, newName } from './names.ts'
import { page } from './page.ts'

/** What a person may be at the management API. */
export const USER_ROLES = ['admin', 'auditor', 'user'] as const

const PASSWORD_EXPECTED = 'expected 8 to 256 characters'

/** What can be said of a user, without defaults: a change must not fill in what it does not name. */
const fields = {
  name: displayName().meta({ description: 'What people call them. Omitted: the username.', example: 'Alice' }),
  email: z
    .email('expected an e-mail address like "alice@example.com"')
    .max(254)
    .nullable()
    .meta({ description: 'Told to upstreams; never used to find a user by.', example: 'alice@example.com' }),
  roles: z
    .array(z.enum(USER_ROLES, `expected one of ${USER_ROLES.join(', ')}`))
    .max(USER_ROLES.length)
    .meta({
      description:
        'Roles at the management API: `admin`, `auditor` (reads), `user` (their own tokens). Short for a permission ' +
        'on the resource `countersign`.',
      example: ['user'],
    }),
  groups: z
    .array(groupName())
    .max(200)
    .meta({ description: 'The groups that they are in.', example: ['media'] }),
  links: z
    .array(
      body({
        issuer: name('corp').meta({ description: 'Name of the issuer here.', example: 'corp' }),
        subject: z
          .string()
          .min(1, 'expected the sub of their tokens')
          .max(512, 'expected at most 512 characters')
          .regex(
            /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u,
            'expected one line without control characters and lone surrogates: no sub has any',
          )
          .meta({ description: 'Their `sub` there.', example: '248289761001' }),
      }),
    )
    .max(20)
    .meta({
      description:
        'Who they are at other issuers. Their tokens from there stand for them where a trust rule says `user: linked`. ' +
        'To set it takes the scope credentials:write too.',
      example: [],
    }),
  disabled: z.boolean().meta({ description: 'Refuse whatever they have, but keep everything.', example: false }),
}

const password = z
  .string(PASSWORD_EXPECTED)
  .min(8, PASSWORD_EXPECTED)
  .max(256, PASSWORD_EXPECTED)
  .meta({ description: 'For signing in. Kept as argon2id alone.', example: 'correct horse battery staple' })

export const NewUser = body({
  username: newName('alice').meta({ description: 'Their name here, for ever.', example: 'alice' }),
  name: fields.name.optional(),
  email: fields.email.default(null),
  roles: fields.roles.default(['user']),
  groups: fields.groups.default([]),
  links: fields.links.default([]),
  disabled: fields.disabled.default(false),
  password: password.optional(),
  managed_by: managedBy().default(null),
}).meta({ description: 'A person.' })
export type NewUser = z.output<typeof NewUser>

/** Only the fields sent change. The username never does. */
export const UserChange = body({
  name: fields.name.optional(),
  email: fields.email.optional(),
  roles: fields.roles.optional(),
  groups: fields.groups.optional(),
  links: fields.links.optional(),
  disabled: fields.disabled.optional(),
  password: password.nullable().optional().meta({
    description: 'A new password; null: none, so that nobody can sign in with one.',
    example: null,
  }),
  managed_by: managedBy().optional(),
}).meta({ description: 'What to change in a user. Fields that are not sent stay.' })
export type UserChange = z.output<typeof UserChange>

export const User = z
  .object({
    username: name().meta({ description: 'Their name here.', example: 'alice' }),
    ...fields,
    has_password: z.boolean().meta({ description: 'Whether a password is set. It is never shown.', example: true }),
    managed_by: z.string().nullable().meta({ description: 'What declared it, null: made by hand.', example: null }),
    created_at: instant().meta({ description: 'When they were made.', example: '2030-01-31T12:00:00.000Z' }),
  })
  .meta({ description: 'A person.' })
export type User = z.infer<typeof User>

export const UserPage = page(User)
