import { type Command, Option } from 'commander'
import { ConfigurationError } from '../exit.ts'
import { examples } from '../options.ts'
import { flagOf, isSecret, type ServerModule, type ServerOption, variableOf } from '../server-module.ts'
import { openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'

/** The commands that run on the server's own host. `server` is there when one of them is on the command line. */
export function addServerCommands(program: Command, terminal: Terminal, server: ServerModule | undefined): void {
  const add = (name: string, description: string, work: Work) =>
    addServerCommand(program.command(name).description(description), terminal, server, work)

  const serve = add('serve', 'run the server until it is asked to stop', async (use, config) => {
    const running = await use.startServer(config, { stdoutIsTerminal: terminal.stdoutIsTerminal })
    if (terminal.stdoutIsTerminal) terminal.err(`Countersign listens at ${running.url}. Stop it with Ctrl+C.\n`)
    await terminal.stopRequested()
    await running.stop()
  })
  examples(serve, ['countersign serve', 'COUNTERSIGN_LISTEN=127.0.0.1:9000 countersign serve'])

  const migrate = add('migrate', 'bring the database to this version', async (use, config, self) => {
    const answer = await use.migrateDatabase(config)
    const { print, hint } = openSession(terminal, self)
    print(answer, () => answer.applied.map((name) => `applied ${name}\n`).join(''))
    if (answer.applied.length === 0) hint('The database is up to date.')
  })
  examples(migrate, ['countersign migrate', 'COUNTERSIGN_DATA_DIR=/var/lib/countersign countersign migrate'])

  const adminKey = add('admin-key', 'make a new admin key, when all are lost', async (use, config, self) => {
    const made = await use.makeAdminKey(config)
    const { print, hint } = openSession(terminal, self)
    hint(`Admin key ${made.id}. It is shown once:`)
    print(made, () => `${made.key}\n`)
  })
  examples(adminKey, ['countersign admin-key', 'countersign admin-key > admin.key'])
}

type Work = (server: ServerModule, config: unknown, self: Command) => Promise<void>

/** Gives a command every option of the server that is no secret, reads the configuration and does the work with it. */
function addServerCommand(self: Command, terminal: Terminal, server: ServerModule | undefined, work: Work): Command {
  const options = server?.OPTIONS ?? []
  const flags = [CONFIG_FILE, ...options.filter((option) => !isSecret(option))].map(
    (option) => [option, toFlag(option)] as const,
  )
  for (const [, flag] of flags) self.addOption(flag)
  const secrets = options.filter(isSecret).map((option) => {
    return `  ${variableOf(option)} or ${variableOf(option)}_FILE\n      ${option.doc}`
  })
  if (secrets.length > 0) self.addHelpText('after', `\nSecrets, never on the command line:\n${secrets.join('\n')}`)
  return self.action(async () => {
    if (server === undefined) throw new Error(`${self.name()}: the server was not loaded`)
    const given = flags.flatMap(([option, flag]) => {
      const value: unknown = self.getOptionValue(flag.attributeName())
      return typeof value === 'string' ? [[option.name, value]] : []
    })
    const sources = { env: terminal.env, flags: Object.fromEntries(given), readFile: terminal.readFile }
    const parsed = server.parseConfig(sources)
    if ('problems' in parsed) throw new ConfigurationError(parsed.problems)
    await work(server, parsed.config, self)
  })
}

/** Where the others may stand; itself it stands in no file. */
const CONFIG_FILE: ServerOption = { name: 'config', type: 'path', default: undefined, doc: 'A YAML file of options.' }

function toFlag(option: ServerOption): Option {
  const byDefault = option.default === undefined ? '' : `, default ${option.default}`
  return new Option(`${flagOf(option)} <${option.type}>`, `${option.doc} (${variableOf(option)}${byDefault})`)
}
