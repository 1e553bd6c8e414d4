import type { Terminal } from './terminal.ts'
import { plain } from './text.ts'

const SHOWN_EVERY_MS = 100
const CLEAR_LINE = '\r\x1b[K'

/** How far long work is: one line, where a person watches; in a pipe and in a log, nothing. */
export type Progress = {
  /** Shows this in place of what was shown before, at most ten times a second. */
  show(text: string): void
  /** Takes the line away: what is said next begins on an empty one. */
  clear(): void
}

export function progressOn(terminal: Terminal): Progress {
  let shownAtMs = Number.NEGATIVE_INFINITY
  let isShown = false
  return {
    show(text) {
      const nowMs = performance.now()
      if (!terminal.canAsk || nowMs - shownAtMs < SHOWN_EVERY_MS) return
      shownAtMs = nowMs
      isShown = true
      terminal.err(`${CLEAR_LINE}${plain(text).slice(0, (terminal.width ?? 80) - 1)}`)
    },
    clear() {
      if (isShown) terminal.err(CLEAR_LINE)
      isShown = false
    },
  }
}

/** Runs work that shows how far it is, and takes the line away whatever becomes of it. */
export async function withProgress<T>(terminal: Terminal, work: (show: Progress['show']) => Promise<T>): Promise<T> {
  const progress = progressOn(terminal)
  try {
    return await work(progress.show)
  } finally {
    progress.clear()
  }
}
