// What this package takes from where it runs. Each can be given as an option; these are the defaults.

/** `fetch`, as far as it is used here; the one of every runtime fits. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** The clock. */
export type Clock = () => Date

/** That many random bytes, fit for secrets. */
export type Random = (length: number) => Uint8Array<ArrayBuffer>

/** Waits so many milliseconds; rejects with the reason of the signal when that comes first. */
export type Wait = (milliseconds: number, signal: AbortSignal) => Promise<void>

/** The `fetch` of the moment of the call, so that one that was replaced later counts. */
export const platformFetch: Fetch = (input, init) => fetch(input, init)

export const systemClock: Clock = () => new Date()

export const systemRandom: Random = (length) => crypto.getRandomValues(new Uint8Array(length))

export const systemWait: Wait = (milliseconds, signal) =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })

/** A number from 0 up to, not including, 1. */
export function fraction(random: Random): number {
  const [high = 0, low = 0] = random(2)
  return (high * 256 + low) / 65_536
}
