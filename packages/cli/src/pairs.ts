import { changedList } from './changes.ts'
import { UsageError } from './exit.ts'

/** What somebody or something is called at an issuer: `corp=248289761001`, both parts to the letter. */
type Pair<Called extends string> = { readonly issuer: string } & { readonly [Part in Called]: string }

/** The pairs that an option was given; undefined: it was not. No name of an issuer has a `=` in it. */
export function pairsSaid<Called extends string>(
  option: string,
  said: readonly string[] | undefined,
  called: Called,
): Pair<Called>[] | undefined {
  return said?.map((text) => {
    const at = text.indexOf('=')
    if (at < 1 || at === text.length - 1) {
      throw new UsageError(`${option}: expected <issuer>=<${called}>, with the name of the issuer here.`)
    }
    return { issuer: text.slice(0, at), [called]: text.slice(at + 1) } as Pair<Called>
  })
}

export function pairText<Called extends string>(pair: Pair<Called>, called: Called): string {
  return `${pair.issuer}=${pair[called]}`
}

/** A list of pairs with some added at its end and some taken out. */
export function changedPairs<Called extends string>(
  now: readonly Pair<Called>[],
  called: Called,
  {
    added,
    removed,
  }: {
    readonly added: readonly [string, string[] | undefined]
    readonly removed: readonly [string, string[] | undefined]
  },
): Pair<Called>[] {
  const texts = ([option, said]: readonly [string, string[] | undefined]) =>
    (pairsSaid(option, said, called) ?? []).map((pair) => pairText(pair, called))
  const changed = changedList(
    now.map((pair) => pairText(pair, called)),
    texts(added),
    texts(removed),
  )
  return pairsSaid('', changed, called) ?? []
}
