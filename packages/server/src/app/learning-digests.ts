import type { IssuedKind } from '@countersign/resource-server'
import type { KeptDigests } from '../authentication/kept-digests.ts'
import { makeId } from '../domain/ids.ts'
import { listDigests } from '../store/digests.ts'
import type { Store } from '../store/store.ts'

/** Access tokens live for minutes: there are too many to learn, and they would never be forgotten. */
const LEARNT: readonly IssuedKind[] = ['key', 'pat', 'secret']
const ROWS_A_PAGE = 5000
/** Clocks of nodes differ, and what was begun earlier may be committed later. */
const OVERLAP_MS = 60_000

/** Reads which digests there are: all of them the first time, then those of credentials that were made since. */
export function learnDigests({ reader, clock }: Pick<Store, 'reader' | 'clock'>, kept: KeptDigests) {
  let since = new Date(0)
  return async (): Promise<void> => {
    const beganAt = clock()
    for (const kind of LEARNT) {
      let after = makeId(kind, since, (length) => new Uint8Array(length))
      for (;;) {
        const page = await listDigests(reader, kind, after, ROWS_A_PAGE)
        for (const { digest } of page) kept.add(digest)
        const last = page.at(-1)
        if (last === undefined || page.length < ROWS_A_PAGE) break
        after = last.id
      }
    }
    since = new Date(Math.max(0, beganAt.getTime() - OVERLAP_MS))
  }
}
