import { makeEmptyDatabase } from '../packages/server/src/store/testing/postgres-databases.ts'
import type { BenchOptions } from './measured.ts'

/** Which database a bench is on; undefined: the embedded one of the data directory. */
export async function databaseFor({
  postgres,
}: BenchOptions): Promise<{ readonly databaseUrl: string | undefined; remove(): Promise<void> }> {
  if (!postgres) return { databaseUrl: undefined, remove: async () => undefined }
  const { url, remove } = await makeEmptyDatabase()
  return { databaseUrl: url, remove }
}
