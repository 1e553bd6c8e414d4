import type { Config } from '../config.ts'
import type { RandomBytes } from '../domain/ids.ts'
import { readRevision } from '../store/change-log.ts'
import {
  copyAll,
  digestAll,
  fillingOf,
  finishCopy,
  isUntouched,
  type OnCopied,
  type TableDigest,
} from '../store/copying.ts'
import { takeDataDir } from '../store/data-dir.ts'
import { hasDatabase, openStore } from '../store/open.ts'
import { noDataIn, requireWhole } from './back-up.ts'

export type Migrated = { readonly tables: readonly TableDigest[] }

type Io = {
  readonly clock: () => Date
  readonly random: RandomBytes
  readonly onCopied: OnCopied
  readonly onRead: OnCopied
}

/**
 * Copies the database of the data directory into the PostgreSQL of the configuration, which must hold nothing, or a part of
 * the same copy. Returns when both hold the same, by counts and digests; the source stays as it is.
 */
export async function migrateData(config: Config, { clock, random, onCopied, onRead }: Io): Promise<Migrated> {
  const { dataDir, databaseUrl } = config
  if (databaseUrl === undefined)
    throw new Error('name the database to fill: COUNTERSIGN_DATABASE_URL, or COUNTERSIGN_DATABASE_URL_FILE')
  if (!hasDatabase(dataDir)) throw new Error(noDataIn(dataDir))
  // Whatever a server changed meanwhile would be lost.
  const lock = takeDataDir(dataDir)
  const source = await openStore(dataDir, clock, random)
  const target = await openStore(dataDir, clock, random, databaseUrl)
  try {
    const origin = `${dataDir} at revision ${await readRevision(source.reader)}`
    await requireWhole(source.reader)
    if ((await fillingOf(target.reader)) === undefined && !(await isUntouched(target.reader))) {
      throw new Error('the database of COUNTERSIGN_DATABASE_URL is in use already: it has to be a new one')
    }
    await copyAll(source.reader, target.writer, origin, onCopied)
    const [there, here] = [await digestAll(source.reader, onRead), await digestAll(target.reader, onRead)]
    const different = there.filter(
      ({ table, rows, sha256 }, at) =>
        rows !== here[at]?.rows || sha256 !== here[at]?.sha256 || table !== here[at]?.table,
    )
    if (different.length > 0) {
      const names = different.map(({ table }) => table).join(', ')
      throw new Error(`the copy differs from what was copied (${names}). Make the database anew, and begin again`)
    }
    await finishCopy(target.writer)
    return { tables: here }
  } finally {
    await source.close()
    await target.close()
    lock.release()
  }
}
