import { spyOn } from 'bun:test'
import { statementsOf } from '../../packages/server/src/store/testing/statements.ts'

export type Work = { readonly digests: number; readonly queries: readonly string[] }

/** What `run` costs: digests taken and statements put to the database. Counted, never timed. */
export async function workOf(run: () => unknown): Promise<Work> {
  const hash = spyOn(Bun.SHA256, 'hash')
  try {
    const queries = await statementsOf(run)
    return { digests: hash.mock.calls.length, queries }
  } finally {
    hash.mockRestore()
  }
}

/** Look-ups of a credential by its digest. */
export function lookUpsIn({ queries }: Work): number {
  return queries.filter((sql) => /"credential"\."digest" = (\?|\$1)/.test(sql)).length
}
