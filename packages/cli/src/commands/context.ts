import { resolve } from 'node:path'
import type { Command } from 'commander'
import {
  type Context,
  contextsPath,
  isServer,
  readContexts,
  requireContext,
  requireContextName,
  writeContexts,
} from '../contexts.ts'
import { UsageError } from '../exit.ts'
import { isLoopback } from '../loopback.ts'
import { examples } from '../options.ts'
import { openSession } from '../session.ts'
import { details, table } from '../table.ts'
import type { Terminal } from '../terminal.ts'

const EMPTY =
  'No contexts. Add one: countersign context add production --server https://auth.example.com --key-file ops.key'

/** Names for servers, so that none has to be written out at each command. */
export function addContextCommands(program: Command, terminal: Terminal): void {
  const context = program.command('context').description('names for the servers that you speak to, each with its key')
  examples(context, ['countersign context list', 'countersign context use production'])

  const list = context.command('list').description('list the contexts')
  list.action((_options: object, command: Command) => {
    const { print, hint } = openSession(terminal, command)
    const { current, byName } = readContexts(terminal)
    const rows = [...byName].map(([name, said]) => ({ name, ...shown(said), current: name === current }))
    print(rows, () =>
      rows.length === 0
        ? ''
        : table(terminal, rows, [
            ['name', (row) => (row.current ? `${row.name} (current)` : row.name)],
            ['server', (row) => row.server],
            ['key file', (row) => row.key_file ?? 'none'],
          ]),
    )
    if (rows.length === 0) hint(EMPTY)
  })
  examples(list, ['countersign context list', 'countersign context list --json'])

  const show = context.command('show [name]').description('show a context; without a name, the current one')
  show.action((name: string | undefined, _options: object, command: Command) => {
    const { print, hint } = openSession(terminal, command)
    const contexts = readContexts(terminal)
    const chosen = name ?? contexts.current
    if (chosen === undefined) {
      print(null, () => '')
      return hint('No context is current: commands go to the server of this machine.')
    }
    const said = { name: chosen, ...shown(requireContext(contexts, chosen)) }
    print(said, () =>
      details(terminal, [
        ['name', said.name],
        ['server', said.server],
        ['key file', said.key_file ?? 'none'],
        ['kept in', contextsPath(terminal) ?? ''],
      ]),
    )
  })
  examples(show, ['countersign context show', 'countersign context show production'])

  const add = context
    .command('add <name>')
    .description('add a context, or change it; the first one is current at once')
    .action((name: string, _options: object, command: Command) => {
      // These two are options of every command: here they say what is kept.
      const { server, keyFile } = command.optsWithGlobals<{ server?: string; keyFile?: string }>()
      if (server === undefined || !isServer(server)) {
        throw new UsageError('Name the server, without user, query and fragment: --server https://auth.example.com')
      }
      if (keyFile !== undefined && !terminal.exists(keyFile))
        throw new UsageError(`--key-file: there is no file ${keyFile}.`)
      const { current, byName } = readContexts(terminal)
      const said = { server: server.replace(/\/+$/, ''), keyFile: keyFile === undefined ? undefined : resolve(keyFile) }
      const all = new Map([...byName, [requireContextName(name), said]])
      writeContexts(terminal, { current: current ?? name, byName: all })
      const { print, hint } = openSession(terminal, command)
      print({ name, ...shown(said) }, () => `${byName.has(name) ? 'Changed' : 'Added'} context ${name}.\n`)
      if (current === undefined) hint(`It is current: commands go to ${said.server}.`)
      else if (current !== name)
        hint(`To use it: countersign context use ${name}, or --context ${name} at one command.`)
      if (keyFile !== undefined && server.startsWith('http:') && !isLoopback(server))
        hint('Without https whoever is on the way can read the key, and use it.')
      if (keyFile === undefined) hint('It has no key: give --key-file, or set COUNTERSIGN_KEY at each command.')
    })
  examples(add, [
    'countersign context add production --server https://auth.example.com --key-file ~/keys/production.key',
  ])

  const use = context.command('use <name>').description('have commands go there from now on')
  use.action((name: string, _options: object, command: Command) => {
    const contexts = readContexts(terminal)
    const said = requireContext(contexts, name)
    writeContexts(terminal, { ...contexts, current: name })
    openSession(terminal, command).print({ name, ...shown(said) }, () => `Commands go to ${said.server} from now on.\n`)
  })
  examples(use, ['countersign context use production'])

  const unset = context.command('unset').description('have commands go to the server of this machine again')
  unset.action((_options: object, command: Command) => {
    writeContexts(terminal, { ...readContexts(terminal), current: undefined })
    openSession(terminal, command).print(null, () => 'No context is current.\n')
  })
  examples(unset, ['countersign context unset'])

  const remove = context.command('remove <name>').description('forget a context; the file of its key stays')
  remove.action((name: string, _options: object, command: Command) => {
    const contexts = readContexts(terminal)
    requireContext(contexts, name)
    const byName = new Map([...contexts.byName].filter(([other]) => other !== name))
    writeContexts(terminal, { current: contexts.current === name ? undefined : contexts.current, byName })
    openSession(terminal, command).print(null, () => `Removed context ${name}.\n`)
  })
  examples(remove, ['countersign context remove production'])
}

function shown({ server, keyFile }: Context): { server: string; key_file: string | null } {
  return { server, key_file: keyFile ?? null }
}
