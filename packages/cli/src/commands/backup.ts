import { resolve } from 'node:path'
import type { Command } from 'commander'
import { parseBefore } from '../duration.ts'
import { UsageError } from '../exit.ts'
import { type LostChanges, requireTold, toldChanges } from '../lost-changes.ts'
import { moment } from '../moment.ts'
import { examples } from '../options.ts'
import { withProgress } from '../progress.ts'
import type { ServerModule } from '../server-module.ts'
import { addServerOptions } from '../server-options.ts'
import { openSession, type Session } from '../session.ts'
import { table } from '../table.ts'
import type { Terminal } from '../terminal.ts'

const SHOWN = ['data_dir', 'database_url']

type RestoreOptions = {
  readonly revoked?: string
  readonly revokeSince?: string
  readonly acceptLostRevocations?: true
}

/** Backup, restore and moving to PostgreSQL: on the server's own host, each in a process of its own. */
export function addBackupCommands(program: Command, terminal: Terminal, server: ServerModule | undefined): void {
  addBackup(program, terminal, server)
  addRestore(program, terminal, server)
  addMigrateData(program, terminal, server)
}

function addBackup(program: Command, terminal: Terminal, server: ServerModule | undefined): void {
  const backup = program
    .command('backup <file>')
    .description('write everything into one file, while servers go on; the key-encryption key is not in it')
    .option('--verify', 'write nothing: say whether that file is a whole backup, and what is in it')
  const read = addServerOptions(backup, terminal, server, SHOWN)
  backup.action(async (file: string, { verify }: { verify?: true }, command: Command) => {
    const { use, config } = read()
    const { print, hint } = openSession(terminal, command)
    const path = resolve(file)
    const contents = verify
      ? await use.examineBackup(path)
      : await withProgress(terminal, (show) =>
          use.backUpDatabase(config, path, (_, name, rows) => show(`${name}: ${rows} rows`)),
        )
    const rows = Object.entries(contents.rows).filter(([, count]) => count > 0)
    print(contents, () =>
      table(terminal, rows, [
        ['table', ([name]) => name],
        ['rows', ([, count]) => String(count)],
      ]),
    )
    const when = moment(contents.made_at, terminal.now())
    hint(
      `${verify ? 'A whole backup' : `Written to ${path}`}: everything at revision ${contents.revision}, of ${when}.`,
    )
    if (!verify) hint('Not in it: the key-encryption key, which nothing opens without. Keep it elsewhere, once.')
  })
  examples(backup, [
    'countersign backup /var/backups/countersign/monday.db',
    'countersign backup --verify /var/backups/countersign/monday.db',
  ])
}

function addRestore(program: Command, terminal: Terminal, server: ServerModule | undefined): void {
  const restore = program
    .command('restore <file>')
    .description('put a backup where no database is; say what was revoked since, for it is good again otherwise')
    .option('--revoked <path>', 'a file that tells what was revoked, disabled or deleted since; - is standard input')
    .option('--revoke-since <when>', 'also end whatever was made since: an age like 2d, or a time')
    .option('--accept-lost-revocations', 'nothing was revoked since, or nobody knows: let it be good again')
  restore.addHelpText(
    'after',
    `
What the file of --revoked may be: ids of credentials, one a line; the JSON of countersign audit; or lines of the log, of
which those count that tell of something that was taken away: credentials are revoked again, and whatever was deleted or
disabled is disabled again (a trust rule ends, a permission goes).

--revoke-since is for a break-in: it revokes the keys, tokens and secrets that were made since, disables clients, users and
issuers that were made since or got a key of their own, a link or a password, ends such trust rules, and takes away
what permissions were given. What was changed otherwise it names.

Whoever signed in by a token has to get a new one: all signing keys are retired, and access tokens
end. Keys, personal access tokens and client secrets go on, as they were when the backup was made.`,
  )
  const read = addServerOptions(restore, terminal, server, [...SHOWN, 'kek'])
  restore.action(async (file: string, options: RestoreOptions, command: Command) => {
    const { revoked, revokeSince, acceptLostRevocations } = options
    if (revoked === undefined && !acceptLostRevocations) {
      throw new UsageError(
        'What was revoked after the backup was made is good again, unless you say what that was: --revoked <path>. ' +
          'If nothing was, or nobody knows: --accept-lost-revocations.',
      )
    }
    const told = toldChanges('--revoked', revoked === undefined ? '' : await textOf(terminal, revoked))
    if (revoked !== undefined && !acceptLostRevocations) requireTold('--revoked', told)
    const since = revokeSince === undefined ? undefined : parseBefore('--revoke-since', revokeSince, terminal.now())
    const { use, config } = read()
    const session = openSession(terminal, command)
    let lost: LostChanges | undefined
    const done = await withProgress(terminal, (show) =>
      use.restoreDatabase(
        config,
        resolve(file),
        (of) => {
          lost = told.after(of)
          const { revoked, withdrawn } = lost
          return { revoked, withdrawn, since: since === undefined ? undefined : new Date(since) }
        },
        (_, name, rows) => show(`${name}: ${rows} rows`),
      ),
    )
    const { revoked: subjects = [], changed = [] } = lost ?? {}
    session.print({ ...done, changed }, () => `Restored to what was at ${done.made_at}.\n`)
    reportRestored(session, done, { since, subjects, changed, fromRevision: told.fromRevision })
  })
  examples(restore, [
    'countersign restore /var/backups/countersign/monday.db --revoked revoked-since-monday.txt',
    'countersign restore monday.db --revoked countersign.log --revoke-since 2030-01-31T12:00:00Z',
    'countersign restore monday.db --accept-lost-revocations',
  ])
}

type Restored = Awaited<ReturnType<ServerModule['restoreDatabase']>>
type Told = {
  readonly since: string | undefined
  /** What was said to be revoked. */
  readonly subjects: readonly string[]
  readonly changed: readonly string[]
  readonly fromRevision: number | undefined
}

/** What became of what was told, and what is left to do before callers come. */
function reportRestored({ hint }: Session, done: Restored, { since, subjects, changed, fromRevision }: Told): void {
  const said = (what: string, which: readonly string[]) => {
    if (which.length > 0) hint(`${what}\n${listed(which)}`)
  }
  const toWords = ({ noun, id }: { noun: string; id: string }) => `${noun} ${id}`
  hint(`Revoked again: ${done.again}${since === undefined ? '' : `, and ${done.bySince} that were made since`}.`)
  hint(`Ended: ${done.signingKeys} signing keys with what they signed, and ${done.accessTokens} access tokens.`)
  said('Deleted or disabled since, and now disabled, ended or gone again:', done.withdrawn.map(toWords))
  said('Made or given since, and now disabled, ended or gone; enable who is wanted:', done.madeSince.map(toWords))
  said('Changed after the backup, and as they were again. Was something taken from them? Do it again:', changed)
  said(`Changed since ${since}, and left as they are. Look: countersign audit --since ${since}`, done.changedSince)
  said(
    'Not in the backup, so made after it, and gone; imported or declared once more, they stay revoked:',
    done.unknown,
  )
  said(
    'Of these, all was revoked. What you declare for them in a file, or import, is good: take out what was revoked there.',
    subjects.filter((subject) => subject.includes(':')),
  )
  if (fromRevision !== undefined && fromRevision > done.revision + 1) {
    hint(
      `--revoked tells of what happened from revision ${fromRevision} on, and the backup ends at ${done.revision}: if ` +
        'something was taken away between them, it is good again.',
    )
  }
  hint('A server may be started now: countersign serve')
}

function addMigrateData(program: Command, terminal: Terminal, server: ServerModule | undefined): void {
  const migrate = program
    .command('migrate-data')
    .description('copy the database of the data directory into a new PostgreSQL, and compare; the server is stopped')
  const read = addServerOptions(migrate, terminal, server, SHOWN)
  migrate.action(async (_options: object, command: Command) => {
    const { use, config } = read()
    const { print, hint } = openSession(terminal, command)
    const done = await withProgress(terminal, (show) =>
      use.migrateDatabaseData(config, (part, name, rows) => show(`${name}: ${rows} rows ${part}`)),
    )
    print(done, () =>
      table(terminal, done.tables, [
        ['table', ({ table: name }) => name],
        ['rows', ({ rows }) => String(rows)],
        ['sha-256 of the rows, in both', ({ sha256 }) => sha256],
      ]),
    )
    hint(
      'Both hold the same. Every server on it needs the key-encryption key of the data directory, as COUNTERSIGN_KEK:',
    )
    hint(
      `its file is ${resolve(config.dataDir, 'kek')} (COUNTERSIGN_KEK_FILE). The old database is as it was: keep it for a while.`,
    )
  })
  migrate.addHelpText('after', '\nBroken off, it goes on where it stopped: give the same command once more.')
  examples(migrate, ['COUNTERSIGN_DATABASE_URL_FILE=/etc/countersign/database-url countersign migrate-data'])
}

const SHOWN_AT_ONCE = 30

function listed(lines: readonly string[]): string {
  const more = lines.length - SHOWN_AT_ONCE
  const shown = lines.slice(0, SHOWN_AT_ONCE).map((line) => `  ${line}`)
  return [...shown, ...(more > 0 ? [`  and ${more} more: --json names all`] : [])].join('\n')
}

async function textOf(terminal: Terminal, path: string): Promise<string> {
  if (path === '-') return terminal.readStdin()
  try {
    return terminal.readFile(path)
  } catch {
    throw new UsageError(`--revoked: ${path} cannot be read.`)
  }
}
