import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Works in a temporary directory that is gone afterwards, also when the bench is interrupted. */
export async function inTemporaryDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  const stop = () => process.exit(130)
  process.once('exit', remove)
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    return await work(directory)
  } finally {
    remove()
    process.off('exit', remove)
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}
