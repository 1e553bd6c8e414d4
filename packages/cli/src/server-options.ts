import { type Command, Option } from 'commander'
import { ConfigurationError } from './exit.ts'
import { flagOf, isSecret, type ServerModule } from './server-module.ts'
import type { Terminal } from './terminal.ts'

export type ServerConfig = Parameters<ServerModule['startServer']>[0]
export type ReadServer = () => { readonly use: ServerModule; readonly config: ServerConfig }

/**
 * Gives a command every option of the server that is no secret. What comes back reads the configuration when the
 * command runs; every problem with it is one error.
 */
export function addServerOptions(
  self: Command,
  terminal: Terminal,
  server: ServerModule | undefined,
  shown?: readonly string[],
): ReadServer {
  // The file that the others may stand in; itself it stands in no file, so it is no option of the server's table.
  const file = new Option('--config <path>', 'A YAML file of options. (COUNTERSIGN_CONFIG)')
  const flags: [name: string, flag: Option][] = [['config', file]]
  const secrets: string[] = []
  for (const option of server?.OPTIONS ?? []) {
    const variable = server?.variableOf(option)
    const byDefault = option.default === undefined ? '' : `, default ${option.default}`
    const isShown = shown?.includes(option.name) ?? true
    if (isSecret(option)) {
      if (isShown) secrets.push(`  ${variable} or ${variable}_FILE\n      ${option.doc}`)
    } else {
      const flag = new Option(flagOf(option), `${option.doc} (${variable}${byDefault})`)
      flags.push([option.name, flag.hideHelp(!isShown)])
    }
  }
  for (const [, flag] of flags) self.addOption(flag)
  if (secrets.length > 0) self.addHelpText('after', `\nSecrets, never on the command line:\n${secrets.join('\n')}`)
  return () => {
    if (server === undefined) throw new Error(`${self.name()}: the server was not loaded`)
    const given = flags.flatMap(([name, flag]) => {
      const value: unknown = self.getOptionValue(flag.attributeName())
      return typeof value === 'string' ? [[name, value]] : []
    })
    const sources = { env: terminal.env, flags: Object.fromEntries(given), readFile: terminal.readFile }
    const parsed = server.parseConfig(sources)
    if ('problems' in parsed) throw new ConfigurationError(parsed.problems)
    return { use: server, config: parsed.config }
  }
}
