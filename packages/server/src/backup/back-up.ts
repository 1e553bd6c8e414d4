import type { Config } from '../config.ts'
import { type BackupNote, openBackup, readNote, writeBackup } from '../store/backup-file.ts'
import { type CopiedTable, countAll, fillingOf, type OnCopied } from '../store/copying.ts'
import { hasDatabase } from '../store/open.ts'
import { openToCopy, readSchemaState } from '../store/reading.ts'
import type { Db } from '../store/store.ts'
import { VERSION } from '../version.ts'

/** What is in a backup. */
export type BackupContents = BackupNote & {
  readonly revision: number
  readonly rows: Readonly<Record<CopiedTable, number>>
}

/** Writes a backup while servers go on, and says what is in it. */
export async function backUp(config: Config, path: string, now: Date, onCopied: OnCopied): Promise<BackupContents> {
  if (config.databaseUrl === undefined && !hasDatabase(config.dataDir)) throw new Error(noDataIn(config.dataDir))
  const { db, close } = await openToCopy(config.dataDir, config.databaseUrl)
  try {
    await requireThisSchema(db)
    await requireWhole(db)
    const from = config.databaseUrl === undefined ? 'sqlite' : 'postgres'
    await writeBackup(db, path, { made_at: now.toISOString(), version: VERSION, from }, onCopied)
  } finally {
    await close()
  }
  return examineBackup(path)
}

/** Says what is in a backup. Throws when it is none, or damaged. */
export async function examineBackup(path: string): Promise<BackupContents> {
  const { db, note, close } = await openBackup(path)
  try {
    return { ...note, ...(await countAll(db)) }
  } finally {
    await close()
  }
}

/** Refuses a database that is only a part of a copy, or a backup that was put into place without a restore. */
export async function requireWhole(db: Db): Promise<void> {
  const note = await readNote(db)
  if (note !== undefined) {
    throw new Error(
      `the database is a backup of ${note.made_at} that was put into place as it is: what was revoked since would be good ` +
        'again. Move it away, and bring it in by: countersign restore <file>',
    )
  }
  const filling = await fillingOf(db)
  if (filling === undefined) return
  throw new Error(
    `the database is being filled from ${filling}, and is not whole. Give the same command once more: it goes on where it ` +
      'stopped. Or make the database anew',
  )
}

async function requireThisSchema(db: Db): Promise<void> {
  const { missing, newer } = await readSchemaState(db)
  if (newer.length > 0)
    throw new Error(`the database is of a newer version (${newer.join(', ')}): use that version's command`)
  if (missing.length > 0) {
    throw new Error(`the database is of an older version (it lacks ${missing.join(', ')}): use that version's command`)
  }
}

export function noDataIn(dataDir: string): string {
  return `there is no Countersign data in ${dataDir}. Name it: --data-dir <path>, or COUNTERSIGN_DATABASE_URL`
}
