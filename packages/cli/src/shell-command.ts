const BARE = /^[A-Za-z0-9_@%+=:,./-]+$/
const WIDTH = 100

/** A word as a POSIX shell reads it back, whatever is in it. */
export function shellWord(text: string): string {
  return BARE.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** A command to paste: the words as a shell reads them, an option a line where they are many. */
export function shellCommand(
  words: readonly string[],
  options: readonly (readonly [flag: string, value: string])[],
): string {
  const parts = [words, ...options].map((part) => part.map(shellWord).join(' '))
  const line = parts.join(' ')
  return line.length <= WIDTH ? line : parts.join(' \\\n  ')
}
