import type { AnsweredRule } from '@countersign/admin-api'
import { ruleSentence } from '../resource-details.ts'
import type { Terminal } from '../terminal.ts'
import { paint, plain, type Tone } from '../text.ts'
import { toWords } from './differences.ts'
import { nounText } from './nouns.ts'
import type { Difference, Plan, Step } from './step.ts'

const SIGNS: { readonly [Action in Step['action']]: readonly [sign: string, tone: Tone | undefined] } = {
  create: ['+', 'good'],
  change: ['~', undefined],
  delete: ['-', 'bad'],
}

/** The plan as a person reads it: a line a step, and under it what is not as declared. */
export function planText(terminal: Terminal, { steps }: Plan): string {
  return steps.map((step) => `${stepLines(terminal, step).join('\n')}\n`).join('')
}

/** `group developers`, `permission group developers at forge: repo:read` */
export function stepTitle({ noun, name }: Pick<Step, 'noun' | 'name'>): string {
  return `${nounText(noun)} ${plain(name)}`
}

const COUNTED = {
  to: { create: 'to make', change: 'to change', delete: 'to delete' },
  done: { create: 'made', change: 'changed', delete: 'deleted' },
} as const

/** How many steps of each kind there are: `2 to make, 1 to change`. */
export function countText(steps: readonly Step[], tense: keyof typeof COUNTED): string {
  const counts = (['create', 'change', 'delete'] as const).map(
    (action) => [steps.filter((step) => step.action === action).length, COUNTED[tense][action]] as const,
  )
  return counts.flatMap(([count, word]) => (count === 0 ? [] : [`${count} ${word}`])).join(', ')
}

function stepLines(terminal: Terminal, step: Step): string[] {
  const [sign, tone] = SIGNS[step.action]
  const notes = step.action === 'change' && step.adopts ? ' (taken over)' : ''
  const title = paint(terminal, tone, `${sign} ${stepTitle(step)}${notes}`)
  if (step.action !== 'change') return [title]
  return [title, ...step.differences.flatMap((difference) => differenceLines(terminal, difference))]
}

function differenceLines(terminal: Terminal, { field, before, after }: Difference): string[] {
  if (field === 'rules') return [`    ${field}:`, ...ruleLines(terminal, before, after)]
  const [was, is] = [toWords(before), toWords(after)]
  if (was === undefined || is === undefined) return [`    ${field}: ${valueText(before)} → ${valueText(after)}`]
  const added = is.filter((word) => !was.includes(word)).map((word) => paint(terminal, 'good', `+ ${plain(word)}`))
  const gone = was.filter((word) => !is.includes(word)).map((word) => paint(terminal, 'bad', `- ${plain(word)}`))
  return [`    ${field}: ${[...added, ...gone].join(', ')}`]
}

/** Order decides among rules, so both lists are shown whole, what is alike in both between them. */
function ruleLines(terminal: Terminal, before: unknown, after: unknown): string[] {
  const old = rulesIn(before)
  const now = rulesIn(after)
  const start = old.findIndex((rule, index) => rule !== now[index])
  const same = start === -1 ? old.length : start
  const left = { old: old.slice(same), now: now.slice(same) }
  while (left.old.length > 0 && left.now.length > 0 && left.old.at(-1) === left.now.at(-1)) {
    left.old.pop()
    left.now.pop()
  }
  return [
    ...left.old.map((rule) => paint(terminal, 'bad', `      - ${rule}`)),
    ...left.now.map((rule) => paint(terminal, 'good', `      + ${rule}`)),
  ]
}

function rulesIn(value: unknown): string[] {
  return ((value ?? []) as AnsweredRule[]).map((rule) => plain(ruleSentence(rule)))
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'none'
  return plain(typeof value === 'string' ? value : JSON.stringify(value))
}
