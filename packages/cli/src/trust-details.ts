import type { TrustRule } from '@countersign/admin-api'
import { moment } from './moment.ts'
import { type Cell, details, orNone } from './table.ts'
import type { Terminal } from './terminal.ts'

export function trustMode({ mode, expires_at }: TrustRule, now: Date): Cell {
  if (expires_at !== null && new Date(expires_at) <= now) return { text: 'expired', tone: 'bad' }
  return { text: mode, tone: mode === 'enforce' ? 'good' : 'bad' }
}

/** Whom its subjects stand for. */
export function targetText({ as }: TrustRule): string {
  if ('client' in as) return `client:${as.client}`
  if ('user' in as) return 'the linked user'
  return as.workload.groups.length === 0 ? 'itself' : `itself, in ${as.workload.groups.join(', ')}`
}

/** What it asks, a line a claim. Texts are quoted, so that they are told from numbers and booleans. */
export function matchLines({ match }: TrustRule): string[] {
  return Object.entries(match).map(([claim, asked]) => {
    if (typeof asked !== 'object') return `${claim} = ${JSON.stringify(asked)}`
    if ('in' in asked) return `${claim} = any of ${asked.in.map((one) => JSON.stringify(one)).join(', ')}`
    return 'prefix' in asked ? `${claim} begins with ${JSON.stringify(asked.prefix)}` : `${claim} is there`
  })
}

export function trustDetails(terminal: Terminal, rule: TrustRule): string {
  const now = terminal.now()
  return details(terminal, [
    ['name', rule.name],
    ['description', rule.description ?? 'none'],
    ['mode', trustMode(rule, now)],
    ['issuer', rule.issuer],
    ['asks', orNone(matchLines(rule))],
    ['stands for', targetText(rule)],
    ['expires', rule.expires_at === null ? 'never' : moment(rule.expires_at, now)],
    ['resources', rule.resources ?? 'any'],
    ['scopes', rule.scopes ?? 'any'],
    ['projects', rule.projects ?? 'any'],
    ['managed by', rule.managed_by ?? 'hand'],
    ['made', moment(rule.created_at, now)],
  ])
}
