import type { Kysely, RawBuilder, Transaction } from 'kysely'
import { idSequence, type RandomBytes } from '../domain/ids.ts'
import type { Tables } from './schema.ts'

export type Db = Kysely<Tables>

/** Who changes something: `client:canister`, and with which credential. */
export type Actor = { readonly by: string; readonly credential: string | null }

/** The actor of what the server or its operator does on the host itself. */
export const HOST_ACTOR: Actor = { by: 'countersign', credential: null }

/** A running change: the transaction, its revision, and the way to say what was changed. */
export type Change = {
  readonly db: Transaction<Tables>
  readonly revision: number
  readonly actor: Actor
  readonly now: Date
  /**
   * Writes the audit event and, for the nodes that follow, the row of the change log. `owner` or `holder` in the detail
   * says whose the noun is, where that is not the noun itself. Nothing in it may be secret: auditors read it.
   */
  record(action: string, noun: Noun, id: string, detail?: Readonly<Record<string, unknown>>): Promise<void>
}

export const NOUNS = [
  ...(['resource', 'group', 'client', 'user', 'permission', 'credential', 'revocation_line'] as const),
  ...(['signing_key', 'foreign_prefix', 'issuer', 'trust_rule'] as const),
] as const
export type Noun = (typeof NOUNS)[number]

export type Store = {
  /** Sees what is committed, also while a change runs. */
  readonly reader: Db
  readonly writer: Db
  readonly clock: () => Date
  readonly random: RandomBytes
  /** How the nodes on this database hear of one another; undefined: no other process serves from it. */
  readonly shared: SharedDatabase | undefined
}

/** What a database has that several nodes serve from. */
export type SharedDatabase = {
  /** Where the revision is asked for: whoever is not answered within two seconds gives up. */
  readonly revisionReader: Db
  /** Where credentials are looked up: whoever is not answered within three seconds gives up. */
  readonly lookUpReader: Db
  /** Its own clock, in Unix milliseconds: those of the nodes may differ. */
  readonly nowMs: RawBuilder<number>
  /** Wakes those who listen, once the transaction is committed. */
  announce(db: Db, revision: number): Promise<void>
  /** Calls `wake` for each revision that was announced, and whenever announcements may have been missed. */
  listen(wake: (revision: number | undefined) => void): { stop(): Promise<void> }
}

/** Which part of an ordered list: at most `limit` keys after this one; undefined: from the start. */
export type Slice = { readonly after: string | undefined; readonly limit: number }

export function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000)
}

/** A moment as it was read. One that is none would make every "later than" false. */
export function toDate(seconds: number): Date {
  const date = new Date(seconds * 1000)
  if (typeof seconds !== 'number' || Number.isNaN(date.getTime()))
    throw new Error('a moment is corrupt in the database')
  return date
}

export function toDateOrNull(seconds: number | null): Date | null {
  return seconds === null ? null : toDate(seconds)
}

export function parseJson<T>(text: string): T {
  return JSON.parse(text) as T
}

/** A revision as it was read. One that is no number would make every "older than" false. */
export function parseRevision(value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new Error('the revision is corrupt in the database')
}

/** Reads a stored object; what is in it is its reader's to judge. */
export function parseObject<T extends object>(text: string, what: string): T {
  const value = parseJson<unknown>(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as T
  throw new Error(`${what} is corrupt in the database`)
}

/** Reads a stored list of texts. Anything else is a corrupt row: an error, never an empty list that narrows nothing. */
export function parseTexts(text: string, what: string): readonly string[] {
  const list = parseJson<unknown>(text)
  if (Array.isArray(list) && list.every((one) => typeof one === 'string')) return list
  throw new Error(`${what} is corrupt in the database`)
}

/** Reads a stored list that confines: null is "not confined", an empty list can mean nothing good. */
export function parseTextsOrNull(text: string | null, what: string): readonly string[] | null {
  if (text === null) return null
  const list = parseTexts(text, what)
  if (list.length === 0) throw new Error(`${what} is corrupt in the database`)
  return list
}

/** Reads a stored word of a closed set. */
export function parseWord<const Word extends string>(text: string, words: readonly Word[], what: string): Word {
  const word = words.find((one) => one === text)
  if (word === undefined) throw new Error(`${what} is corrupt in the database`)
  return word
}

/** What a change did, as it is told beside the database. */
export type Recorded = {
  readonly action: string
  readonly noun: Noun
  readonly noun_id: string
  /** Of a change that disabled or enabled it: which. */
  readonly disabled?: boolean
}

type Detail = Readonly<Record<string, unknown>> & {
  readonly disabled?: unknown
  readonly changed?: { readonly disabled?: { readonly to: unknown } }
}

function disabledBy({ disabled, changed }: Detail): { disabled?: boolean } {
  const now = changed?.disabled?.to ?? disabled
  return typeof now === 'boolean' ? { disabled: now } : {}
}

/** Whom an event is about: everything that became of one client, user or group is found by it. */
function aboutOf(noun: Noun, id: string, { owner, holder }: Readonly<Record<string, unknown>>): string | null {
  if (noun === 'client' || noun === 'user' || noun === 'group') return `${noun}:${id}`
  if (typeof owner === 'string') return owner
  if (typeof holder === 'string') return holder
  return noun === 'revocation_line' && /^(client|user):/.test(id) ? id : null
}

const STAMP_BYTES = 9

/**
 * Runs everything that can change an answer: takes the next revision, then does the work, all in one transaction.
 *
 * Security: the counter comes first. Its row lock makes every check-then-write of `work` serial on both engines,
 * and no follower can read revision n+1 before n is committed, so none can miss a change.
 * On PostgreSQL this needs READ COMMITTED: a change that waited for the counter then reads what the one before it
 * wrote. At a higher level it would see the state from before it waited, and fail.
 */
export async function change<T>(store: Store, actor: Actor, work: (change: Change) => Promise<T>) {
  return store.writer.transaction().execute(async (db) => {
    const now = store.clock()
    const stamp = Buffer.from(store.random(STAMP_BYTES)).toString('base64url')
    const { value } = await db
      .updateTable('revision')
      .set((column) => ({ value: column('value', '+', 1), stamp }))
      .where('id', '=', 1)
      .returning('value')
      .executeTakeFirstOrThrow()
    const revision = parseRevision(value)
    const nextEventId = idSequence('evt', now, store.random)
    const recorded: Recorded[] = []
    const result = await work({
      db,
      revision,
      actor,
      now,
      async record(action, noun, id, detail = {}) {
        const at = toSeconds(now)
        await db
          .insertInto('audit_event')
          .values({
            id: nextEventId(),
            revision,
            at,
            actor: actor.by,
            credential: actor.credential,
            action,
            noun,
            noun_id: id,
            detail: JSON.stringify(detail),
            about: aboutOf(noun, id, detail),
          })
          .execute()
        await db.insertInto('change').values({ revision, noun, noun_id: id, at, stamp }).execute()
        recorded.push({ action, noun, noun_id: id, ...disabledBy(detail) })
      },
    })
    await store.shared?.announce(db, revision)
    return { result, revision, recorded }
  })
}
