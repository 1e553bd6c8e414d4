import { heapStats } from 'bun:jsc'

/** One thing to do; called with 0, 1, 2, …, so that it can take another key each time. */
export type Subject = { readonly name: string; readonly run: (turn: number) => unknown }

const BATCH = 1000

/** Runs for each value in its turn. */
export function inTurn<T>(values: readonly T[], run: (value: T) => unknown): Subject['run'] {
  const { length } = values
  return (turn) => run(values[turn % length] as T)
}

/** Lets timers run between batches, as they do in a server: without them the revision would soon be unconfirmed. */
export async function repeat({ run }: Subject, operations: number): Promise<void> {
  for (let turn = 0; turn < operations; turn++) {
    const answer = run(turn)
    if (answer instanceof Promise) await answer
    if (turn % BATCH === 0) await Bun.sleep(0)
  }
}

/** One round: as many batches as fit into the time. */
export async function nanosecondsOf({ run }: Subject, seconds: number): Promise<number> {
  const endsAtMs = performance.now() + seconds * 1000
  return nanosecondsOfEach(async () => {
    let operations = 0
    do {
      for (let turn = 0; turn < BATCH; turn++) {
        const answer = run(operations + turn)
        if (answer instanceof Promise) await answer
      }
      operations += BATCH
    } while (performance.now() < endsAtMs)
    return operations
  })
}

/**
 * CPU time by operation, of all threads, so that collecting garbage counts and what else runs on the machine does not.
 * `work` says how many operations it did.
 */
export async function nanosecondsOfEach(work: () => Promise<number>): Promise<number> {
  await Bun.sleep(0)
  const before = process.cpuUsage()
  const operations = await work()
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / operations
}

/** The same where each value is good for one operation alone. */
export function eachOf<T>(values: readonly T[], run: (value: T) => unknown): Promise<number> {
  return nanosecondsOfEach(async () => {
    for (const value of values) await run(value)
    return values.length
  })
}

const RETAINED_OPERATIONS = 500_000

/** What stays on the heap after everything that can be collected was: more than a few bytes an operation is a leak. */
export async function retainedBytesOf(subject: Subject): Promise<number> {
  Bun.gc(true)
  const before = heapStats().heapSize
  await repeat(subject, RETAINED_OPERATIONS)
  Bun.gc(true)
  return (heapStats().heapSize - before) / RETAINED_OPERATIONS
}
