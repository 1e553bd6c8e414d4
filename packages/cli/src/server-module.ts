/** What this command needs of the server package. The configuration is handed on unread. */
export type ServerModule = {
  readonly OPTIONS: readonly ServerOption[]
  parseConfig(sources: {
    env: Readonly<Record<string, string | undefined>>
    flags: Record<string, string>
    readFile: (path: string) => string
  }): { readonly config: unknown } | { readonly problems: readonly string[] }
  startServer(config: unknown, io: { stdoutIsTerminal: boolean }): Promise<{ url: string; stop(): Promise<void> }>
  migrateDatabase(config: unknown): Promise<{ applied: readonly string[] }>
  makeAdminKey(config: unknown): Promise<{ id: string; key: string }>
}

export type ServerOption = {
  readonly name: string
  readonly type: string
  readonly default: string | undefined
  readonly doc: string
}

export type LoadServer = () => Promise<ServerModule>

/** The flag of an option: `data_dir` is `--data-dir`. */
export function flagOf(option: ServerOption): string {
  return `--${option.name.replaceAll('_', '-')}`
}

export function variableOf(option: ServerOption): string {
  return `COUNTERSIGN_${option.name.toUpperCase()}`
}

/** Secrets come from files and the environment alone: arguments are seen by every process on the machine. */
export function isSecret(option: ServerOption): boolean {
  return option.type === 'secret'
}
