import { type ApiClient, ApiError, apiClient, type Page } from '@countersign/admin-api'
import type { Command } from 'commander'
import { type ConnectionOptions, findConnection, findServer } from './connection.ts'
import { eachCursorOnce } from './cursors.ts'
import { CallError, UsageError } from './exit.ts'
import { fetchDirectly } from './fetch-directly.ts'
import { present } from './options.ts'
import { type Column, table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { plain } from './text.ts'

export type GlobalOptions = ConnectionOptions & { readonly json?: true }

/** What a command works with: the way out, and for those that need it the way to the server. */
export type Session = {
  readonly terminal: Terminal
  readonly json: boolean
  /** Prints the body for programs (`--json`) or the text for people. */
  print(body: unknown, text: () => string): void
  /** A hint for people, on stderr, so that stdout holds results alone. */
  hint(text: string): void
}
export type OnlineSession = Session & {
  /** Where it is spoken to, without a slash at its end. */
  readonly server: string
  readonly api: ApiClient
  /** The newest revision that an answer to a change named; undefined: nothing was changed, or an older server does not say. */
  changedAt(): number | undefined
}

export function openSession(terminal: Terminal, command: Command): Session {
  const json = command.optsWithGlobals<GlobalOptions>().json === true
  return {
    terminal,
    json,
    print: (body, text) => terminal.out(json ? `${JSON.stringify(body, null, 2)}\n` : text()),
    // Much of it came from the server, and nothing in it is painted.
    hint: (text) => (json ? undefined : terminal.err(`${text.split('\n').map(plain).join('\n')}\n`)),
  }
}

/** Runs what speaks to the server; a failed call is told together with the key it was made with. */
export async function online(
  terminal: Terminal,
  command: Command,
  work: (session: OnlineSession) => Promise<void>,
): Promise<void> {
  const { server, key, keySource } = await findConnection(terminal, command.optsWithGlobals<GlobalOptions>())
  let changedAt: number | undefined
  const onRevision = (revision: number) => {
    changedAt = Math.max(revision, changedAt ?? 0)
  }
  const api = apiClient({ server, key, onRevision, fetch: fetchDirectly })
  try {
    await work({ ...openSession(terminal, command), server: bare(server), api, changedAt: () => changedAt })
  } catch (error) {
    throw error instanceof ApiError ? new CallError(error, key !== undefined, keySource) : error
  }
}

/** Runs what needs no key, and sends none: one that is no longer believed would be refused even there. */
export async function asStranger(
  terminal: Terminal,
  command: Command,
  work: (session: OnlineSession) => Promise<void>,
): Promise<void> {
  const server = await findServer(terminal, command.optsWithGlobals<GlobalOptions>())
  await work({
    ...openSession(terminal, command),
    server: bare(server),
    api: apiClient({ server, fetch: fetchDirectly }),
    changedAt: () => undefined,
  })
}

function bare(server: string): string {
  return server.replace(/\/+$/, '')
}

/** Prints one page, and how to see the next. */
export function printPage<Item>(
  session: Session,
  command: Command,
  page: Page<Item>,
  shape: readonly Column<Item>[],
  empty: string,
): void {
  if (page.items.length === 0) {
    session.print(page, () => '')
    session.hint(empty)
    return
  }
  session.print(page, () => table(session.terminal, page.items, shape))
  if (page.next_cursor !== null) session.hint(`More: ${asCalled(command)} --cursor ${page.next_cursor}`)
}

/** Every item of a list, page by page. */
export async function all<Item>(
  list: (page: { limit: number; cursor?: string }) => Promise<Page<Item>>,
  from?: string,
  onRead: (count: number) => void = () => undefined,
): Promise<Item[]> {
  const items: Item[] = []
  const once = eachCursorOnce()
  let cursor: string | null | undefined = from
  while (cursor !== null) {
    const page = await list({ limit: 200, ...present({ cursor }) })
    items.push(...page.items)
    cursor = once(page.next_cursor)
    onRead(items.length)
  }
  return items
}

/** What only adds to an answer is left out, undefined, where this key may not read it. */
export async function unlessForbidden<Answer>(call: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return undefined
    throw error
  }
}

/** The command line of this list, but for where the page began. */
function asCalled(command: Command): string {
  const options = command.options.flatMap((option) => {
    const value: unknown = command.getOptionValue(option.attributeName())
    if (value === true) return [`${option.long}`]
    return typeof value === 'string' && option.attributeName() !== 'cursor' ? [`${option.long} ${value}`] : []
  })
  return [commandPath(command), ...command.args, ...options].join(' ')
}

function commandPath(command: Command): string {
  return command.parent === null ? command.name() : `${commandPath(command.parent)} ${command.name()}`
}

/** That of a client's own key is its thumbprint (RFC 7638). */
const PUBLIC_ID = /^([a-z]+_[0-9A-Za-z]+|jwk_[0-9A-Za-z_-]{43})$/

/** The public id of a credential. Security: whoever pastes the credential itself is stopped before it gets into a URL. */
export function requirePublicId(text: string): string {
  if (!PUBLIC_ID.test(text)) {
    throw new UsageError(
      'Expected the public id of a credential, like key_01J… or pat_01J…, not the credential itself. See: countersign key list, countersign pat list',
    )
  }
  return text
}
