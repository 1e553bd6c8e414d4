// The JSON Schema of declared files, read as an editor reads it: from its text, by rules that know nothing of ours.

import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Declaration, declarationSchema } from '@countersign/admin-api'
import { parse } from 'yaml'
import { z } from 'zod'
import { ran } from '../testing/test-terminal.ts'
import { parseDeclaredFile } from './declared-file.ts'

const ROOT = join(import.meta.dir, '../../../..')
const LISTS = Object.keys(Declaration.shape).filter((field) => !['name', 'adopt'].includes(field))
const schema = z.fromJSONSchema(JSON.parse(JSON.stringify(declarationSchema())))

const acceptedByEditors = (text: string) => schema.safeParse(parse(text)).success
const acceptedByApply = (text: string) => !('problems' in parseDeclaredFile(text))

describe('the JSON Schema of declared files', () => {
  const shown = shownFiles()

  test('knows of every guide and example that has one', () => {
    const guides = ['declared-files', 'issuers', 'keycloak', 'kubernetes', 'github-actions', 'gitlab-ci', 'spiffe']
    const expected = [...guides.map((guide) => `${guide}.md countersign.yaml`), 'usage-api']
    expect(shown.map(([name]) => name)).toEqual(expect.arrayContaining(expected))
  })

  test.each(shown)('accepts what is shown, as apply does: %s', (_, text) => {
    expect([acceptedByApply(text), acceptedByEditors(text)]).toEqual([true, true])
  })

  test.each([
    ['a field that nobody knows', 'groops: []'],
    ['a field of an entry that nobody knows', 'groups: [{ name: media, colour: red }]'],
    ['a password', 'users: [{ username: alice, password: correct horse battery staple }]'],
    ['who manages it', 'groups: [{ name: media, managed_by: other }]'],
    ['an entry without its name', 'clients: [{ groups: [media] }]'],
    ['an entry that is no object', 'groups: [media]'],
    ['a list that is none', 'groups: { name: media }'],
    ['an empty list left as nothing', 'groups:'],
    ['a word for yes', 'groups: [{ name: media, disabled: "yes" }]'],
    ['a name in capitals', 'groups: [{ name: Media }]'],
    ['a word that is no choice', 'trust_rules: [{ name: ci, issuer: corp, mode: perhaps }]'],
    ['a time that is too short', 'clients: [{ id: ci, access_token_ttl_seconds: 5 }]'],
    ['a part of a second', 'clients: [{ id: ci, access_token_ttl_seconds: 90.5 }]'],
    ['a variable that is no name', 'users: [{ username: alice, password_env: "ALICE PASSWORD" }]'],
    ['a file that is not named', 'users: [{ username: alice, password_file: "" }]'],
    ['a permission nowhere', 'permissions: [{ client: ci, scopes: [files:read] }]'],
    ['a name of the file that cannot be', 'name: My file'],
  ])('refuses, as apply does, %s', (_, text) => {
    expect([acceptedByApply(text), acceptedByEditors(text)]).toEqual([false, false])
  })

  test.each([
    ['reserved names', 'groups: [{ name: countersign-x }]'],
    ['two of which one may stand', 'users: [{ username: alice, password_file: a, password_env: A }]'],
    ['a permission of nobody', 'permissions: [{ resource: forge, scopes: [files:read] }]'],
    ['a scope that is none', 'permissions: [{ client: ci, resource: forge, scopes: [read] }]'],
    ['an entry that stands twice', 'groups: [{ name: media }, { name: media }]'],
  ])('leaves to apply what takes more than the shape of a value: %s', (_, text) => {
    expect([acceptedByApply(text), acceptedByEditors(text)]).toEqual([false, true])
  })

  test('says of every field what it is for', () => {
    expect(withoutDescription(declarationSchema(), [])).toEqual([])
  })

  test('is printed by apply, which then needs neither file nor server', async () => {
    const { code, out, err } = await ran('apply --schema')
    expect([code, err]).toEqual([0, ''])
    expect(JSON.parse(out)).toEqual(JSON.parse(JSON.stringify(declarationSchema())))
  })
})

/** Every declared file that the guides and examples show, by where it stands. */
function shownFiles(): [name: string, text: string][] {
  const guides = join(ROOT, 'docs/guides')
  const blocks = readdirSync(guides).flatMap((guide) => {
    const text = readFileSync(join(guides, guide), 'utf8')
    return [...text.matchAll(/^```yaml file=(\S+)\n([\s\S]*?)^```$/gm)].map(([, file, block]): [string, string] => [
      `${guide} ${file}`,
      block ?? '',
    ])
  })
  const example = readFileSync(join(ROOT, 'examples/usage-api/countersign.yaml'), 'utf8')
  return [...blocks.filter(([, text]) => isDeclared(text)), ['usage-api', example]]
}

/** Whether it has one of the lists of a declared file, and nothing of another kind of file. */
function isDeclared(text: string): boolean {
  const fields = /^apiVersion:/m.test(text) ? [] : Object.keys(parse(text) ?? {})
  return fields.some((field) => LISTS.includes(field)) && !fields.includes('scrape_configs') && !fields.includes('jobs')
}

type Described = {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Described>>
  readonly items?: Described
  readonly anyOf?: readonly Described[]
}

function withoutDescription(schema: unknown, way: readonly string[]): string[] {
  const { properties = {}, items, anyOf = [] } = schema as Described
  const fields = Object.entries(properties).flatMap(([field, inner]) => [
    ...(inner.description === undefined ? [[...way, field].join('.')] : []),
    ...withoutDescription(inner, [...way, field]),
  ])
  const inside = [...(items === undefined ? [] : [items]), ...anyOf]
  return [...fields, ...inside.flatMap((inner) => withoutDescription(inner, way))]
}
