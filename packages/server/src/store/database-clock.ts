import type { Store } from './store.ts'

/**
 * What the clock of the database says, in Unix milliseconds; undefined: it has none but that of this machine.
 * The nodes on one database have no other clock in common.
 */
export async function readDatabaseClock({ reader, shared }: Store): Promise<number | undefined> {
  if (shared === undefined) return undefined
  const { at } = await reader.selectNoFrom(shared.nowMs.as('at')).executeTakeFirstOrThrow()
  return Number(at)
}
