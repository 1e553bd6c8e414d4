const WORD = /^[A-Za-z_]{3,60}$/

/**
 * What went wrong, in the one word that an error has for it: its `code` (`ECONNREFUSED`), that of its cause, or its name.
 *
 * Security: the message of an error may hold whatever was sent, a credential among it; it is never read.
 */
export function errorName(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const words = [codeOf(error), codeOf(error.cause), error.name]
  return words.find((word) => typeof word === 'string' && WORD.test(word)) ?? 'Error'
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' ? code : undefined
}
