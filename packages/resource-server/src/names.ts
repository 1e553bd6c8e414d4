import { BUILT_IN_GROUP } from './principal.ts'

const NAME = /^[a-z0-9][a-z0-9._@-]{0,62}$/
const ROLE_OR_GROUP_NAME = /^[a-z0-9][a-z0-9._@:-]{0,62}$/

/** Kinds of principals and the words that identity headers use for "nobody": a noun of that name would be taken for them. */
const RESERVED: ReadonlySet<string> = new Set(['bootstrap', 'anonymous', 'users', 'clients', 'workloads', 'none'])

/** Reads the name or id of a resource, client, user or issuer. Whether it is reserved or taken is not judged here. */
export function parseName(text: string): string | undefined {
  return NAME.test(text) ? text : undefined
}

/** Reads the name of a role or a group: a name that may also hold colons. */
export function parseRoleOrGroupName(text: string): string | undefined {
  return ROLE_OR_GROUP_NAME.test(text) ? text : undefined
}

/** Says whether only Countersign itself may bear this name. */
export function isReservedName(name: string): boolean {
  return name.startsWith('countersign') || RESERVED.has(name)
}

/** The name of a group that people may make. */
export function isFreeGroupName(text: string): boolean {
  return parseRoleOrGroupName(text) !== undefined && !isReservedName(text)
}

export function isValidRole(text: string): boolean {
  return parseRoleOrGroupName(text) !== undefined && !isReservedName(text)
}

/** A group that a rule may name: one that can be made, or the built-in one of a kind. */
export function isValidGroupReference(text: string): boolean {
  return isFreeGroupName(text) || Object.values<string>(BUILT_IN_GROUP).includes(text)
}
