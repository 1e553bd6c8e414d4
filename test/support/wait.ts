/** How long it may take to start or end half a dozen programs on a busy machine. */
export const PATIENCE_MS = 60_000

/**
 * Asks again until `condition` answers something that is neither undefined nor false.
 *
 * Never waits for ever: after `withinMs` it throws and names what was waited for.
 */
export async function until<Answer>(
  what: string,
  condition: () => Answer | undefined | false | Promise<Answer | undefined | false>,
  withinMs = 15_000,
): Promise<Answer> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const answer = await condition()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms in vain for ${what}`)
    await Bun.sleep(20)
  }
}

/** Whether something accepts connections at this loopback port. */
export async function isListening(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data: () => undefined } })
    socket.end()
    return true
  } catch {
    return false
  }
}
