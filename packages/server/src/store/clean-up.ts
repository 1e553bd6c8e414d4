import { deleteEndedTokens } from './credentials.ts'
import { deleteEndedLines } from './revocation-lines.ts'
import type { Store } from './store.ts'
import { deleteEndedAssertions } from './used-assertions.ts'

/** How long what has ended is kept: `why` can still name it, and no clock that is behind can miss it. */
const KEPT_MS = 3_600_000
/** A write holds up those that wait for the database: small ones hold up nobody. */
const ROWS_A_BATCH = 100
const MAX_BATCHES = 200

/** Before when something must have ended to be forgotten now. */
export function forgottenBefore(now: Date): Date {
  return new Date(now.getTime() - KEPT_MS)
}

/**
 * Deletes access tokens, revocation lines and used assertions that ended an hour ago, in small batches; `pause` lets
 * requests pass between two. No answer hangs on it: what has ended is refused because it has, whether it is kept or not.
 */
export async function cleanUp(store: Store, pause: () => Promise<void>): Promise<void> {
  const before = forgottenBefore(store.clock())
  for (const deleteEnded of [deleteEndedTokens, deleteEndedLines, deleteEndedAssertions]) {
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      if ((await deleteEnded(store, before, ROWS_A_BATCH)) < ROWS_A_BATCH) break
      await pause()
    }
  }
}
