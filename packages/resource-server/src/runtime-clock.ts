// The clock of the runtime, for whoever gives none of its own.

/** What time it is. */
export const runtimeNow = (): Date => new Date()

/** How long something took, whatever is done to the clock meanwhile. */
export const runtimeMonotonicMs = (): number => performance.now()
