import { isReservedName, parseName } from '@countersign/resource-server'

export { isFreeGroupName } from '@countersign/resource-server'

/** A name that a person may give: of the right form, and not kept for Countersign itself. */
export function isFreeName(text: string): boolean {
  return parseName(text) !== undefined && !isReservedName(text)
}

export const NAME_FORM = 'use a-z, 0-9 and . _ @ -, first a letter or digit, at most 63 characters, no reserved name'
