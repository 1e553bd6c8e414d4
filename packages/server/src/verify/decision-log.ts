import type { Decision as DecisionRecord } from '@countersign/admin-api'
import type { AccessRule } from '@countersign/resource-server'
import type { AllowedCounter, KnownCredential } from '../authentication/known-credentials.ts'
import { PREFLIGHT_RULE } from '../domain/access-rule.ts'
import type { StoredCredential } from '../domain/credential.ts'
import { makeId, type RandomBytes } from '../domain/ids.ts'
import type { Resource } from '../domain/resource.ts'
import type { LastUse } from '../store/credentials.ts'
import type { AllowedCount, DecisionFilter } from '../store/decisions.ts'
import type { AskedRequest } from './asked.ts'
import type { AllowedDecision, Decision, DeniedDecision } from './decision.ts'
import { recordOf } from './record.ts'

export type { DecisionFilter }

/** Where records go; every call is off the path of a request. */
export type DecisionStore = {
  insert(records: readonly DecisionRecord[], counts: readonly AllowedCount[]): Promise<void>
  find(id: string): Promise<DecisionRecord | undefined>
  list(filter: DecisionFilter): Promise<DecisionRecord[]>
  writeLastUses(uses: readonly LastUse[]): Promise<void>
}

const RING_SIZE = 10_000
/** Refusals kept a second: of credentials that we know, and of strangers. The rest is counted. */
const MAX_KNOWN_A_SECOND = 500
const MAX_STRANGERS_A_SECOND = 50
/** Samples of allowed answers kept a second; they never push a refusal out of the ring. */
const MAX_SAMPLES_A_SECOND = 20
/** Later than this, it is the clock that has gone back. */
const MAX_LATE_SECONDS = 15
const MAX_ROWS_A_WRITE = 500
/** Last uses that may wait for a store that takes none. */
const MAX_WAITING_USES = 100_000
/** How exactly the last use of a credential is known: a hot key costs one write in this time. */
const LAST_USE_MS = 60_000
/** An access token lives for minutes, and those that are JWTs have no row; of the secret that mints them it is known. */
const HAS_LAST_USE: readonly StoredCredential['kind'][] = ['key', 'pat', 'secret']
const HOUR_MS = 3_600_000

/**
 * Keeps what was decided: refusals one by one, up to a rate that no flood can raise; allowed ones as counts by
 * credential, resource, rule and hour, with the first of each as a sample.
 */
export class DecisionLog {
  readonly #ring = new Map<string, DecisionRecord>()
  #pending: DecisionRecord[] = []
  readonly #counters = new Map<KnownCredential | undefined, Map<AccessRule | Resource, AllowedCounter>>()
  #settled: AllowedCount[] = []
  readonly #touched = new Set<KnownCredential>()
  #second = 0
  #knownThisSecond = 0
  #strangersThisSecond = 0
  #samplesThisSecond = 0
  /** Refusals of which no record is kept, since the start, by why. */
  readonly dropped = { rate_of_known: 0, rate_of_strangers: 0, store: 0 }

  constructor(
    private readonly store: DecisionStore,
    private readonly random: RandomBytes,
    /** What credentials of other systems begin with: none may be kept. */
    private readonly foreignPrefixes: () => readonly string[] = () => [],
  ) {}

  /** Records and last uses that wait to be written. */
  get waiting(): { readonly records: number; readonly uses: number } {
    return { records: this.#pending.length, uses: this.#touched.size }
  }

  /** Notes a refusal and returns its id. */
  noteDenied(decision: DeniedDecision): string {
    const id = makeId('dec', decision.asked.now, this.random)
    if (this.#mayKeep(decision)) this.#keep({ id, ...recordOf(decision, this.foreignPrefixes()) })
    else this.dropped[decision.caller === undefined ? 'rate_of_strangers' : 'rate_of_known']++
    return id
  }

  /** Counts an allowed answer, and remembers that the credential was used. */
  noteAllowed(decision: AllowedDecision, asked: AskedRequest): void {
    const { caller, matched, resource } = decision
    const known = caller?.known
    if (known !== undefined) this.noteUse(known, asked.now, () => asked.clientAddressText())
    if (matched === undefined || resource === undefined) return
    const hour = Math.floor(asked.now.getTime() / HOUR_MS)
    const last = known?.counter
    if (last !== undefined && last.rule === matched.rule && last.hour === hour) {
      last.count++
      return
    }
    let counters = this.#counters.get(known)
    if (counters === undefined) {
      counters = new Map()
      this.#counters.set(known, counters)
    }
    // One rule stands for the preflights of all resources, which show no credential; any other belongs to one.
    const counted = matched.rule === PREFLIGHT_RULE ? resource : matched.rule
    const before = counters.get(counted)
    if (before?.hour === hour) {
      before.count++
      if (known !== undefined) known.counter = before
      return
    }
    if (before !== undefined) this.#settle(known, before)
    const counter = { rule: matched.rule, resource: resource.name, hour, count: 1 }
    counters.set(counted, counter)
    if (known !== undefined) known.counter = counter
    this.#turnSecond(asked.now)
    if (this.#samplesThisSecond++ >= MAX_SAMPLES_A_SECOND) return
    this.#pending.push({ id: makeId('dec', asked.now, this.random), ...recordOf(decision, this.foreignPrefixes()) })
  }

  async find(id: string): Promise<DecisionRecord | undefined> {
    const recent = this.#ring.get(id)
    if (recent !== undefined) return recent
    await this.flushRecords()
    return this.store.find(id)
  }

  /** Newest first; what is not written yet is written first. */
  async list(filter: DecisionFilter): Promise<DecisionRecord[]> {
    await this.flushRecords()
    return this.store.list(filter)
  }

  /** Writes all that waits: records, counts and last uses. A hot key costs one row of counts, however hot it is. */
  async flush(): Promise<void> {
    const written = await Promise.allSettled([this.flushRecords(this.#takeCounts()), this.#flushUses()])
    for (const one of written) if (one.status === 'rejected') throw one.reason
  }

  /** Writes records, in rows of a few hundred, so that no write holds up the path for long. */
  async flushRecords(counts: readonly AllowedCount[] = []): Promise<void> {
    const records = this.#pending
    this.#pending = []
    for (let at = 0; at < Math.max(records.length, counts.length); at += MAX_ROWS_A_WRITE) {
      const end = at + MAX_ROWS_A_WRITE
      try {
        await this.store.insert(records.slice(at, end), counts.slice(at, end))
      } catch (error) {
        // Kept for the next time, within the bound of the ring: an outage of this store should not cost its contents.
        const kept = [...records.slice(at), ...this.#pending]
        this.#pending = kept.slice(-RING_SIZE)
        this.dropped.store += kept.length - this.#pending.length
        this.#settled = [...counts.slice(at), ...this.#settled].slice(-RING_SIZE)
        throw error
      }
    }
  }

  /** A use counts as written when it is: until then it waits, and stands for the later ones. */
  async #flushUses(): Promise<void> {
    const touched = [...this.#touched]
    for (let at = 0; at < touched.length; at += MAX_ROWS_A_WRITE) {
      const uses = touched.slice(at, at + MAX_ROWS_A_WRITE).flatMap((known) => {
        const use = known.unwrittenUse
        return use === undefined ? [] : [{ known, use }]
      })
      await this.store.writeLastUses(uses.map(({ known, use }) => ({ id: known.stored.id, ...use })))
      for (const { known, use } of uses) {
        known.unwrittenUse = undefined
        known.writtenUseMs = use.at.getTime()
        this.#touched.delete(known)
      }
    }
  }

  /** Remembers that a credential was used, and when: of those that are kept for long. */
  noteUse(known: KnownCredential, at: Date, from: () => string | null): void {
    if (known.unwrittenUse !== undefined || !HAS_LAST_USE.includes(known.stored.kind)) return
    const sinceWrittenMs = at.getTime() - known.writtenUseMs
    // Not negative: should the clock have gone back, nothing would be written until it is there again.
    if (sinceWrittenMs >= 0 && sinceWrittenMs < LAST_USE_MS) return
    if (this.#touched.size >= MAX_WAITING_USES) return
    known.unwrittenUse = { at, from: from() }
    this.#touched.add(known)
  }

  #turnSecond(now: Date): void {
    const second = Math.floor(now.getTime() / 1000)
    // Who waited for a look-up may come a little late: that opens no second anew, or a flood would have each of them
    // again and again.
    const lateSeconds = this.#second - second
    if (lateSeconds >= 0 && lateSeconds < MAX_LATE_SECONDS) return
    this.#second = second
    this.#knownThisSecond = 0
    this.#strangersThisSecond = 0
    this.#samplesThisSecond = 0
  }

  #mayKeep(decision: Decision): boolean {
    this.#turnSecond(decision.asked.now)
    return decision.caller === undefined
      ? this.#strangersThisSecond++ < MAX_STRANGERS_A_SECOND
      : this.#knownThisSecond++ < MAX_KNOWN_A_SECOND
  }

  #keep(record: DecisionRecord): void {
    if (this.#ring.size >= RING_SIZE) {
      const [oldest] = this.#ring.keys()
      if (oldest !== undefined) this.#ring.delete(oldest)
    }
    this.#ring.set(record.id, record)
    this.#pending.push(record)
  }

  #settle(known: KnownCredential | undefined, { resource, rule, hour, count }: AllowedCounter): void {
    this.#settled.push({ credential: known?.stored.id ?? 'anonymous', resource, rule: rule.index, hour, count })
  }

  #takeCounts(): AllowedCount[] {
    for (const [known, counters] of this.#counters) {
      for (const counter of counters.values()) {
        if (counter.count === 0) continue
        this.#settle(known, counter)
        counter.count = 0
      }
    }
    this.#forgetIdle()
    const settled = this.#settled
    this.#settled = []
    return settled
  }

  /** Counters live for the hour of their sample; past a bound they start anew, which costs a sample more each. */
  #forgetIdle(): void {
    if (this.#counters.size <= RING_SIZE) return
    for (const known of this.#counters.keys()) if (known !== undefined) known.counter = undefined
    this.#counters.clear()
  }
}
