import { UsageError } from './exit.ts'

/** A list with some added at its end and some taken out; what is there already is not added again. */
export function changedList(
  list: readonly string[],
  added: readonly string[] = [],
  removed: readonly string[] = [],
): string[] {
  const both = added.find((value) => removed.includes(value))
  if (both !== undefined) throw new UsageError(`${both} is to be added and removed: one of them, not both.`)
  return [...new Set([...list, ...added])].filter((value) => !removed.includes(value))
}

/** Of the wanted fields those that are not so yet. */
export function differences<Wanted extends object>(present: object, wanted: Wanted): Partial<Wanted> {
  const now: Record<string, unknown> = { ...present }
  const changed = Object.entries(wanted).filter(
    ([field, value]) => value !== undefined && !Bun.deepEquals(value, now[field]),
  )
  return Object.fromEntries(changed) as Partial<Wanted>
}

/** Whether single options say what to change, or a file does: exactly one of them must. */
export function changesByOptions(options: { readonly file?: string }, flags: string): boolean {
  const { file, ...single } = options
  const given = Object.values(single).some((value) => value !== undefined)
  if (given && file !== undefined) throw new UsageError(`Expected --file or ${flags}: one of them, not both.`)
  if (!given && file === undefined) throw new UsageError(`Expected what to change: ${flags}, or --file <path>.`)
  return given
}
