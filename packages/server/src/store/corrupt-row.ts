import type { Tables } from './schema.ts'

/** A row that is not as this version writes it: a broken disk, or a change by hand. Nothing is decided by it. */
export class CorruptRowError extends Error {
  override readonly name = 'CorruptRowError'

  constructor(
    readonly table: keyof Tables,
    readonly id: string,
    cause: unknown,
  ) {
    const what = cause instanceof Error ? cause.message : String(cause)
    super(`the row ${JSON.stringify(id)} of table ${table} cannot be read: ${what}`, { cause })
  }
}

/** Reads a row. Whatever is wrong with it is told together with which one it is. */
export function readRow<T>(table: keyof Tables, id: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new CorruptRowError(table, id, error)
  }
}
