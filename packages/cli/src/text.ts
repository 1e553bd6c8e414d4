import type { Terminal } from './terminal.ts'

export type Tone = 'good' | 'bad' | 'quiet'

const TONES: Record<Tone, string> = { good: '32', bad: '31', quiet: '2' }

/**
 * Text that came from elsewhere, safe to show: control characters and those that turn the direction of writing are
 * spelled out, so that a path in a decision cannot steer the operator's terminal.
 */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u{${character.codePointAt(0)?.toString(16)}}`
  })
}

export function paint(terminal: Terminal, tone: Tone | undefined, text: string): string {
  return terminal.colour && tone !== undefined ? `\u001b[${TONES[tone]}m${text}\u001b[0m` : text
}

/** How many columns a text takes. */
export function columns(text: string): number {
  return Bun.stringWidth(text)
}

/** The text in at most `width` columns, with an ellipsis where something is missing. */
export function shorten(text: string, width: number): string {
  if (columns(text) <= width) return text
  let short = ''
  for (const character of text) {
    if (columns(short + character) > width - 1) break
    short += character
  }
  return `${short}…`
}
