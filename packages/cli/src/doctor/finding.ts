import type { Terminal } from '../terminal.ts'
import { paint, plain, type Tone } from '../text.ts'

/** `fault`: something is wrong. `warning`: it may be meant. `unchecked`: it could not be looked at. */
export type Level = 'ok' | 'warning' | 'fault' | 'unchecked'

/** One thing that the doctor looked at, and what to do about it. */
export type Finding = {
  /** What it is called, for programs. */
  readonly check: string
  readonly level: Level
  readonly says: string
  /** What to do: lines, the first of which may stand alone. */
  readonly todo?: readonly string[]
}

const MARKS: Readonly<Record<Level, readonly [mark: string, tone: Tone | undefined]>> = {
  ok: ['✓', 'good'],
  warning: ['!', undefined],
  fault: ['✗', 'bad'],
  unchecked: ['–', 'quiet'],
}

/** One line a finding, and below it what to do; where the same is to be done about the next one, below that. */
export function printed(terminal: Terminal, findings: readonly Finding[]): string {
  return findings
    .map(({ level, says, todo = [] }, index) => {
      const [mark, tone] = MARKS[level]
      const isSaidBelow = todo.length > 0 && findings[index + 1]?.todo?.join('\n') === todo.join('\n')
      const lines = isSaidBelow ? [] : todo.map((line) => `    ${plain(line)}`)
      return `${[`${paint(terminal, tone, mark)} ${plain(says)}`, ...lines].join('\n')}\n`
    })
    .join('')
}

/** Whether anything is wrong. */
export function hasFaults(findings: readonly Finding[]): boolean {
  return findings.some(({ level }) => level === 'fault')
}

/** In one line, for the end. */
export function summary(findings: readonly Finding[]): string {
  const count = (level: Level) => findings.filter((finding) => finding.level === level).length
  const faults = count('fault')
  const warnings = count('warning')
  const said = [
    faults === 0 ? 'No fault found' : `${faults} ${faults === 1 ? 'fault' : 'faults'} found`,
    ...(warnings === 0 ? [] : [`${warnings} to look at`]),
  ]
  return `${said.join(', ')}.`
}
