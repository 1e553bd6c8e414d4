import type { IssuedKind } from '@countersign/resource-server'
import type { KeptDigests } from '../authentication/kept-digests.ts'
import { makeId } from '../domain/ids.ts'
import { listDigests } from '../store/digests.ts'
import type { Store } from '../store/store.ts'

/** Access tokens live for minutes: there are too many to remember them for ever. */
const LEARNT: readonly IssuedKind[] = ['key', 'pat', 'secret', 'at']
/** Longer than access tokens usually live. */
const TURN_MS = 3_600_000
const ROWS_A_PAGE = 5000
/** Clocks of nodes differ, and what was begun earlier may be committed later. */
const OVERLAP_MS = 60_000

/** Reads which digests there are: all of them the first time, then those of credentials that were made since. */
export function learnDigests({ reader, clock }: Pick<Store, 'reader' | 'clock'>, kept: KeptDigests) {
  let since = new Date(0)
  let turnedAt = clock()
  return async (): Promise<void> => {
    const beganAt = clock()
    if (beganAt.getTime() - turnedAt.getTime() >= TURN_MS) {
      kept.turn()
      turnedAt = beganAt
    }
    for (const kind of LEARNT) {
      const from = kind === 'at' ? Math.max(since.getTime(), beganAt.getTime() - TURN_MS) : since.getTime()
      let after = makeId(kind, new Date(from), (length) => new Uint8Array(length))
      for (;;) {
        const page = await listDigests(reader, kind, after, ROWS_A_PAGE)
        for (const { digest } of page) {
          if (kind === 'at') kept.addPassing(digest)
          else kept.add(digest)
        }
        const last = page.at(-1)
        if (last === undefined || page.length < ROWS_A_PAGE) break
        after = last.id
      }
    }
    since = new Date(Math.max(0, beganAt.getTime() - OVERLAP_MS))
  }
}
