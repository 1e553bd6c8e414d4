import type { OwnerRef, SubjectRef } from '../domain/credential.ts'
import { findClient } from './clients.ts'
import type { Db } from './store.ts'
import { findUser } from './users.ts'

/** Whoever owns credentials, whatever its kind, as a change reads it. */
export type StoredOwner = {
  readonly disabled: boolean
  /** All of them, disabled ones too. */
  readonly groups: readonly string[]
}

const WORKLOAD: StoredOwner = { disabled: false, groups: [] }

const FIND: Record<OwnerRef['kind'], (db: Db, id: string) => Promise<StoredOwner | undefined>> = {
  client: findClient,
  user: findUser,
}

/** Of a workload nothing is stored: it is not disabled, and in groups only as long as a rule says so. */
export async function findOwner(db: Db, { kind, id }: SubjectRef): Promise<StoredOwner | undefined> {
  return kind === 'workload' ? WORKLOAD : FIND[kind](db, id)
}

/** Of these owners, those that are there and not disabled. */
export async function listEnabledOwners(db: Db, kind: OwnerRef['kind'], ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  const rows = await db.selectFrom(kind).select('id').where('id', 'in', ids).where('disabled', '=', 0).execute()
  return rows.map(({ id }) => id)
}
