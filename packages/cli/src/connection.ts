import { UsageError } from './exit.ts'
import type { Terminal } from './terminal.ts'

export const DEFAULT_SERVER = 'http://127.0.0.1:8420'

export type ConnectionOptions = { readonly server?: string; readonly keyFile?: string }

/** Where the calls go, and what they are made with. Keys come from files and the environment, never from arguments:
 *  those are seen by every process on the machine and kept by the shell. */
export type Connection = {
  readonly server: string
  readonly key: string | undefined
  /** What to tell whose key is not believed. */
  readonly keySource: string | undefined
}

export function findConnection(terminal: Terminal, options: ConnectionOptions): Connection {
  const server = options.server ?? (terminal.env.COUNTERSIGN_SERVER || DEFAULT_SERVER)
  if (!URL.canParse(server) || !/^https?:\/\//.test(server)) {
    throw new UsageError(`--server or COUNTERSIGN_SERVER: expected an http(s) URL like ${DEFAULT_SERVER}.`)
  }
  return { server, ...findKey(terminal, options.keyFile, isLoopback(server)) }
}

function findKey(terminal: Terminal, keyFile: string | undefined, local: boolean): Omit<Connection, 'server'> {
  const { env } = terminal
  if (keyFile !== undefined) return fromFile(terminal, '--key-file', keyFile)
  if (env.COUNTERSIGN_KEY) return { key: checked('COUNTERSIGN_KEY', env.COUNTERSIGN_KEY), keySource: 'COUNTERSIGN_KEY' }
  if (env.COUNTERSIGN_KEY_FILE) return fromFile(terminal, 'COUNTERSIGN_KEY_FILE', env.COUNTERSIGN_KEY_FILE)

  // The key of the first run. Security: only for a server on this machine, or a data directory that happens to be
  // here would give its administrator's key to whatever --server names.
  const path = `${env.COUNTERSIGN_DATA_DIR || './data'}/admin-key`
  const text = local ? readIfThere(terminal, path) : undefined
  return text === undefined ? { key: undefined, keySource: undefined } : { key: checked(path, text), keySource: path }
}

function fromFile(terminal: Terminal, option: string, path: string): Omit<Connection, 'server'> {
  const text = readIfThere(terminal, path)
  if (text === undefined) throw new UsageError(`${option}: there is no file ${path}.`)
  return { key: checked(path, text), keySource: path }
}

function readIfThere(terminal: Terminal, path: string): string | undefined {
  try {
    return terminal.readFile(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') return undefined
    throw new UsageError(
      `The key file ${path} cannot be read (${String(code)}). Run as the user who owns it, or use --key-file.`,
    )
  }
}

/** A key is one line without spaces. What is in it is not said: it may be half a secret. */
function checked(source: string, text: string): string {
  const key = text.trim()
  if (!/^[\x21-\x7e]+$/.test(key)) throw new UsageError(`${source}: expected one key, in one line.`)
  return key
}

function isLoopback(server: string): boolean {
  const { hostname } = new URL(server)
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}
