import { z } from 'zod'
import { Credential } from './credential.ts'
import { principalKind } from './kinds.ts'
import { page } from './page.ts'

const list = (description: string, example: string[]) => z.array(z.string()).meta({ description, example })

/** The caller, as this API sees it. */
export const Me = z
  .object({
    principal: z
      .object({
        kind: principalKind().meta({ description: 'Its kind.', example: 'client' }),
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

/** What the caller's owner may do at a resource, and hence what a token of theirs can be narrowed to. */
export const MyResource = z
  .object({
    resource: z.string().meta({ description: 'Its name.', example: 'forge' }),
    identifier: z.string().meta({ description: 'Its audience.', example: 'https://git.example.com' }),
    hosts: z.array(z.string()).meta({ description: 'Where it answers.', example: ['git.example.com'] }),
    scopes: list('The scopes that they hold in some project, or everywhere.', ['repo:read']),
    roles: list('The roles that they hold in some project, or everywhere.', ['developer']),
    projects: z
      .array(z.string())
      .nullable()
      .meta({ description: 'The projects that they are confined to. Null: all of them.', example: null }),
  })
  .meta({ description: 'A resource that the caller may reach.' })
export type MyResource = z.infer<typeof MyResource>

/** By name. */
export const MyResources = page(MyResource)
export type MyResources = z.infer<typeof MyResources>
