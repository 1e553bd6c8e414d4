import type { Declaration } from '@countersign/admin-api'
import { BUILT_IN_GROUP, MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { CREDENTIAL_LISTS } from './declared-credentials.ts'
import type { Mistake } from './declared-file.ts'
import type { FieldWay } from './line-of.ts'
import { entriesOf, NAMED_NOUNS, type NamedNoun, nounText, presentOf } from './nouns.ts'
import type { Present } from './present.ts'
import type { Delete } from './step.ts'

const BUILT_IN_GROUPS: ReadonlySet<string> = new Set(Object.values(BUILT_IN_GROUP))

type Reference = { readonly noun: NamedNoun; readonly name: string; readonly way: FieldWay }

/** What entries refer to that is neither declared nor there, or will not be there when all is done. */
export function findDangling(declaration: Declaration, present: Present, deletions: readonly Delete[]): Mistake[] {
  const known = new Map(
    NAMED_NOUNS.map((noun) => {
      const gone = new Set(deletions.flatMap((step) => (step.noun === noun ? [step.id] : [])))
      const there = [...presentOf(noun, present).keys()].filter((name) => !gone.has(name))
      return [noun, new Set([...there, ...entriesOf(noun, declaration).map(({ name }) => name)])]
    }),
  )
  known.get('resource')?.add(MANAGEMENT_RESOURCE)
  const dangling = [...referencesIn(declaration)]
    .filter(({ noun, name }) => !known.get(noun)?.has(name))
    .map(({ noun, name, way }) => ({
      way,
      message: `there is no ${nounText(noun)} ${name}, neither declared here nor there already`,
    }))
  return [...dangling, ...inCircles(declaration, present), ...ofPrunedRules(declaration, present, deletions)]
}

/** What the file leaves out of a client stays as it is, so a rule that it requires cannot be pruned; nor one of others. */
function* ofPrunedRules({ clients }: Declaration, present: Present, deletions: readonly Delete[]): Generator<Mistake> {
  const gone = (noun: NamedNoun) => new Set(deletions.flatMap((step) => (step.noun === noun ? [step.id] : [])))
  const [rules, goneClients] = [gone('trust_rule'), gone('client')]
  for (const { id, requires_workload: rule } of present.clients) {
    const index = clients.findIndex((client) => client.id === id)
    if (rule === null || !rules.has(rule) || goneClients.has(id) || clients[index]?.requires_workload !== undefined)
      continue
    const said = 'which the file no longer declares; declare it, or require another or none first'
    const way = index === -1 ? ['trust_rules'] : ['clients', index]
    yield { way, message: `client ${id} requires trust rule ${rule}, ${said}` }
  }
}

/** A client that a resource names has to be there before it, so what that client names in turn before both. */
function* inCircles({ resources, clients }: Declaration, present: Present): Generator<Mistake> {
  const introspectors = new Set(resources.flatMap((resource) => resource.introspectors))
  const isMade = (name: string) =>
    resources.some((resource) => resource.name === name) && !presentOf('resource', present).has(name)
  for (const [index, { id, default_resource: name }] of clients.entries()) {
    if (name === undefined || !introspectors.has(id) || presentOf('client', present).has(id) || !isMade(name)) continue
    const message = `expected none yet: ${id} is made before the resources whose introspectors name it; add it in another run`
    yield { way: ['clients', index, 'default_resource'], message }
  }
}

function* referencesIn(declaration: Declaration): Generator<Reference> {
  const { issuers, resources, clients, users, trust_rules, permissions } = declaration
  for (const [index, { group_mappings }] of issuers.entries()) {
    for (const name of Object.keys(group_mappings ?? {})) {
      yield { noun: 'group', name, way: ['issuers', index, 'group_mappings', name] }
    }
  }
  for (const [index, { rules, introspectors, audience_aliases }] of resources.entries()) {
    yield* issuersOf(audience_aliases, ['resources', index, 'audience_aliases'])
    for (const [place, name] of introspectors.entries()) {
      yield { noun: 'client', name, way: ['resources', index, 'introspectors', place] }
    }
    for (const [position, rule] of rules.entries()) {
      for (const [place, name] of (rule.require?.groups ?? []).entries()) {
        const way = ['resources', index, 'rules', position, 'require', 'groups', place]
        if (!BUILT_IN_GROUPS.has(name)) yield { noun: 'group', name, way }
      }
    }
  }
  for (const [index, client] of clients.entries()) {
    yield* groups(client.groups, ['clients', index, 'groups'])
    const { default_resource: name, requires_workload: rule } = client
    if (name !== undefined) yield { noun: 'resource', name, way: ['clients', index, 'default_resource'] }
    if (typeof rule === 'string') yield { noun: 'trust_rule', name: rule, way: ['clients', index, 'requires_workload'] }
    for (const list of Object.values(CREDENTIAL_LISTS)) {
      for (const [place, { resources = [] }] of client[list].entries()) {
        for (const [position, resource] of resources.entries()) {
          yield { noun: 'resource', name: resource, way: ['clients', index, list, place, 'resources', position] }
        }
      }
    }
  }
  for (const [index, user] of users.entries()) {
    yield* groups(user.groups, ['users', index, 'groups'])
    yield* issuersOf(user.links ?? [], ['users', index, 'links'])
  }
  for (const [index, rule] of trust_rules.entries()) yield* ofRule(rule, ['trust_rules', index])
  for (const [index, permission] of permissions.entries()) {
    for (const noun of ['resource', 'group', 'client', 'user'] as const) {
      const name = permission[noun]
      if (name !== undefined) yield { noun, name, way: ['permissions', index, noun] }
    }
  }
}

function* ofRule({ issuer, as, resources }: Declaration['trust_rules'][number], way: FieldWay): Generator<Reference> {
  yield { noun: 'issuer', name: issuer, way: [...way, 'issuer'] }
  if ('client' in as) yield { noun: 'client', name: as.client, way: [...way, 'as', 'client'] }
  if ('workload' in as) yield* groups(as.workload.groups, [...way, 'as', 'workload', 'groups'])
  for (const [index, name] of (resources ?? []).entries()) {
    yield { noun: 'resource', name, way: [...way, 'resources', index] }
  }
}

function* issuersOf(named: readonly { readonly issuer: string }[], way: FieldWay): Generator<Reference> {
  for (const [index, { issuer }] of named.entries()) {
    yield { noun: 'issuer', name: issuer, way: [...way, index, 'issuer'] }
  }
}

function* groups(names: readonly string[], way: FieldWay): Generator<Reference> {
  for (const [index, name] of names.entries()) yield { noun: 'group', name, way: [...way, index] }
}
