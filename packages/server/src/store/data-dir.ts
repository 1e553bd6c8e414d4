import { Database as SqliteFile } from 'bun:sqlite'
import { closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { resolve } from 'node:path'

export type TakenDataDir = {
  release(): void
  /** Its mode, like `755`, when others than its owner may enter it: it was there before. Undefined: nobody may. */
  readonly othersMay: string | undefined
}

/**
 * Makes the data directory where there is none, and takes it for this process until it ends, however it ends.
 *
 * Security: two servers on one directory would each hold their own directory of rights in memory, and what one of
 * them revoked would pass at the other until its next poll. The lock is an open transaction on a file of its own:
 * the operating system releases it with the process, so a crash leaves nothing to clean up.
 */
export function takeDataDir(dataDir: string): TakenDataDir {
  const path = resolve(dataDir)
  const file = writing(path, () => {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    closeSync(openSync(`${path}/lock`, 'a', 0o600))
    return new SqliteFile(`${path}/lock`, { create: true, readwrite: true })
  })
  try {
    file.run('pragma busy_timeout = 0')
    file.run('begin exclusive')
  } catch (error) {
    file.close()
    if (!isBusy(error)) throw error
    throw new Error(
      `another server uses the data directory ${path}. Stop it, or choose another: COUNTERSIGN_DATA_DIR. ` +
        'Two servers on one directory would let a revoked key pass',
    )
  }
  const mode = statSync(path).mode & 0o777
  return { release: () => file.close(), othersMay: (mode & 0o077) === 0 ? undefined : mode.toString(8) }
}

function writing<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new Error(
      `the data directory ${path} cannot be written (${code}). Give it to the user that runs the server, ` +
        'or choose another: COUNTERSIGN_DATA_DIR',
    )
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY'
}
