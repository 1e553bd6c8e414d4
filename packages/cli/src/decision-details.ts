import type { DecisionRecord } from '@countersign/admin-api'
import { moment } from './moment.ts'
import { ruleText } from './rule-word.ts'
import { details } from './table.ts'
import type { Terminal } from './terminal.ts'
import { paint, plain } from './text.ts'

/** A decision as the operator reads it: what was said, why and what to do, then what was known. */
export function decisionDetails(terminal: Terminal, decision: DecisionRecord, id?: string): string {
  const { outcome, code, status, request, rule, credential } = decision
  const word = outcome === 'allow' ? paint(terminal, 'good', 'ALLOWED') : paint(terminal, 'bad', 'REFUSED')
  const from = request.client_address === null ? 'an unknown address' : request.client_address
  const asked = `${request.method ?? '?'} ${request.host ?? '?'}${request.path ?? ''}`
  const known = credential === null ? 'none that is known' : `${credential.id} (${label(credential)})`
  const table = details(terminal, [
    ['request', `${asked} from ${from}, asked by ${request.dialect}`],
    ['resource', decision.resource ?? 'none'],
    ['rule', rule === null ? 'none' : `${rule.index}: ${ruleText(rule)}`],
    ['credential', known],
    ['principal', decision.principal ?? 'none'],
    ...(decision.step === null ? [] : [['refused at', decision.step] as const]),
    ...Object.entries(decision.detail).map(
      ([field, value]) => [plain(field).replaceAll('_', ' '), shown(value)] as const,
    ),
    ['at', moment(decision.at, terminal.now())],
    ...(id === undefined ? [] : [['decision', id] as const]),
  ])
  const heading = [word, String(status), ...(code === null ? [] : [plain(code)])].join(' ')
  return `${heading}\n${plain(decision.sentence)}\n\n${table}`
}

function label(credential: { kind: string; name: string | null; hint: string | null }): string {
  const name = credential.name === null ? '' : ` "${credential.name}"`
  const hint = credential.hint === null ? '' : `, ${credential.hint}`
  return `${credential.kind}${name}${hint}`
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.map(shown).join(', ') || 'none'
  if (value === null) return 'none'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
