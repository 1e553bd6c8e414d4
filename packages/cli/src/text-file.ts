import { UsageError } from './exit.ts'
import type { Terminal } from './terminal.ts'

/** The text of a file that the command line names, by `option` if there is one; `-` is stdin. */
export async function readTextFile(terminal: Terminal, path: string, option?: string): Promise<string> {
  if (path === '-') return terminal.readStdin()
  try {
    return terminal.readFile(path)
  } catch {
    throw new UsageError(`${option === undefined ? 'The' : `${option}: the`} file ${path} cannot be read.`)
  }
}
