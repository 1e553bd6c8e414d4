// Who hears of sources that fail: callers learn no more than that their credential cannot be checked right now.

import { errorName } from './error-name.ts'
import type { JwkSet } from './jwk-set.ts'
import type { FetchFailure } from './remote-keys-fetch.ts'

/** A source that fails, or does so no longer; for the application's log. */
export type ProtectFault = {
  readonly at: Date
  /**
   * `issuer corp` and `countersign`, where keys come from; `keys of issuer corp`, that came and cannot be used; `introspection`;
   * `store`; and `onDecision`, by which decisions are told.
   */
  readonly source: string
  readonly state: 'began' | 'ended'
  /** Of a fault that began, why: no credential is in it, nor a word of what was thrown but its code. */
  readonly because: string | undefined
}

/** Told each time that a source was asked: why it failed; undefined: it did not. */
export type NoteFault = (because: string | undefined) => void

export type FaultDeps = {
  readonly onFault: ((fault: ProtectFault) => void | Promise<void>) | undefined
  readonly now: () => Date
  readonly monotonicMs: () => number
}

/** So long after a fault of a source was told, no other one of it is: one that comes and goes with each request is few lines. */
const MIN_BETWEEN_MS = 10_000

/** Tells of each source when it begins to fail and when that is over, and nothing in between. */
export class Faults {
  readonly #deps: FaultDeps

  constructor(deps: FaultDeps) {
    this.#deps = deps
  }

  of(source: string): NoteFault {
    const { onFault, now, monotonicMs } = this.#deps
    if (onFault === undefined) return () => {}
    let isTold = false
    let beganMs = Number.NEGATIVE_INFINITY
    const isTooSoon = () => {
      const sinceMs = monotonicMs() - beganMs
      return sinceMs >= 0 && sinceMs < MIN_BETWEEN_MS
    }
    return (because) => {
      const isFailing = because !== undefined
      const state = isFailing ? 'began' : 'ended'
      if (isFailing === isTold || (isFailing && isTooSoon())) return
      isTold = isFailing
      if (isFailing) beganMs = monotonicMs()
      tellAside<ProtectFault>(onFault, () => ({ at: new Date(now()), source, state, because }))
    }
  }

  /** The same of keys that are loaded: whether they come, and whether they can be used. */
  ofKeys(source: string): (loaded: JwkSet | FetchFailure) => void {
    const [noteLoad, noteKeys] = [this.of(source), this.of(`keys of ${source}`)]
    return (loaded) => {
      if ('failure' in loaded) return noteLoad(loaded.wordless ?? loaded.failure)
      noteLoad(undefined)
      noteKeys(whyUnusable(loaded))
    }
  }
}

function whyUnusable({ keys, problems }: JwkSet): string | undefined {
  const [first, ...others] = problems
  if (first === undefined) return keys.length === 0 ? 'it has none for the algorithms that are allowed' : undefined
  const more = others.length === 0 ? '' : `, and so are ${others.length} more`
  return `the key at ${first.at} is refused: ${first.because}${more}`
}

/**
 * Calls what the application wants to be told by, and waits for nothing. `note` hears whether it failed.
 *
 * Security: no hook may hold an answer, or change it.
 */
export function tellAside<Told>(hook: (told: Told) => unknown, told: () => Told, note: NoteFault = () => {}): void {
  const failed = (error: unknown) => note(`it failed (${errorName(error)})`)
  try {
    const telling = hook(told())
    if (telling === undefined) note(undefined)
    else void Promise.resolve(telling).then(() => note(undefined), failed)
  } catch (error) {
    failed(error)
  }
}
