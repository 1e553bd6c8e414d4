import { resolve } from 'node:path'
import { type Context, chosenContext } from './contexts.ts'
import { ConfigurationError, UsageError } from './exit.ts'
import { isLoopback } from './loopback.ts'
import type { Terminal } from './terminal.ts'

export const DEFAULT_SERVER = 'http://127.0.0.1:8420'

export type ConnectionOptions = { readonly server?: string; readonly keyFile?: string; readonly context?: string }

/** Where the calls go, and what they are made with. Keys come from files and the environment, never from arguments:
 *  those are seen by every process on the machine and kept by the shell. */
export type Connection = { readonly server: string } & FoundKey

type FoundKey = {
  readonly key: string | undefined
  /** What to tell whose key is not believed: where it came from, or in a sentence why there is none. */
  readonly keySource: string
}

/** The server of this machine, as far as its own settings say. */
type LocalServer = { readonly url: string; readonly dataDir: string }

export async function findConnection(terminal: Terminal, options: ConnectionOptions): Promise<Connection> {
  const context = contextFor(terminal, options)
  if (context !== undefined) return inContext(terminal, context, options)
  const named = namedServer(terminal, options)
  const given = givenKey(terminal, options.keyFile)
  if (named !== undefined && given !== undefined) return { server: named, ...given }
  const local = await findLocalServer(terminal)
  const server = named ?? local.url
  return { server, ...(given ?? adminKey(terminal, local.dataDir, isLoopback(server))) }
}

/** Where calls go that no key is sent with: none is looked for, so that nothing about one can be wrong. */
export async function findServer(terminal: Terminal, options: ConnectionOptions): Promise<string> {
  const context = contextFor(terminal, options)
  if (context !== undefined) return context.server
  return namedServer(terminal, options) ?? (await findLocalServer(terminal)).url
}

type ChosenContext = Context & { readonly name: string; readonly isNamed: boolean }

/**
 * The context that says where calls go: one that is named at the command, else in the environment, else the current one,
 * unless the command or the environment names a server, or says where that of this machine is.
 */
function contextFor(terminal: Terminal, { server, context }: ConnectionOptions): ChosenContext | undefined {
  const { env } = terminal
  if (context !== undefined && server !== undefined)
    throw new UsageError('--server and --context: expected one of them.')
  if (context !== undefined) return named(terminal, context)
  if (server !== undefined) return undefined
  if (env.COUNTERSIGN_CONTEXT && env.COUNTERSIGN_SERVER) {
    throw new UsageError('COUNTERSIGN_SERVER and COUNTERSIGN_CONTEXT: expected one of them.')
  }
  if (env.COUNTERSIGN_CONTEXT) return named(terminal, env.COUNTERSIGN_CONTEXT)
  // Security: an empty variable is a choice that did not arrive. Nothing is done at another server by that.
  const empty = ['COUNTERSIGN_CONTEXT', ...LOCAL].find((variable) => env[variable] === '')
  if (empty !== undefined) throw new UsageError(`${empty} is set, but empty.`)
  if (LOCAL.some((variable) => env[variable])) return undefined
  const current = chosenContext(terminal, undefined)
  return current && { ...current, isNamed: false }
}

/** What says where a server is: these count more than the context that happens to be current. */
const LOCAL = ['COUNTERSIGN_SERVER', 'COUNTERSIGN_LISTEN', 'COUNTERSIGN_DATA_DIR', 'COUNTERSIGN_CONFIG']

function named(terminal: Terminal, name: string): ChosenContext | undefined {
  const context = chosenContext(terminal, name)
  return context && { ...context, isNamed: true }
}

/** Security: the key of a context goes to its own server alone, and no other key takes its place by itself. */
function inContext(terminal: Terminal, context: ChosenContext, { keyFile }: ConnectionOptions): Connection {
  const { server, name } = context
  const given =
    keyFile !== undefined || !context.isNamed || context.keyFile === undefined ? givenKey(terminal, keyFile) : undefined
  if (given !== undefined) return { server, ...given }
  if (context.keyFile === undefined)
    return { server, key: undefined, keySource: `The context ${name} has no key_file.` }
  return { server, ...fromFile(terminal, `The context ${name}`, context.keyFile) }
}

function namedServer({ env }: Terminal, options: Pick<ConnectionOptions, 'server'>): string | undefined {
  const named = options.server ?? (env.COUNTERSIGN_SERVER || undefined)
  if (named === undefined || (URL.canParse(named) && /^https?:\/\//.test(named))) return named
  throw new UsageError(`--server or COUNTERSIGN_SERVER: expected an http(s) URL like ${DEFAULT_SERVER}.`)
}

function givenKey(terminal: Terminal, keyFile: string | undefined): FoundKey | undefined {
  const { COUNTERSIGN_KEY: key, COUNTERSIGN_KEY_FILE: file } = terminal.env
  if (keyFile !== undefined) return fromFile(terminal, '--key-file', keyFile)
  if (key) return { key: checked('COUNTERSIGN_KEY', key), keySource: 'COUNTERSIGN_KEY' }
  if (file) return fromFile(terminal, 'COUNTERSIGN_KEY_FILE', file)
  // Security: an empty variable is a secret that did not arrive. Nobody becomes this machine's administrator by that.
  const empty = key === '' ? 'COUNTERSIGN_KEY' : file === '' ? 'COUNTERSIGN_KEY_FILE' : undefined
  return empty === undefined ? undefined : { key: undefined, keySource: `${empty} is set, but empty.` }
}

/** The key of the first run. Security: only for a server on this machine, or a data directory that happens to be
 *  here would give its administrator's key to whatever --server names. */
function adminKey(terminal: Terminal, dataDir: string, local: boolean): FoundKey {
  const path = `${dataDir}/admin-key`
  const unset = 'Neither COUNTERSIGN_KEY nor COUNTERSIGN_KEY_FILE is set, and'
  if (!local) {
    return { key: undefined, keySource: `${unset} ${resolve(path)} is used for a server at a loopback address alone.` }
  }
  const text = readIfThere(terminal, path)
  if (text === undefined) return { key: undefined, keySource: `${unset} there is no file ${resolve(path)}.` }
  return { key: checked(path, text), keySource: resolve(path) }
}

/** What the settings of a server say that was or would be started with this environment. */
async function findLocalServer({ env, readFile, loadServer }: Terminal): Promise<LocalServer> {
  const { COUNTERSIGN_CONFIG: file, COUNTERSIGN_LISTEN: listen, COUNTERSIGN_DATA_DIR: dataDir } = env
  if (!file) {
    const [, hostname, port] = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})$/.exec(listen || '') ?? []
    if (listen && hostname === undefined) throw new UsageError('COUNTERSIGN_LISTEN: expected host:port.')
    return { url: urlOf(hostname, Number(port)), dataDir: dataDir || './data' }
  }
  const { parseConfig } = await loadServer()
  const parsed = parseConfig({
    env,
    flags: {},
    // The secrets are not needed here, and not everyone who asks the server something may read them.
    readFile: (path) => (path === file ? readFile(path) : ANY_SECRET),
  })
  if ('config' in parsed) {
    const { listen, dataDir } = parsed.config
    return { url: urlOf(listen.hostname, listen.port), dataDir }
  }
  const instead = 'Or name the server and the key yourself: --server <url> --key-file <path>'
  throw new ConfigurationError([...parsed.problems, instead])
}

/** Acceptable as every kind of secret. */
const ANY_SECRET = `${'A'.repeat(43)}=`

/** A server that listens everywhere is called at the loopback address. */
function urlOf(hostname: string | undefined, port: number): string {
  if (hostname === undefined || port === 0) return DEFAULT_SERVER
  const everywhere: Record<string, string> = { '0.0.0.0': '127.0.0.1', '[::]': '[::1]' }
  return `http://${everywhere[hostname] ?? hostname}:${port}`
}

function fromFile(terminal: Terminal, option: string, path: string): FoundKey {
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
  if (!/^[\x21-\x7e]+$/.test(key)) throw new UsageError(`${source}: expected one key or token, in one line.`)
  return key
}
