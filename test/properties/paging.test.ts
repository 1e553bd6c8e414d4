// Every list of the management API, as its own description names them: page by page each item is there once, whatever
// comes and goes meanwhile.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { startApp, type TestApp } from '../support/app.ts'
import { pinnedIssuer, register, trust } from '../support/pinned-issuer.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const HOW_MANY = 3
/** Far more than any list here has: a cursor that leads nowhere must end. */
const MOST_PAGES = 2000

let app: TestApp
/** As the description lists them: `/api/v1/groups/{id}/members`. */
let lists: string[]
let undescribed: string[]
/** With a token of hers, for what is about the caller. */
let alice: string

type Page = { readonly items: readonly Json[]; readonly next_cursor: string | null }
type Json = Readonly<Record<string, unknown>> | string

type Operation = {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly responses: Readonly<Record<string, { content?: Record<string, { schema: Schema }> }>>
}
type Schema = { readonly $ref?: string; readonly properties?: Readonly<Record<string, unknown>> }
type Description = {
  readonly paths: Readonly<Record<string, { readonly get?: Operation }>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

const IDS: Readonly<Record<string, string>> = {
  '/api/v1/groups/': 'media',
  '/api/v1/clients/': 'canister',
  '/api/v1/users/': 'alice',
}

async function make(path: string, body: object): Promise<Record<string, unknown>> {
  const { status, body: made } = await app.api('POST', `/api/v1${path}`, body)
  if (status >= 300) throw new Error(`POST ${path}: ${status} ${JSON.stringify(made)}`)
  return made
}
const remove = async (path: string) => expect((await app.api('DELETE', `/api/v1${path}`)).status).toBe(204)

beforeAll(async () => {
  app = await startApp()
  await make('/groups', { name: 'media' })
  await make('/clients', { id: 'canister' })
  await make('/users', { username: 'alice', roles: ['admin'] })
  alice = String((await make('/users/alice/tokens', { resources: ['countersign'] })).token)
  for (let n = 0; n < HOW_MANY; n++) await makeOneOfEach(`kept-${n}`)
  const { body } = await app.api('GET', '/api/v1/openapi.json')
  const described = body as unknown as Description
  const gets = Object.entries(described.paths).flatMap(([path, { get }]) => (get === undefined ? [] : [{ path, get }]))
  const listing = gets.filter(({ get }) => fieldsOf(get, described).includes('items'))
  lists = listing.map(({ path }) => path)
  undescribed = listing.flatMap(({ path, get }) => {
    const names = (get.parameters ?? []).filter((parameter) => parameter.in === 'query').map(({ name }) => name)
    const pages =
      names.includes('limit') && names.includes('cursor') && fieldsOf(get, described).includes('next_cursor')
    return pages ? [] : [path]
  })
})
afterAll(() => app.close())

/** The fields of what a call answers. */
function fieldsOf({ responses }: Operation, { components }: Description): string[] {
  const schema = responses['200']?.content?.['application/json']?.schema
  const named = schema?.$ref === undefined ? schema : components.schemas[schema.$ref.split('/').at(-1) ?? '']
  return Object.keys(named?.properties ?? {})
}

/** One of whatever there are lists of; and one decision, which refuses. */
async function makeOneOfEach(name: string): Promise<void> {
  app.clock.advance(1000)
  const identifier = `https://${name}.test`
  await make('/resources', { name, identifier, hosts: [`${name}.test`], scopes: ['files:read'], rules: [] })
  await make('/groups', { name })
  await make('/clients', { id: name, groups: ['media'] })
  await make('/users', { username: name, groups: ['media'] })
  await make('/permissions', { client: name, resource: name, scopes: ['files:read'] })
  await make('/permissions', { user: 'alice', resource: name, scopes: ['files:read'] })
  await make('/clients/canister/keys', { name })
  await make('/clients/canister/secrets', { name })
  await make('/users/alice/tokens', { name })
  await register(app, pinnedIssuer(app, `${identifier}/idp`), { name, issuer: `${identifier}/idp` })
  await trust(app, { name, issuer: name, as: { client: name } })
  const digest = new Bun.CryptoHasher('sha256').update(name).digest('hex')
  await make('/credentials/import', {
    prefix: `${name}_`,
    digest: 'sha256',
    credentials: [{ digest, owner: 'client:canister' }],
  })
  await app.api('POST', '/api/v1/signing-keys/rotate')
  await app.ask()
}

async function removeWhatCanBe(name: string): Promise<void> {
  for (const noun of ['trust-rules', 'issuers', 'resources', 'groups', 'clients', 'users'])
    await remove(`/${noun}/${name}`)
}

async function get(path: string): Promise<Page> {
  const { status, body } = await app.api('GET', path, undefined, path.startsWith('/api/v1/me') ? alice : undefined)
  expect([path, status]).toEqual([path, 200])
  return body as unknown as Page
}

/** The keys of what is on all pages of so many; `meanwhile` is done after each, which is told its number. */
async function allOf(path: string, limit: number, meanwhile?: (page: number) => Promise<void>): Promise<string[]> {
  const found: string[] = []
  let cursor: string | null = ''
  for (let pages = 0; cursor !== null; pages++) {
    if (pages > MOST_PAGES) throw new Error(`${path} has no end`)
    const page: Page = await get(`${path}?limit=${limit}${cursor && `&cursor=${cursor}`}`)
    expect([path, page.items.length <= limit]).toEqual([path, true])
    found.push(...page.items.map(keyOf))
    cursor = page.next_cursor
    await meanwhile?.(pages)
  }
  return found
}

const filled = (path: string) => path.replace(/^(.*\/)\{id\}/, (_, noun: string) => noun + IDS[noun])
const keyOf = (item: Json): string => {
  if (typeof item === 'string') return item
  const named = ['id', 'kid', 'prefix', 'resource', 'username', 'name'].find((field) => item[field] !== undefined)
  return String(item[named ?? ''])
}

test('every list has pages', () => {
  expect(undescribed).toEqual([])
  expect(lists.length).toBeGreaterThan(15)
})

test(
  'page by page each item of every list is there once, also while others come and go',
  async () => {
    let made = 0
    for (const list of lists) {
      const path = filled(list)
      const whole = await allOf(path, 200)
      expect([path, new Set(whole).size]).toEqual([path, whole.length])
      const found = await allOf(path, 1, async (page) => {
        if (page !== 1) return
        await makeOneOfEach(`new-${made}`)
        if (made > 0) await removeWhatCanBe(`new-${made - 1}`)
        made++
      })
      expect([path, new Set(found).size]).toEqual([path, found.length])
      // What was there all the time, in its order.
      const there = new Set(await allOf(path, 200))
      const stayed = whole.filter((key) => there.has(key))
      expect([path, found.filter((key) => stayed.includes(key))]).toEqual([path, stayed])
      expect([path, stayed.length > 0]).toEqual([path, true])
    }
  },
  PATIENCE_MS,
)

test('a cursor of another list, and one that never was, lead to an answer or to a plain refusal', async () => {
  const cursors = ['WyJ6enoiXQ', 'WyIxIDIgMyJd', 'bm9uc2Vuc2U', 'WyIiXQ']
  for (const list of lists) {
    for (const cursor of cursors) {
      const { status, body } = await app.api('GET', `${filled(list)}?cursor=${cursor}`, undefined, alice)
      expect([list, cursor, status === 200 || (status === 400 && body.code === 'invalid_query')]).toEqual([
        list,
        cursor,
        true,
      ])
    }
  }
})
