import { UsageError } from './exit.ts'

/** A list, or the one word that stands for something else than a list. */
export function listOr<Other>(
  option: string,
  said: readonly string[] | undefined,
  words: Readonly<Record<string, Other>>,
): string[] | Other | undefined {
  const word = said?.find((one) => Object.hasOwn(words, one))
  if (word === undefined) return said && [...said]
  if (said?.length !== 1) throw new UsageError(`${option} ${word} stands alone.`)
  return words[word]
}

/** What is given as `name=value`; of several of one name all the values. */
export function pairsIn(option: string, said: readonly string[], expected: string): [name: string, value: string][] {
  return said.map((pair) => {
    const at = pair.indexOf('=')
    if (at < 1 || at === pair.length - 1) throw new UsageError(`${option}: expected ${expected}.`)
    return [pair.slice(0, at), pair.slice(at + 1)]
  })
}
