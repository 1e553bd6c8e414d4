import type { Declaration } from '@countersign/admin-api'
import type { Present } from './present.ts'

// What entries of a declared file are called, and the fields that they declare, as the API would answer them.

export type Fields = Readonly<Record<string, unknown>>

/** An entry of something that has a name. */
export type NamedEntry = {
  readonly name: string
  readonly adopt: boolean
  /** The body of the call that makes it, but for who declares it. */
  readonly body: Fields
  /** What it has to be like: compared field by field, and sent where it differs. */
  readonly wanted: Fields
}

/** A thing that is there, and has a name. */
export type NamedPresent = { readonly name: string; readonly managed_by: string | null; readonly fields: Fields }

export const NAMED_NOUNS = ['group', 'issuer', 'resource', 'client', 'user', 'trust_rule'] as const
export type NamedNoun = (typeof NAMED_NOUNS)[number]

/** Where the entries of a noun stand in a file. */
export const LIST_OF = {
  ...{ group: 'groups', issuer: 'issuers', resource: 'resources', client: 'clients', user: 'users' },
  trust_rule: 'trust_rules',
} as const

/** A noun as people read it. */
export function nounText(noun: string): string {
  return noun.replaceAll('_', ' ')
}

const ENTRIES: { readonly [Noun in NamedNoun]: (declaration: Declaration) => NamedEntry[] } = {
  group: ({ groups }) =>
    groups.map(({ adopt, ...body }) => {
      const { name, description, ...wanted } = body
      return { name, adopt, body, wanted: { ...wanted, description: description || null } }
    }),
  issuer: ({ issuers }) =>
    issuers.map(({ adopt, ...body }) => {
      const { name, ...wanted } = body
      return { name, adopt, body, wanted }
    }),
  resource: ({ resources }) =>
    resources.map(({ adopt, ...body }) => {
      const { name, ...wanted } = body
      const { credential_header: header } = wanted
      const credential_header = typeof header === 'string' ? header.toLowerCase() : header
      return { name, adopt, body, wanted: { ...wanted, credential_header } }
    }),
  client: ({ clients }) =>
    clients.map(({ adopt, keys: _keys, secrets: _secrets, ...body }) => {
      const { id, ...fields } = body
      return { name: id, adopt, body, wanted: { ...fields, name: fields.name ?? id } }
    }),
  user: ({ users }) =>
    users.map(({ adopt, password_file: _file, password_env: _env, ...body }) => {
      const { username, ...fields } = body
      return { name: username, adopt, body, wanted: { ...fields, name: fields.name ?? username } }
    }),
  trust_rule: ({ trust_rules }) =>
    trust_rules.map(({ adopt, ...body }) => {
      const { name, description, expires_at, ...wanted } = body
      const asKept = { description: description || null, expires_at: expires_at && toWholeSeconds(expires_at) }
      return { name, adopt, body, wanted: { ...wanted, ...asKept } }
    }),
}

const PRESENT: { readonly [Noun in NamedNoun]: (present: Present) => NamedPresent[] } = {
  group: ({ groups }) => groups.map((group) => named(group.name, group)),
  issuer: ({ issuers }) => issuers.map((issuer) => named(issuer.name, issuer)),
  resource: ({ resources }) => resources.map((resource) => named(resource.name, resource)),
  client: ({ clients }) => clients.map((client) => named(client.id, client)),
  user: ({ users }) => users.map((user) => named(user.username, user)),
  trust_rule: ({ trustRules }) => trustRules.map((rule) => named(rule.name, rule)),
}

export function entriesOf(noun: NamedNoun, declaration: Declaration): NamedEntry[] {
  return ENTRIES[noun](declaration)
}

export function presentOf(noun: NamedNoun, present: Present): Map<string, NamedPresent> {
  return new Map(PRESENT[noun](present).map((thing) => [thing.name, thing]))
}

function named(name: string, fields: { readonly managed_by: string | null }): NamedPresent {
  return { name, managed_by: fields.managed_by, fields }
}

/** As the server keeps it, and answers it. */
export function toWholeSeconds(text: string): string {
  return new Date(Math.floor(Date.parse(text) / 1000) * 1000).toISOString()
}
