import type pino from 'pino'
import { readLaggingStandbys } from '../store/standbys.ts'
import type { Store } from '../store/store.ts'

/** Looks whether a standby could take over without what was acknowledged, and says so once for the same ones. */
export function standbyWatch(store: Store, log: pino.Logger): () => Promise<void> {
  let told = ''
  return async () => {
    if (store.shared === undefined) return
    const standbys = await readLaggingStandbys(store.reader)
    const names = standbys.join()
    if (names !== '' && names !== told) {
      log.warn(
        { standbys },
        'no standby of the database is synchronous: if one takes over, a revocation that was acknowledged may be lost. Set synchronous_standby_names',
      )
    }
    told = names
  }
}
