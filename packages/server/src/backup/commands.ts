import type { Config } from '../config.ts'
import type { OnCopied } from '../store/copying.ts'
import { type BackupContents, backUp } from './back-up.ts'
import { type Migrated, migrateData } from './migrate-data.ts'
import { type ReckoningFor, type Restored, restore } from './restore.ts'

export { examineBackup } from './back-up.ts'

// What the command line calls. Each throws an error whose message says what to do.

/** Told how far a long work is: which part of it, and how many rows. */
export type OnProgress = (part: 'copied' | 'compared', table: string, rows: number) => void

const clock = () => new Date()
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

export function backUpDatabase(config: Config, path: string, onProgress: OnProgress): Promise<BackupContents> {
  return backUp(config, path, clock(), told('copied', onProgress))
}

export function restoreDatabase(
  config: Config,
  path: string,
  reckoningFor: ReckoningFor,
  onProgress: OnProgress,
): Promise<Restored> {
  return restore(config, path, reckoningFor, { clock, random, onCopied: told('copied', onProgress) })
}

export function migrateDatabaseData(config: Config, onProgress: OnProgress): Promise<Migrated> {
  const [onCopied, onRead] = [told('copied', onProgress), told('compared', onProgress)]
  return migrateData(config, { clock, random, onCopied, onRead })
}

function told(part: 'copied' | 'compared', onProgress: OnProgress): OnCopied {
  return (table, rows) => onProgress(part, table, rows)
}
