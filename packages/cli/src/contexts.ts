import { dirname, isAbsolute, join, resolve } from 'node:path'
import { parse, stringify } from 'yaml'
import { UsageError } from './exit.ts'
import type { Terminal } from './terminal.ts'

/** A server, and the file of the key that it is spoken to with. */
export type Context = { readonly server: string; readonly keyFile: string | undefined }

export type Contexts = { readonly current: string | undefined; readonly byName: ReadonlyMap<string, Context> }

const NAME = /^[a-z0-9][a-z0-9._@-]{0,62}$/
const FIELDS = new Set(['current', 'contexts'])
const FIELDS_OF_ONE = new Set(['server', 'key_file'])

/** Where contexts are kept, by the XDG Base Directory Specification. Undefined: this user has no home. */
export function contextsPath({ env }: Pick<Terminal, 'env'>): string | undefined {
  const { XDG_CONFIG_HOME: config, HOME: home } = env
  const directory = config && isAbsolute(config) ? config : home ? join(home, '.config') : undefined
  return directory && join(directory, 'countersign', 'config.yaml')
}

/**
 * Reads the contexts of this user; none where there is no file.
 *
 * Security: whoever can write it can have the key of one server sent to another. One that others may write to is refused.
 */
export function readContexts(terminal: Terminal): Contexts {
  const path = contextsPath(terminal)
  if (path === undefined || !terminal.exists(path)) return { current: undefined, byName: new Map() }
  const mode = terminal.modeOf(path)
  if (mode !== undefined && (mode & 0o022) !== 0) {
    throw new UsageError(`${path}: others may write to it, and so send your keys elsewhere. Run: chmod 600 ${path}`)
  }
  const folder = dirname(path)
  if (((terminal.modeOf(folder) ?? 0) & 0o022) !== 0 || !terminal.isOwn(path)) {
    throw new UsageError(
      `${path}: it is somebody else’s, or others may put another in its place. It has to be yours, as its folder: chmod 700 ${folder}`,
    )
  }
  return parseContexts(path, terminal.readFile(path))
}

/** Writes the contexts, for their owner alone. */
export function writeContexts(terminal: Terminal, { current, byName }: Contexts): void {
  const contexts = Object.fromEntries(
    [...byName].map(([name, { server, keyFile }]) => [name, { server, ...(keyFile && { key_file: keyFile }) }]),
  )
  terminal.writeFile(requirePath(terminal), stringify({ ...(current && { current }), contexts }))
}

/** The context that a command is for; undefined: none was chosen. */
export function chosenContext(terminal: Terminal, named: string | undefined): (Context & { name: string }) | undefined {
  const contexts = readContexts(terminal)
  const name = named ?? contexts.current
  if (name === undefined) return undefined
  return { name, ...requireContext(contexts, name) }
}

export function requireContext({ byName }: Contexts, name: string): Context {
  const context = byName.get(name)
  if (context !== undefined) return context
  const known =
    byName.size === 0 ? 'There is none yet: countersign context add' : `Known: ${[...byName.keys()].join(', ')}`
  throw new UsageError(`There is no context "${name}". ${known}`)
}

export function requireContextName(text: string): string {
  if (NAME.test(text)) return text
  throw new UsageError('Expected a name of 1 to 63 of a-z 0-9 . _ @ -, beginning with a letter or digit.')
}

function requirePath(terminal: Terminal): string {
  const path = contextsPath(terminal)
  if (path === undefined) throw new UsageError('There is no place for contexts: set HOME or XDG_CONFIG_HOME.')
  return path
}

function parseContexts(path: string, text: string): Contexts {
  const wrong = (what: string) => new UsageError(`${path}: ${what}`)
  let value: unknown
  try {
    value = parse(text, { maxAliasCount: 0 }) ?? {}
  } catch {
    throw wrong('it is not YAML')
  }
  if (!isObject(value)) throw wrong('expected "current" and "contexts"')
  const { current, contexts = {} } = value
  const unknown = Object.keys(value).find((field) => !FIELDS.has(field))
  if (unknown !== undefined) throw wrong(`unknown field "${unknown}"`)
  if (current !== undefined && typeof current !== 'string') throw wrong('current: expected the name of a context')
  if (!isObject(contexts)) throw wrong('contexts: expected one for each name')
  const byName = new Map<string, Context>()
  for (const [name, said] of Object.entries(contexts)) {
    const at = `contexts.${name}`
    if (!NAME.test(name) || !isObject(said)) throw wrong(`${at}: expected a name, and "server" and "key_file" under it`)
    const other = Object.keys(said).find((field) => !FIELDS_OF_ONE.has(field))
    if (other !== undefined)
      throw wrong(
        `${at}: unknown field "${other}"${/key|token|secret/.test(other) ? '. A key stands in a file of its own: key_file' : ''}`,
      )
    const { server, key_file: keyFile } = said
    if (typeof server !== 'string' || !isServer(server)) {
      throw wrong(`${at}.server: expected an http(s) URL, without user, query and fragment`)
    }
    if (keyFile !== undefined && (typeof keyFile !== 'string' || keyFile === ''))
      throw wrong(`${at}.key_file: expected a path`)
    byName.set(name, { server, keyFile: keyFile === undefined ? undefined : resolve(dirname(path), keyFile) })
  }
  if (current !== undefined && !byName.has(current)) throw wrong(`current: there is no context "${current}"`)
  return { current, byName }
}

/** Whether calls can go there. With a user in it, the password would be shown wherever the server is named. */
export function isServer(text: string): boolean {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false
  const { username, password, search, hash } = new URL(text)
  return [username, password, search, hash].every((part) => part === '')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
