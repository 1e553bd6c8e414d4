import { MANAGEMENT_RESOURCE, parseNetwork } from '@countersign/resource-server'
import type { HolderRef } from '../domain/credential.ts'
import type { Resource } from '../domain/resource.ts'
import { findClient } from '../store/clients.ts'
import { findGroup, listGroups } from '../store/groups.ts'
import { listIssuers } from '../store/issuers.ts'
import { listResources } from '../store/resources.ts'
import type { Db } from '../store/store.ts'
import { findTrustRule } from '../store/trust-rules.ts'
import { findUser } from '../store/users.ts'
import type { AdminDeps } from './deps.ts'
import { rejectedField, rejectedFields } from './problem.ts'

// What a body refers to has to be there. A message says how to make it.

/** The groups of these names, each once; of a table that they are the keys of, or of a list. */
export async function requireGroups(
  db: Db,
  names: readonly string[],
  field: string,
  of: 'list' | 'table' = 'list',
): Promise<string[]> {
  const unique = [...new Set(names)]
  const found = new Set(unique.length === 0 ? [] : (await listGroups(db, unique)).map(({ name }) => name))
  const missing = unique.filter((name) => !found.has(name))
  if (missing.length > 0) {
    throw rejectedFields(
      missing.map((name) => ({
        path: of === 'table' ? `${field}.${name}` : `${field}[${names.indexOf(name)}]`,
        message: absent('group', name),
      })),
    )
  }
  return unique
}

/** The resources of these names, each once; the management API is one of them. */
export async function requireResources(
  db: Db,
  { directory }: Pick<AdminDeps, 'directory'>,
  names: readonly string[],
  pathOf: (index: number) => string,
): Promise<Resource[]> {
  const stored = names.length === 0 ? [] : await listResources(db, names)
  const found = new Map([directory.management, ...stored].map((resource) => [resource.name, resource]))
  const missing = names.flatMap((name, index) => (found.has(name) ? [] : [{ path: pathOf(index), name }]))
  if (missing.length > 0) {
    throw rejectedFields(missing.map(({ path, name }) => ({ path, message: noResource(name) })))
  }
  return [...new Set(names)].flatMap((name) => found.get(name) ?? [])
}

/** The name of a trust rule that there is, or null. */
export async function requireTrustRule(db: Db, name: string | null, field: string): Promise<string | null> {
  if (name === null || (await findTrustRule(db, name)) !== undefined) return name
  throw rejectedField(field, `there is no trust rule ${name}; make it with POST /api/v1/trust-rules`)
}

/** What names issuers, place by place: each has to be there. */
export async function requireIssuers(db: Db, named: readonly { readonly issuer: string }[], field: string) {
  const names = [...new Set(named.map(({ issuer }) => issuer))]
  const found = new Set(names.length === 0 ? [] : (await listIssuers(db, names)).map(({ name }) => name))
  const missing = named.flatMap(({ issuer }, index) => {
    const message = `there is no issuer ${issuer}; make it with POST /api/v1/issuers`
    return found.has(issuer) ? [] : [{ path: `${field}[${index}].issuer`, message }]
  })
  if (missing.length > 0) throw rejectedFields(missing)
}

const FIND_HOLDER: Record<HolderRef['kind'], (db: Db, id: string) => Promise<object | undefined>> = {
  group: findGroup,
  client: findClient,
  user: findUser,
}

export async function requireHolder(db: Db, { kind, id }: HolderRef): Promise<void> {
  if ((await FIND_HOLDER[kind](db, id)) === undefined) throw rejectedField(kind, absent(kind, id))
}

/** Networks, each once, none with bits that its prefix would ignore: the author meant something else. */
export function requireNetworks(texts: readonly string[]) {
  const unique = [...new Set(texts)]
  const networks = unique.map((text) => parseNetwork(text))
  const problems = texts.flatMap((text, index) => {
    const message = 'expected a network without bits beyond its prefix, like "10.0.0.0/8"'
    return parseNetwork(text) === undefined ? [{ path: `networks[${index}]`, message }] : []
  })
  if (problems.length > 0) throw rejectedFields(problems)
  return { networkTexts: unique, networks: networks.filter((network) => network !== undefined) }
}

function absent(kind: HolderRef['kind'], id: string): string {
  return `there is no ${kind} ${id}; make it with POST /api/v1/${kind}s`
}

function noResource(name: string): string {
  return `there is no resource ${name}; make it with POST /api/v1/resources, or name ${MANAGEMENT_RESOURCE}`
}
