import type * as server from '@countersign/server'

/** What this command needs of the server package. */
export type ServerModule = Pick<
  typeof server,
  | 'OPTIONS'
  | 'parseConfig'
  | 'startServer'
  | 'migrateDatabase'
  | 'makeAdminKey'
  | 'examineHost'
  | 'variableOf'
  | 'backUpDatabase'
  | 'examineBackup'
  | 'restoreDatabase'
  | 'migrateDatabaseData'
>

/** Loads the server, which brings the database along: only the commands that run it do, and what reads its settings. */
export type LoadServer = () => Promise<ServerModule>

type ServerOption = ServerModule['OPTIONS'][number]

/** The flag of an option: `data_dir` is `--data-dir`. */
export function flagOf(option: Pick<ServerOption, 'name' | 'type'>): string {
  return `--${option.name.replaceAll('_', '-')} <${option.type}>`
}

/** Secrets come from files and the environment alone: arguments are seen by every process on the machine. */
export function isSecret(option: ServerOption): boolean {
  return option.type === 'secret'
}
