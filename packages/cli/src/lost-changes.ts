import { UsageError } from './exit.ts'

/** What was taken away after a backup was made, as far as somebody can tell. */
export type LostChanges = {
  /** A credential by its public id, or all that a line goes through. */
  readonly revoked: readonly string[]
  /** What was deleted, or disabled and not enabled again. */
  readonly withdrawn: readonly { readonly noun: WithdrawnNoun; readonly id: string }[]
  /** What was changed otherwise, like `client canister`: nobody tells what was taken from it. */
  readonly changed: readonly string[]
}

const SUBJECT = /^(client|user|family):[a-z0-9][A-Za-z0-9._@-]{0,80}$/
const PUBLIC_ID = /^([a-z]+_[0-9A-Za-z]+|jwk_[0-9A-Za-z_-]{43})$/
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,80}$/

const WITHDRAWN = ['resource', 'group', 'client', 'user', 'issuer', 'trust_rule', 'permission'] as const
type WithdrawnNoun = (typeof WITHDRAWN)[number]

/** An event, or a line of the log. */
type Said = {
  readonly action?: unknown
  readonly noun?: unknown
  readonly noun_id?: unknown
  readonly id?: unknown
  readonly revision?: unknown
  readonly disabled?: unknown
  readonly detail?: {
    readonly disabled?: unknown
    readonly changed?: { readonly disabled?: { readonly to?: unknown } }
  }
}

/**
 * Reads what was taken away from whatever tells of it: ids or subjects, one a line; the JSON of `countersign audit --json`;
 * or lines of the server's log. What says nothing of it is passed over, but for a line that is neither.
 */
export function lostChanges(option: string, text: string): LostChanges {
  const found = new Found(option)
  const whole = parsed(text)
  if (whole !== undefined) return found.all(eventsIn(whole))
  const events: Said[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const word = line.trim()
    if (word === '' || word.startsWith('#')) continue
    const said = parsed(word)
    if (said !== undefined) events.push(said)
    else if (SUBJECT.test(word) || PUBLIC_ID.test(word)) found.revoked.add(word)
    // What stands there is not repeated: it may be the credential itself.
    else throw new UsageError(`${option}: line ${index + 1} is no id of a credential, and no line of the log.`)
  }
  return found.all(events)
}

class Found {
  readonly revoked = new Set<string>()
  /** Whether it counts no more, by noun and id. */
  readonly #isWithdrawn = new Map<string, { noun: WithdrawnNoun; id: string; so: boolean }>()
  readonly #changed = new Set<string>()

  constructor(private readonly option: string) {}

  /** The log begins with the oldest, the audit with the newest: the revision says what came last. */
  all(events: readonly Said[]): LostChanges {
    const order = ({ revision }: Said) => (typeof revision === 'number' ? revision : 0)
    for (const said of events.toSorted((one, other) => order(one) - order(other))) this.#add(said)
    const withdrawn = [...this.#isWithdrawn.values()].filter(({ so }) => so).map(({ noun, id }) => ({ noun, id }))
    const gone = new Set(withdrawn.map(({ noun, id }) => `${noun} ${id}`))
    return { revoked: [...this.revoked], withdrawn, changed: [...this.#changed].filter((one) => !gone.has(one)) }
  }

  #add(said: Said): void {
    const { action, noun, noun_id: nounId, id: ownId } = said
    const id = typeof nounId === 'string' ? nounId : typeof ownId === 'string' ? ownId : ''
    if (action === 'credential.revoke' && PUBLIC_ID.test(id)) this.revoked.add(id)
    if (noun === 'revocation_line') this.revoked.add(this.#subject(id))
    const known = WITHDRAWN.find((one) => one === noun)
    if (known === undefined || !NAME.test(id)) return
    const disabled = said.detail?.changed?.disabled?.to ?? said.detail?.disabled ?? said.disabled
    const key = `${known} ${id}`
    if (action === `${known}.delete`) this.#isWithdrawn.set(key, { noun: known, id, so: true })
    else if (typeof disabled === 'boolean') this.#isWithdrawn.set(key, { noun: known, id, so: disabled })
    else if (action === `${known}.change`) this.#changed.add(key)
  }

  #subject(subject: string): string {
    if (subject.startsWith('credential:')) return subject.slice('credential:'.length)
    if (SUBJECT.test(subject)) return subject
    throw new UsageError(
      `${this.option}: "${subject.slice(0, 40)}" was revoked by age. Leave that out, and give the command again when the server runs: countersign revoke --all`,
    )
  }
}

function eventsIn(value: object): Said[] {
  const list: unknown = Array.isArray(value) ? value : 'items' in value ? value.items : [value]
  return Array.isArray(list) ? list.filter((one): one is Said => typeof one === 'object' && one !== null) : []
}

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
