import { z } from 'zod'
import { Credential } from './credential.ts'
import { PRINCIPAL_KINDS } from './rule.ts'

const list = (description: string, example: string[]) => z.array(z.string()).meta({ description, example })

/** The caller, as this API sees it. */
export const Me = z
  .object({
    principal: z
      .object({
        kind: z.enum(PRINCIPAL_KINDS).meta({ description: 'Its kind.', example: 'client' }),
        id: z.string().meta({ description: 'Its id.', example: 'canister' }),
        name: z.string().meta({ description: 'What people call it.', example: 'Canister' }),
      })
      .meta({ description: 'Whom the credential stands for.' }),
    credential: z
      .object({
        id: Credential.shape.id,
        kind: z.string().meta({ description: 'Its kind.', example: 'key' }),
        name: Credential.shape.name,
        hint: z.string().nullable().meta({ description: 'To recognise it by.', example: 'cs_key_…x7Qz' }),
        expires_at: Credential.shape.expires_at,
        full: Credential.shape.full,
      })
      .nullable()
      .meta({ description: 'The credential that was shown; null: one without a record.' }),
    resource: z
      .literal('countersign')
      .meta({ description: 'Where these rights are: this API.', example: 'countersign' }),
    roles: list('Its roles here.', ['admin']),
    scopes: list('Its scopes here, as narrowed by the credential.', ['clients:read']),
    groups: list('Its groups.', ['media']),
    projects: z
      .array(z.string())
      .nullable()
      .meta({ description: 'The projects it is confined to. Null: all of them.', example: null }),
  })
  .meta({ description: 'The caller.' })
export type Me = z.infer<typeof Me>
