import { type Command, InvalidArgumentError, Option } from 'commander'

/** For options that may be given several times. */
export function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value]
}

export type PageOptions = { readonly limit?: number; readonly cursor?: string; readonly all?: true }

export function pageOptions(command: Command): Command {
  return command
    .option('--limit <n>', 'how many at most, 1 to 200 (default 50)', parseLimit)
    .option('--cursor <cursor>', 'go on where the page before ended')
    .addOption(new Option('--all', 'not a page, but whatever there is').conflicts('limit'))
}

export function pageQuery({ limit, cursor }: PageOptions): { limit?: number; cursor?: string } {
  return { ...(limit === undefined ? {} : { limit }), ...(cursor === undefined ? {} : { cursor }) }
}

function parseLimit(text: string): number {
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > 200) throw new InvalidArgumentError('Expected a number from 1 to 200.')
  return limit
}

/** Ends the help of a command with how it is used. */
export function examples(command: Command, lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`)
}

/** Only the fields that are there. */
export function present<Fields extends Record<string, unknown>>(fields: Fields): Present<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<Fields>
}

type Present<Fields> = { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> }
