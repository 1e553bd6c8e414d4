// What the OpenAPI description of every route has in common, and what every handler needs.

import { Problem } from '@countersign/admin-api'
import { OpenAPIHono, z } from '@hono/zod-openapi'
import type { Authorized } from './deps.ts'

/** How the app calls the API: with whom the one path allowed, undefined on public routes. */
export type AdminEnv = { Bindings: { authorized: Authorized | undefined } }

export function newRoutes(): OpenAPIHono<AdminEnv> {
  return new OpenAPIHono<AdminEnv>()
}

/** Who calls. Nothing is authenticated here: the one path did that. */
export function callerOf({ env }: { readonly env: AdminEnv['Bindings'] }): Authorized {
  if (env.authorized === undefined) throw new Error('the management API was called without a caller')
  return env.authorized
}

/** The schema under a name of its own in the description. Made anew, since it is older than `.openapi`. */
export function named<Schema extends z.ZodType>(name: string, schema: Schema): Schema {
  return schema.meta({ ...schema.meta() }).openapi(name)
}

export function sent<Schema extends z.ZodType>(schema: Schema, example: unknown) {
  return { body: { content: { 'application/json': { schema, example } }, required: true } } as const
}

export function answer<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { 'application/json': { schema } } } as const
}

/** Every call may also be answered with a problem. */
export const PROBLEM = {
  default: {
    description: 'It could not be done: problem details, with a stable `code`.',
    content: { 'application/problem+json': { schema: named('Problem', Problem) } },
  },
} as const

/** 204 */
export const DONE = { 204: { description: 'Done.' }, ...PROBLEM } as const

export function idParameter(description: string, example: string) {
  return z.object({ id: z.string().meta({ description, example }) })
}
