import type { DirectoryUpdate } from '../../packages/server/src/directory/directory.ts'
import type { Held } from '../../packages/server/src/directory/revision-source.ts'
import type { Client } from '../../packages/server/src/domain/client.ts'
import type { HeldPermission, RevocationLine, StoredCredential } from '../../packages/server/src/domain/credential.ts'
import { revocationOf } from '../../packages/server/src/domain/credential.ts'
import type { Resource } from '../../packages/server/src/domain/resource.ts'
import type { Position } from '../../packages/server/src/store/change-log.ts'
import type { Noun } from '../../packages/server/src/store/store.ts'
import type { Random } from './random.ts'

type Logged = Position & { readonly noun: Noun; readonly id: string }

/** What is committed. Values are never changed, only exchanged. */
export type State = {
  readonly position: Position
  readonly log: readonly Logged[]
  readonly credentials: ReadonlyMap<string, StoredCredential>
  readonly clients: ReadonlyMap<string, Client>
  readonly permissions: ReadonlyMap<string, HeldPermission>
  readonly lines: ReadonlyMap<string, RevocationLine>
}

/** What one change writes, by the nouns it names in the log. */
export type Writes = {
  readonly credentials?: readonly (readonly [digest: string, StoredCredential])[]
  readonly clients?: readonly Client[]
  readonly permissions?: readonly (readonly [id: string, HeldPermission | undefined])[]
  readonly lines?: readonly RevocationLine[]
}

/** What a change does: reads the state before it, and says what is written at the new revision. */
export type Work = (state: State, making: { readonly revision: number }) => Writes

/**
 * A database that plays `store/`: one counter, a log, rows; what is asked of it is answered of one state.
 *
 * `test/simulation/alike.test.ts` holds it to what the real one answers.
 */
export class Database {
  /** Each state that was ever the newest, with the moment from which it was. Changing back to an older one is a new entry. */
  readonly history: { readonly fromMs: number; readonly state: State }[] = []

  constructor(
    private readonly random: Random,
    readonly resource: Resource,
    first: Omit<State, 'position' | 'log'>,
  ) {
    this.history.push({
      fromMs: Number.NEGATIVE_INFINITY,
      state: { position: { revision: 1, stamp: '' }, log: [], ...first },
    })
  }

  get state(): State {
    const newest = this.history.at(-1)
    if (newest === undefined) throw new Error('a database has a state')
    return newest.state
  }

  position(): Position {
    return this.state.position
  }

  find(digest: string): { credential: StoredCredential | undefined; position: Position } {
    const { credentials, position } = this.state
    return { credential: credentials.get(digest), position }
  }

  /** Runs one change. Returns the new revision. */
  commit(nowMs: number, work: Work): number {
    const before = this.state
    const revision = before.position.revision + 1
    const position = { revision, stamp: String(this.random.unit()) }
    const writes = work(before, { revision })
    const named: [Noun, string][] = [
      ...(writes.credentials ?? []).map(([, { id }]) => ['credential', id] as [Noun, string]),
      ...(writes.clients ?? []).map(({ id }) => ['client', id] as [Noun, string]),
      ...(writes.permissions ?? []).map(([id]) => ['permission', id] as [Noun, string]),
      ...(writes.lines ?? []).map(({ subject }) => ['revocation_line', subject] as [Noun, string]),
    ]
    const permissions = new Map(before.permissions)
    for (const [id, permission] of writes.permissions ?? []) {
      if (permission === undefined) permissions.delete(id)
      else permissions.set(id, permission)
    }
    this.history.push({
      fromMs: nowMs,
      state: {
        position,
        log: [...before.log, ...named.map(([noun, id]) => ({ ...position, noun, id }))],
        credentials: new Map([...before.credentials, ...(writes.credentials ?? [])]),
        clients: new Map([...before.clients, ...(writes.clients ?? []).map((client) => [client.id, client] as const)]),
        permissions,
        lines: new Map([...before.lines, ...(writes.lines ?? []).map((line) => [line.subject, line] as const)]),
      },
    })
    return revision
  }

  /** A standby takes over that did not have the newest changes. */
  failOver(nowMs: number, lost: number): void {
    const older = this.history.at(-1 - lost)
    if (older !== undefined) this.history.push({ fromMs: nowMs, state: older.state })
  }

  /** Forgets the older part of the log. */
  trim(nowMs: number): void {
    const { log } = this.state
    const half = log[log.length >> 1]
    if (half === undefined) return
    const kept = log.filter(({ revision }) => revision >= half.revision)
    this.history.push({ fromMs: nowMs, state: { ...this.state, log: kept } })
  }

  updateSince(held: Held | undefined, forgetsHistory = false): { update: DirectoryUpdate; held: Held } {
    const { position, log, clients, permissions, lines } = this.state
    const { revision } = position
    const last = log.at(-1)
    const isKnown =
      held?.logged !== undefined &&
      held.position.revision <= revision &&
      (forgetsHistory || log.some((row) => row.revision === held.logged?.revision && row.stamp === held.logged.stamp))
    const since = isKnown ? (held.logged?.revision ?? -1) : -1
    const changed = (noun: Noun) => [
      ...new Set(log.filter((row) => row.revision > since && row.noun === noun).map(({ id }) => id)),
    ]
    const read = <T>(noun: Noun, all: ReadonlyMap<string, T>) =>
      isKnown ? new Map(changed(noun).map((id) => [id, all.get(id)])) : new Map<string, T | undefined>(all)
    const nothing = new Map()
    return {
      update: {
        everything: !isKnown,
        ...position,
        resources: isKnown ? nothing : new Map([[this.resource.name, this.resource]]),
        groups: nothing,
        clients: read('client', clients),
        users: nothing,
        permissions: read('permission', permissions),
        foreignPrefixes: nothing,
        issuers: nothing,
        trustRules: nothing,
        signingKeys: isKnown ? undefined : [],
        lines: [...read('revocation_line', lines).values()].filter((line) => line !== undefined),
        credentials: isKnown ? changed('credential') : [],
      },
      held: { position, logged: last && { revision: last.revision, stamp: last.stamp } },
    }
  }
}

/** Until when a credential passes in this state, in Unix milliseconds; 0: it does not. */
export function passesUntil(state: State, digest: string): number {
  const credential = state.credentials.get(digest)
  if (credential === undefined) return 0
  const holds = [...state.permissions.values()].some(({ holder }) => holder.id === credential.owner.id)
  const isDead =
    state.clients.get(credential.owner.id)?.disabled !== false ||
    revocationOf(credential, (subject) => state.lines.get(subject)) !== undefined
  return isDead || !holds ? 0 : (credential.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY)
}
