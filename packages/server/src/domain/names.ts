import { BUILT_IN_GROUP, isReservedName, parseName, parseRoleOrGroupName } from '@countersign/resource-server'

/** A name that a person may give: of the right form, and not kept for Countersign itself. */
export function isFreeName(text: string): boolean {
  return parseName(text) !== undefined && !isReservedName(text)
}

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

export const NAME_FORM = 'use a-z, 0-9 and . _ @ -, first a letter or digit, at most 63 characters, no reserved name'
