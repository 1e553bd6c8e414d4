import type { Db } from './store.ts'

/**
 * Runs reads of which each sees the same committed state.
 *
 * Security: at the level that changes need, PostgreSQL gives each statement a snapshot of its own. A follower that
 * read a revision, and then rows of a later one, would hold what no revision ever was. SQLite has one level only.
 */
export function inOneSnapshot<T>(reader: Db, work: (db: Db) => Promise<T>): Promise<T> {
  return reader.transaction().setIsolationLevel('repeatable read').execute(work)
}
