import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { declareAtStart } from '../apply/at-start.ts'
import { UsageError } from '../exit.ts'
import { requireShown } from '../issued.ts'
import { examples } from '../options.ts'
import type { ServerModule } from '../server-module.ts'
import { addServerOptions, type ServerConfig } from '../server-options.ts'
import { openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'

/** Every command here takes every option, so that the same words do for all; the help of some shows what matters. */
const FOR_ADMIN_KEY = ['data_dir', 'database_url', 'kek']

/** The commands that run on the server's own host. `server` is there when one of them is on the command line. */
export function addServerCommands(program: Command, terminal: Terminal, server: ServerModule | undefined): void {
  const add = (name: string, description: string, work: Work, shown?: readonly string[]) =>
    addServerCommand(program.command(name).description(description), terminal, server, work, shown)

  const serve = add('serve', 'run the server until it is asked to stop', async (use, config) => {
    const { stdoutIsTerminal, out } = terminal
    const stopRequested = terminal.stopRequested()
    const { declaredFile } = config
    const declare = declaredFile === undefined ? undefined : declareAtStart(terminal, declaredFile)
    const stopping = new AbortController()
    void stopRequested.then(() => stopping.abort())
    const say = (text: string) => out(`${text}\n`)
    const running = await use.startServer(config, { stdoutIsTerminal, say, declare, stopped: stopping.signal })
    if (terminal.stdoutIsTerminal) terminal.err(`Countersign listens at ${running.url}. Stop it with Ctrl+C.\n`)
    await stopRequested
    await running.stop()
    if (terminal.stdoutIsTerminal) terminal.err('Stopped.\n')
  })
  examples(serve, [
    'countersign serve',
    'COUNTERSIGN_LISTEN=127.0.0.1:9000 countersign serve',
    'countersign serve --apply countersign.yaml',
  ])

  const migrate = add('migrate', 'bring the database to this version', async (use, config, self) => {
    const answer = await use.migrateDatabase(config)
    const { print, hint } = openSession(terminal, self)
    print(answer, () => answer.applied.map((name) => `applied ${name}\n`).join(''))
    if (answer.applied.length === 0) hint('The database is up to date.')
  })
  examples(migrate, ['countersign migrate', 'COUNTERSIGN_DATA_DIR=/var/lib/countersign countersign migrate'])

  const newAdminKey: Work = async (use, config, self) => {
    // Opening an embedded database makes it: a key in a new one would open nothing.
    if (config.databaseUrl === undefined && !terminal.exists(join(config.dataDir, 'countersign.db'))) {
      throw new UsageError(
        `There is no Countersign data in ${resolve(config.dataDir)}. Name it: --data-dir <path>, or COUNTERSIGN_DATABASE_URL`,
      )
    }
    const made = await use.makeAdminKey(config)
    const { print, hint } = openSession(terminal, self)
    hint(`Admin key ${made.id}. It is shown once:`)
    print(made, () => `${made.key}\n`)
    await requireShown(terminal, `admin key ${made.id}`, made.id)
    if (made.enabled !== undefined) hint(`Its client ${made.enabled} was disabled, and is enabled again.`)
    hint('To use it: export COUNTERSIGN_KEY=<the key>, or COUNTERSIGN_KEY_FILE=<the file that it is in>')
    hint(
      'If another one may have got into wrong hands: countersign key list countersign-admin, countersign revoke <id>',
    )
  }
  const adminKey = add('admin-key', 'make a new admin key, when all are lost', newAdminKey, FOR_ADMIN_KEY)
  examples(adminKey, ['countersign admin-key', 'countersign admin-key > admin.key'])
}

type Work = (server: ServerModule, config: ServerConfig, self: Command) => Promise<void>

/** Gives a command every option of the server that is no secret, reads the configuration and does the work with it. */
function addServerCommand(
  self: Command,
  terminal: Terminal,
  server: ServerModule | undefined,
  work: Work,
  shown?: readonly string[],
): Command {
  const read = addServerOptions(self, terminal, server, shown)
  return self.action(async () => {
    const { use, config } = read()
    await work(use, config, self)
  })
}
