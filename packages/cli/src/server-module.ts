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
  readonly env: string
  readonly type: unknown
  readonly default: unknown
  readonly doc: string
  readonly secret: boolean
}

export type LoadServer = () => Promise<ServerModule>

/** The flag of an option: `data_dir` and `dataDir` are `--data-dir`. */
export function flagName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replaceAll('_', '-')
}
