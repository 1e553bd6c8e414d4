import type { Contestant } from './contestants.ts'
import { type Measurement, measured } from './measured.ts'
import { type Load, prepareLoad, putLoad } from './wrk.ts'

const WRK_CORE = 0
/** Some 3 000 requests a second: far from what the server can do, so that waiting is what is measured. */
const GOOD = { connections: 16, restMs: 5 }

/** How long good requests waited within a second. */
export type Window = { readonly p50: number; readonly p99: number }

export function goodLoad(directory: string, keys: readonly string[]): Load {
  return prepareLoad(directory, 'good', keys, GOOD.restMs)
}

/** One second of good requests. Throws when one of them was refused. */
export async function windowOf(good: Load, server: Contestant): Promise<Window> {
  const loaded = await putLoad(good, server, { core: WRK_CORE, seconds: 1, connections: GOOD.connections })
  if (loaded.refused > 0) throw new Error(`${loaded.refused} of ${loaded.requests} good requests were refused`)
  return { p50: loaded.p50Milliseconds, p99: loaded.p99Milliseconds }
}

/** What good requests waited while something was done to the server, beside what they waited in between. */
export function waitedIn(name: string, windows: readonly Window[], idle: readonly Window[]): Measurement[] {
  return (['p50', 'p99'] as const).map((which) => {
    const ratio = measured('', '', of(windows, which)).value / measured('', '', of(idle, which)).value
    return measured(`good requests, ${which}, ${name}`, 'ms', of(windows, which), [{ to: 'idle', ratio }])
  })
}

export function waitedIdle(idle: readonly Window[]): Measurement[] {
  return (['p50', 'p99'] as const).map((which) => measured(`good requests, ${which}, idle`, 'ms', of(idle, which)))
}

function of(windows: readonly Window[], which: keyof Window): number[] {
  return windows.map((window) => window[which])
}
