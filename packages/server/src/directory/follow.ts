import type { RevocationLine } from '../domain/credential.ts'
import { type LoggedChange, listChangesAfter, readLogStart, readRevision } from '../store/change-log.ts'
import { listClients } from '../store/clients.ts'
import { listForeignPrefixes } from '../store/foreign-prefixes.ts'
import { listGroups } from '../store/groups.ts'
import { listIssuers } from '../store/issuers.ts'
import { listPermissions } from '../store/permissions.ts'
import { listResources } from '../store/resources.ts'
import { listRevocationLines } from '../store/revocation-lines.ts'
import { listSigningKeys } from '../store/signing-keys.ts'
import { inOneSnapshot } from '../store/snapshot.ts'
import type { Db, Noun, Store } from '../store/store.ts'
import { listTrustRules } from '../store/trust-rules.ts'
import { listUsers } from '../store/users.ts'
import type { Directory, DirectoryUpdate } from './directory.ts'

/** How long what the directory holds may be used without the database having confirmed the revision. */
const LEASE_MS = 5000
const POLL_MS = 500
/** Past this many changed ids of a noun, reading all of them is cheaper than naming them. */
const MAX_NAMED = 400

/**
 * Keeps the directory at the database's revision: by a poll, and at once after a change of this node's own.
 *
 * Security: revocation is bounded by this. What is confirmed is remembered by a monotonic clock and judged when it
 * is used, so a node that stood still cannot answer from what it held before.
 */
export class Follower {
  #confirmedAtMs = Number.NEGATIVE_INFINITY
  #running: Promise<void> | undefined
  /** What begins when the running question has its answer. */
  #next: Promise<void> | undefined
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(
    readonly directory: Directory,
    private readonly store: Store,
    private readonly monotonicMs: () => number,
    /** Told which credentials changed, before the directory shows the revision; undefined: any may have. */
    private readonly forget: (credentials: readonly string[] | undefined) => void,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** True while the lease holds. */
  isConfirmed(): boolean {
    return this.monotonicMs() - this.#confirmedAtMs < LEASE_MS
  }

  /**
   * Asks the database for its revision and takes over what changed. Throws when the database cannot be asked.
   *
   * Who comes while somebody asks shares the next question with all others who do: one that begins after they came.
   */
  confirm(): Promise<void> {
    if (this.#next !== undefined) return this.#next
    if (this.#running === undefined) return this.#begin()
    this.#next = this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.#begin()
      })
    return this.#next
  }

  #begin(): Promise<void> {
    this.#running = this.#catchUp().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Returns once the directory is at `revision` or later. */
  async reach(revision: number): Promise<void> {
    while (this.directory.revision < revision) await this.confirm()
  }

  start(): void {
    this.#timer = setInterval(() => {
      if (this.#running === undefined) this.confirm().catch(this.onError)
    }, POLL_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #catchUp(): Promise<void> {
    const askedAtMs = this.monotonicMs()
    const { revision } = this.directory
    if ((await readRevision(this.store.reader)) !== revision) {
      const update = await inOneSnapshot(this.store.reader, (db) => readUpdate(db, revision))
      // What a key vouched for that is no longer published must not be believed on.
      const isAnyForgotten = update.everything || update.signingKeys !== undefined
      this.forget(isAnyForgotten ? undefined : update.credentials)
      this.directory.apply(update)
    }
    this.#confirmedAtMs = askedAtMs
  }
}

/** Reads, in one snapshot, all that changed after `since`; everything when the log does not reach back that far. */
async function readUpdate(db: Db, since: number): Promise<DirectoryUpdate> {
  const revision = await readRevision(db)
  const logStart = await readLogStart(db)
  const everything = since < 0 || since > revision || logStart === undefined || logStart > since + 1
  const changes = everything ? [] : await listChangesAfter(db, since)
  const read = async <T>(noun: Noun, idOf: (value: T) => string, list: (ids?: readonly string[]) => Promise<T[]>) => {
    const ids = everything ? undefined : changedIds(changes, noun)
    if (ids !== undefined && ids.length === 0) return new Map<string, T | undefined>()
    const found = new Map<string, T | undefined>((ids ?? []).map((id) => [id, undefined]))
    for (const value of await list(ids !== undefined && ids.length <= MAX_NAMED ? ids : undefined)) {
      found.set(idOf(value), value)
    }
    return found
  }
  const lines = await read<RevocationLine>(
    'revocation_line',
    (line) => line.subject,
    (subjects) => listRevocationLines(db, subjects),
  )
  return {
    everything,
    revision,
    resources: await read(
      'resource',
      (resource) => resource.name,
      (names) => listResources(db, names),
    ),
    groups: await read(
      'group',
      (group) => group.name,
      (names) => listGroups(db, names),
    ),
    clients: await read(
      'client',
      (client) => client.id,
      (ids) => listClients(db, ids),
    ),
    users: await read(
      'user',
      (user) => user.id,
      (ids) => listUsers(db, ids),
    ),
    permissions: await read(
      'permission',
      (permission) => permission.id,
      (ids) => listPermissions(db, ids === undefined ? {} : { ids }),
    ),
    foreignPrefixes: await read(
      'foreign_prefix',
      ({ prefix }) => prefix,
      (prefixes) => listForeignPrefixes(db, prefixes),
    ),
    issuers: await read(
      'issuer',
      ({ name }) => name,
      (names) => listIssuers(db, names),
    ),
    trustRules: await read(
      'trust_rule',
      ({ name }) => name,
      (names) => listTrustRules(db, names),
    ),
    signingKeys: everything || changedIds(changes, 'signing_key').length > 0 ? await listSigningKeys(db) : undefined,
    lines: [...lines.values()].filter((line) => line !== undefined),
    credentials: changedIds(changes, 'credential'),
  }
}

function changedIds(changes: readonly LoggedChange[], noun: Noun): string[] {
  return [...new Set(changes.filter((change) => change.noun === noun).map((change) => change.id))]
}
