import { UsageError } from './exit.ts'

/** What was revoked: a credential by its public id, or all that a line goes through. */
const SUBJECT = /^(client|user|family):[a-z0-9][A-Za-z0-9._@-]{0,80}$/
const PUBLIC_ID = /^([a-z]+_[0-9A-Za-z]+|jwk_[0-9A-Za-z_-]{43})$/

type Said = { readonly action?: unknown; readonly noun?: unknown; readonly noun_id?: unknown; readonly id?: unknown }

/**
 * Reads what was revoked from whatever tells of it: ids or subjects, one a line; the JSON of `countersign audit --json`; or
 * lines of the server's log. What says nothing of a revocation is passed over, but for a line that is neither.
 */
export function revokedIds(option: string, text: string): string[] {
  const whole = parsed(text)
  if (whole !== undefined) return [...new Set(eventsIn(whole).flatMap((said) => subjectOf(option, said)))]
  const subjects = text.split('\n').flatMap((line, at) => {
    const word = line.trim()
    if (word === '' || word.startsWith('#')) return []
    const said = parsed(word)
    if (said !== undefined) return subjectOf(option, said as Said)
    if (SUBJECT.test(word) || PUBLIC_ID.test(word)) return [word]
    // What stands there is not repeated: it may be the credential itself.
    throw new UsageError(`${option}: line ${at + 1} is no id of a credential, and no line of the log.`)
  })
  return [...new Set(subjects)]
}

function subjectOf(option: string, { action, noun, noun_id: nounId, id }: Said): string[] {
  const subject = typeof nounId === 'string' ? nounId : typeof id === 'string' ? id : ''
  if (action === 'credential.revoke' && PUBLIC_ID.test(subject)) return [subject]
  if (noun !== 'revocation_line') return []
  if (subject.startsWith('credential:')) return [subject.slice('credential:'.length)]
  if (SUBJECT.test(subject)) return [subject]
  throw new UsageError(
    `${option}: "${subject.slice(0, 40)}" was revoked by age. Leave that out, and give the command again when the server runs: countersign revoke --all`,
  )
}

function eventsIn(value: unknown): Said[] {
  const list = Array.isArray(value) ? value : ((value as { items?: unknown }).items ?? [value])
  return Array.isArray(list) ? list : []
}

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
