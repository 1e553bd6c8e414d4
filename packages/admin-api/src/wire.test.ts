// What OpenAPI is made from: every field of every body says what it is, and shows an example.

import { expect, test } from 'bun:test'
import { z } from 'zod'
import * as wire from './index.ts'

type JsonSchema = { properties?: Record<string, JsonSchema>; items?: JsonSchema; anyOf?: JsonSchema[] } & Record<
  string,
  unknown
>

const schemas = Object.entries(wire).flatMap(([name, value]): [string, z.ZodType][] =>
  value instanceof z.ZodType ? [[name, value]] : [],
)

function* fields(schema: JsonSchema, path: string): Generator<[path: string, field: JsonSchema]> {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    yield [`${path}.${name}`, field]
    yield* fields(field, `${path}.${name}`)
  }
  for (const inner of [schema.items, ...(schema.anyOf ?? [])]) if (inner) yield* fields(inner, path)
}

test.each(schemas)('%s: every field has a description and an example', (name, schema) => {
  const json = z.toJSONSchema(schema, { io: 'input', reused: 'inline' }) as JsonSchema
  const bare = [...fields(json, name)].filter(([, field]) => {
    const holds = field.properties !== undefined || field.items?.properties !== undefined || field.anyOf !== undefined
    return field.description === undefined || (field.example === undefined && !holds)
  })
  expect(bare.map(([path]) => path)).toEqual([])
})

test('requests refuse what they do not know; answers may grow', () => {
  const strict = [
    'NewResource',
    'ResourceChange',
    'NewGroup',
    'NewClient',
    'ClientChange',
    'NewPermission',
    'NewKey',
    'NewSecret',
  ]
  const more = [
    'Rotation',
    'Revocation',
    'BulkRevocation',
    'Explain',
    'PageQuery',
    'CredentialQuery',
    'DecisionQuery',
    'AuditEventQuery',
  ]
  const refusing = schemas.filter(([, schema]) => {
    const json = z.toJSONSchema(schema, { io: 'input' }) as JsonSchema
    return json.additionalProperties === false
  })
  const people = ['NewUser', 'UserChange', 'NewToken', 'GroupChange', 'LeakReport']
  const many = [
    'AgeRevocation',
    'SigningKeyRotation',
    'CredentialImport',
    'ImportedCredential',
    'PermissionChange',
    'Declaration',
  ]
  const federation = ['NewIssuer', 'IssuerChange', 'NewTrustRule', 'TrustRuleChange', 'TrustRuleQuery']
  const expected = [...strict, ...more, ...people, ...many, ...federation, 'PermissionQuery', 'Requirement', 'Rule']
  expect(refusing.map(([name]) => name).toSorted()).toEqual(expected.toSorted())
})

test('the status of a problem is a client error, and its type names its code', () => {
  for (const code of Object.keys(wire.PROBLEMS) as wire.ProblemCode[]) {
    const sent = wire.problem(code, { detail: 'x' })
    expect(sent.status).toBeGreaterThanOrEqual(400)
    expect(sent.status).toBeLessThan(500)
    expect(sent.type).toBe(`urn:countersign:problem:${code}`)
    expect(wire.Problem.parse(sent)).toEqual(sent)
  }
})
