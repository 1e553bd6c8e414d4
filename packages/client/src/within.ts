/**
 * Runs `work` for at most so many seconds, and only until `outer` is aborted. Ends then at once, even if `work` does not
 * heed its signal, with what `late` makes or with the reason of `outer`.
 */
export async function within<Result>(
  seconds: number,
  outer: AbortSignal,
  late: () => Error,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  outer.throwIfAborted()
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(late()), seconds * 1000)
  const stop = () => controller.abort(outer.reason)
  outer.addEventListener('abort', stop, { once: true })
  const ended = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true })
  })
  try {
    return await Promise.race([work(controller.signal), ended])
  } finally {
    clearTimeout(timer)
    outer.removeEventListener('abort', stop)
  }
}
