import { UsageError } from './exit.ts'

/** At which revision a backup was made, and when. */
type Backup = { readonly revision: number; readonly made_at: string }

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
const NAME = /^[^\p{Cc}]{1,128}$/u

const WITHDRAWN = ['resource', 'group', 'client', 'user', 'issuer', 'trust_rule', 'permission'] as const
type WithdrawnNoun = (typeof WITHDRAWN)[number]

/** An event, or a line of the log. */
type Said = {
  readonly action?: unknown
  readonly noun?: unknown
  readonly noun_id?: unknown
  readonly id?: unknown
  readonly revision?: unknown
  /** Of an event. */
  readonly at?: unknown
  /** Of a line of the log. */
  readonly time?: unknown
  readonly disabled?: unknown
  readonly detail?: {
    readonly disabled?: unknown
    readonly changed?: { readonly disabled?: { readonly to?: unknown } }
  }
}

/**
 * Reads what was taken away from whatever tells of it: ids or subjects, one a line; the JSON of `countersign audit --json`;
 * or lines of the server's log. What says nothing of it is passed over: among the lines of a log also what others write
 * there, like the service manager; else a line that is neither is a mistake.
 */
export function toldChanges(option: string, text: string): ToldChanges {
  const ids = new Set<string>()
  const whole = parsed(text)
  if (whole !== undefined && (Array.isArray(whole) || !('action' in whole)))
    return new ToldChanges(option, ids, eventsIn(option, whole))
  const lines = text.split('\n').map((line) => line.trim())
  const events = lines.flatMap((line) => parsed(line) ?? [])
  for (const [index, line] of lines.entries()) {
    if (line === '' || line.startsWith('#') || parsed(line) !== undefined) continue
    if (SUBJECT.test(line) || PUBLIC_ID.test(line)) ids.add(line)
    // What stands there is not repeated: it may be the credential itself.
    else if (events.length === 0)
      throw new UsageError(`${option}: line ${index + 1} is no id of a credential, and no line of the log.`)
  }
  return new ToldChanges(option, ids, events)
}

/** Security: what tells of nothing must not pass for an answer to the question what was revoked. */
export function requireTold(option: string, told: ToldChanges): void {
  const { revoked, withdrawn, changed } = told.after(undefined)
  if (revoked.length + withdrawn.length + changed.length > 0) return
  throw new UsageError(
    `${option}: nothing in it tells of something that was taken away. If nothing was: --accept-lost-revocations`,
  )
}

export class ToldChanges {
  constructor(
    private readonly option: string,
    private readonly ids: ReadonlySet<string>,
    private readonly events: readonly Said[],
  ) {}

  /** The first revision that something is told of; undefined: no events are told, only ids. */
  get fromRevision(): number | undefined {
    const revisions = this.events.map(revisionOf).filter((revision) => revision > 0)
    return revisions.length === 0 ? undefined : Math.min(...revisions)
  }

  /** What happened after a backup; undefined: all that is told. */
  after(backup: Backup | undefined): LostChanges {
    const found = new Found(this.option, this.ids)
    const isKnown = (said: Said) => backup !== undefined && isBefore(said, backup)
    return found.all(this.events.filter((said) => !isKnown(said)))
  }
}

function revisionOf({ revision }: Said): number {
  return typeof revision === 'number' ? revision : 0
}

/** Revisions are given out a second time after a restore, and clocks differ: both have to say so. */
function isBefore(said: Said, { revision, made_at }: Backup): boolean {
  const own = revisionOf(said)
  return own > 0 && own <= revision && momentOf(said) <= Date.parse(made_at)
}

/** In Unix milliseconds; NaN: it does not say. */
function momentOf({ at, time }: Said): number {
  return Date.parse(String(at ?? time))
}

class Found {
  readonly revoked: Set<string>
  /** Whether it counts no more, by noun and id. */
  readonly #isWithdrawn = new Map<string, { noun: WithdrawnNoun; id: string; so: boolean }>()
  readonly #changed = new Set<string>()

  constructor(
    private readonly option: string,
    ids: ReadonlySet<string>,
  ) {
    this.revoked = new Set(ids)
  }

  /** The log begins with the oldest, the audit with the newest: what came last counts. */
  all(events: readonly Said[]): LostChanges {
    const order = (one: Said, other: Said) =>
      (momentOf(one) || 0) - (momentOf(other) || 0) || revisionOf(one) - revisionOf(other)
    for (const said of events.toSorted(order)) this.#add(said)
    const withdrawn = [...this.#isWithdrawn.values()].filter(({ so }) => so).map(({ noun, id }) => ({ noun, id }))
    const gone = new Set(withdrawn.map(({ noun, id }) => `${noun} ${id}`))
    const changed = [...this.#changed].filter((one) => !gone.has(one))
    return { revoked: [...this.revoked], withdrawn, changed }
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

function eventsIn(option: string, value: object): Said[] {
  const list: unknown = Array.isArray(value) ? value : 'items' in value ? value.items : undefined
  if (!Array.isArray(list)) throw new UsageError(`${option}: expected the answer of countersign audit --all --json.`)
  if ('next_cursor' in value && value.next_cursor !== null)
    throw new UsageError(`${option}: this is one page of the events. Give all: countersign audit --all --json`)
  return list.filter((one): one is Said => typeof one === 'object' && one !== null)
}

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
