import { Database } from 'bun:sqlite'
import { spyOn } from 'bun:test'

export type Work = { readonly digests: number; readonly queries: readonly string[] }

/** What `run` costs: digests taken and statements put to the database. Counted, never timed. */
export async function workOf(run: () => unknown): Promise<Work> {
  const hash = spyOn(Bun.SHA256, 'hash')
  const query = spyOn(Database.prototype, 'query')
  try {
    await run()
    return { digests: hash.mock.calls.length, queries: query.mock.calls.map(([sql]) => String(sql)) }
  } finally {
    hash.mockRestore()
    query.mockRestore()
  }
}

/** Look-ups of a credential by its digest. */
export function lookUpsIn({ queries }: Work): number {
  return queries.filter((sql) => /"credential"\."digest" = \?/.test(sql)).length
}
