import type { RevocationLine } from '../domain/credential.ts'
import {
  type LoggedChange,
  listChangesAfter,
  type Position,
  readLogEnd,
  readLoggedStamp,
  readPosition,
} from '../store/change-log.ts'
import { listClients } from '../store/clients.ts'
import { listForeignPrefixes } from '../store/foreign-prefixes.ts'
import { listGroups } from '../store/groups.ts'
import { listIssuers } from '../store/issuers.ts'
import { listPermissions } from '../store/permissions.ts'
import { listResources } from '../store/resources.ts'
import { listRevocationLines } from '../store/revocation-lines.ts'
import { listSigningKeys } from '../store/signing-keys.ts'
import { inOneSnapshot } from '../store/snapshot.ts'
import { type Db, NOUNS, type Noun, type Store } from '../store/store.ts'
import { listTrustRules } from '../store/trust-rules.ts'
import { listUsers } from '../store/users.ts'
import type { DirectoryUpdate } from './directory.ts'

/** Up to where a node has followed. */
export type Held = {
  readonly position: Position
  /** The newest row of the change log that it has read; undefined: the log was empty. */
  readonly logged: Position | undefined
}

/** What a node follows. Both reject when the database cannot be asked. */
export type RevisionSource = {
  /** Where the database is. */
  position(): Promise<Position>
  /** What is to be taken over by whoever has followed up to `held`; undefined: by whoever has nothing. */
  updateSince(held: Held | undefined): Promise<{ readonly update: DirectoryUpdate; readonly held: Held }>
}

/** Past this many changed ids of a noun, reading all of them is cheaper than naming them. */
const MAX_NAMED = 400

const KNOWN_NOUNS: ReadonlySet<string> = new Set(NOUNS)

export function revisionSource(store: Store): RevisionSource {
  const impatient = () => store.shared?.revisionReader ?? store.reader
  // What changed is read in little time, or the link is broken and nobody should wait for it. Should it be much all the
  // same, as it always is for whoever has nothing, it gets the time it needs.
  let isMuch = false
  return {
    position: () => readPosition(impatient()),
    async updateSince(held) {
      const reader = held === undefined || isMuch ? store.reader : impatient()
      isMuch = true
      const update = await inOneSnapshot(reader, (db) => readUpdate(db, held))
      isMuch = false
      return update
    },
  }
}

/** Reads what changed since `held`, of a snapshot; everything when the log cannot say what that is. */
async function readUpdate(db: Db, held: Held | undefined): Promise<{ update: DirectoryUpdate; held: Held }> {
  const position = await readPosition(db)
  const from = await startInLog(db, held, position)
  const logged = from === undefined ? [] : await listChangesAfter(db, from)
  // A newer version tells of what this one has no word for, and knows what that means for what it has.
  const everything = from === undefined || logged.some(({ noun }) => !KNOWN_NOUNS.has(noun))
  const changes = everything ? [] : logged
  const logEnd = await readLogEnd(db)
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
  const update: DirectoryUpdate = {
    everything,
    ...position,
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
  return { update, held: { position, logged: logEnd } }
}

/**
 * After which revision the log names everything that happened since `held`; undefined: it does not. It does when the
 * newest row of it that was read is still there. What came after that row without being logged changed nothing.
 *
 * Security: a database that was restored, or whose standby took over without the last changes, gives out numbers a
 * second time. By the stamp of the row it is known for another history, whatever its revision says.
 */
async function startInLog(db: Db, held: Held | undefined, now: Position): Promise<number | undefined> {
  if (held?.logged === undefined || held.position.revision > now.revision) return undefined
  const { revision, stamp } = held.logged
  return (await readLoggedStamp(db, revision)) === stamp ? revision : undefined
}

function changedIds(changes: readonly LoggedChange[], noun: Noun): string[] {
  return [...new Set(changes.filter((change) => change.noun === noun).map((change) => change.id))]
}
