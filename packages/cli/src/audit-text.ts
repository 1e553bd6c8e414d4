import type { AuditEvent } from '@countersign/admin-api'
import { instant, moment } from './moment.ts'
import { type Column, details } from './table.ts'
import type { Terminal } from './terminal.ts'

export const AUDIT_COLUMNS: readonly Column<AuditEvent>[] = [
  ['time', ({ at }) => instant(new Date(at))],
  ['actor', ({ actor }) => actor],
  ['action', ({ action }) => action],
  ['of', ({ noun_id }) => noun_id],
  ['about', ({ about, noun, noun_id }) => (about === null || about === `${noun}:${noun_id}` ? '' : about)],
  [
    'detail',
    (event) =>
      told(event)
        .map(([field, value]) => `${field}: ${value}`)
        .join('; '),
  ],
  ['credential', ({ credential }) => credential ?? 'none'],
  ['id', ({ id }) => id],
]

/** Everything that is known of one change, one line each. */
export function auditEventDetails(terminal: Terminal, event: AuditEvent): string {
  return details(terminal, [
    ['at', moment(event.at, terminal.now())],
    ['actor', event.actor],
    ['credential', event.credential ?? 'none'],
    ['action', event.action],
    ['of', `${event.noun} ${event.noun_id}`],
    ['about', event.about ?? 'none'],
    ...told(event),
    ['revision', String(event.revision)],
    ['id', event.id],
  ])
}

/** What the detail says beyond the columns. */
function told({ detail, about }: AuditEvent): [field: string, value: string][] {
  const { changed, ...rest } = detail
  const differing = isObject(changed) ? Object.entries(changed) : []
  const isSaid = (field: string, value: unknown) =>
    value === null || value === about || (field === 'fields' && differing.length > 0) || isEmpty(value)
  const told = Object.entries(rest).filter(([field, value]) => !isSaid(field, value))
  return [
    ...differing.map(([field, value]) => [words(field), difference(value)] as [string, string]),
    ...told.map(([field, value]) => [words(field), shown(value)] as [string, string]),
  ]
}

function difference(value: unknown): string {
  return isObject(value) ? `${shown(value.from) || 'none'} → ${shown(value.to) || 'none'}` : shown(value)
}

function words(field: string): string {
  return field.replaceAll('_', ' ')
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

function shown(value: unknown): string {
  if (value === null) return 'none'
  if (Array.isArray(value)) return value.map(shown).join(', ')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
