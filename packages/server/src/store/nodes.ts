import { sql } from 'kysely'
import type { Db, SharedDatabase } from './store.ts'

/** A server on a database that several serve from, as it says itself. */
export type NodeReport = {
  readonly id: string
  readonly name: string
  readonly version: string
  readonly startedAt: Date
  /** Up to where it has followed: its answers are those of this revision. */
  readonly revision: number
  /** How long it may answer from what it holds without the database. */
  readonly leaseMs: number
}

export type StoredNode = NodeReport & {
  /** How long ago it said so, by the clock of the database. */
  readonly silentMs: number
}

/** Keeps what a node says of itself, in place of what it said before. */
export async function reportNode(writer: Db, { nowMs }: SharedDatabase, node: NodeReport): Promise<void> {
  const said = {
    name: node.name,
    version: node.version,
    started_at: node.startedAt.getTime(),
    seen_at: nowMs,
    revision: node.revision,
    lease_ms: node.leaseMs,
  }
  await writer
    .insertInto('node')
    .values({ id: node.id, ...said })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(said))
    .execute()
}

/** All that have not left, also those that have been silent for long, by name. */
export async function listNodes(reader: Db, { nowMs }: SharedDatabase): Promise<StoredNode[]> {
  const rows = await reader
    .selectFrom('node')
    .selectAll()
    .select(sql<number>`${nowMs} - seen_at`.as('silent_ms'))
    .orderBy('name')
    .orderBy('id')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    version: row.version,
    startedAt: new Date(row.started_at),
    revision: row.revision,
    leaseMs: row.lease_ms,
    silentMs: row.silent_ms,
  }))
}

/** Forgets a node that has stopped. */
export async function forgetNode(writer: Db, id: string): Promise<void> {
  await writer.deleteFrom('node').where('id', '=', id).execute()
}

/** Forgets nodes that have said nothing for so long. */
export async function forgetSilentNodes(writer: Db, { nowMs }: SharedDatabase, silentMs: number): Promise<void> {
  await writer.deleteFrom('node').where(sql<boolean>`seen_at < ${nowMs} - ${silentMs}`).execute()
}
