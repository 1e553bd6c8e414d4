import type { Command, Option } from 'commander'
import { readContexts } from './contexts.ts'
import type { Terminal } from './terminal.ts'

/** What may stand at the end of a line; `files`: the shell is to offer the names of files. */
export type Completion = { readonly words: readonly string[]; readonly files: boolean }

const NOTHING: Completion = { words: [], files: false }
const FILES: Completion = { words: [], files: true }

/** Ids of what there is, to be asked for where an argument names one; undefined: of those nobody knows. */
export type ListIds = (noun: string) => Promise<readonly string[]>

/** The argument by which a command names something, as its usage writes it → what kind of thing that is. */
const NOUNS: Readonly<Record<string, string>> = {
  'client-id': 'client',
  username: 'user',
}
/** Commands whose own argument is one of what they are called after. */
const NOUN_COMMANDS = new Set(['resource', 'group', 'client', 'user', 'issuer', 'trust'])
const FILE_VALUE = /^<(path|file)>$|<(path|file)>/

/**
 * Says how a command line may go on: commands, options, what options may be, contexts, ids, files. All of it is read from the
 * commands themselves, so none is missing and none is made up.
 *
 * `words`: what stands before, without the program's own name; `typed`: what of the word there is.
 */
export async function complete(
  program: Command,
  terminal: Terminal,
  words: readonly string[],
  typed: string,
  listIds: ListIds,
): Promise<Completion> {
  const { command, path, last, taken } = follow(program, words)
  const options = [...command.options, ...(command === program ? [] : program.options)].filter(({ hidden }) => !hidden)
  const equals = /^(--[a-z-]+)=(.*)$/.exec(typed)
  if (equals !== null) {
    const option = options.find(({ long }) => long === equals[1])
    const found = option === undefined ? NOTHING : await valuesOf(option, terminal, listIds)
    return starting({ ...found, words: found.words.map((word) => `${equals[1]}=${word}`) }, typed)
  }
  const open = options.find((option) => isNamed(option, last) && takesValue(option))
  if (open !== undefined) return starting(await valuesOf(open, terminal, listIds), typed)
  if (typed.startsWith('-')) {
    const names = options.flatMap(({ long }) => (long === undefined ? [] : [long]))
    return starting({ words: [...names, '--help'], files: false }, typed)
  }
  if (command.commands.length > 0 && taken > 0) return NOTHING
  if (command.commands.length > 0)
    return starting({ words: command.commands.map((child) => child.name()), files: false }, typed)
  return starting(await argumentOf(command, path, taken, terminal, listIds), typed)
}

/** Where the words lead: the command, and what is left over of them. */
function follow(program: Command, words: readonly string[]) {
  let command = program
  const path: string[] = []
  let last = ''
  let taken = 0
  for (const word of words) {
    // bash makes three words of --context=production.
    if (word === '=') continue
    const isValue = [...command.options, ...program.options].some(
      (option) => isNamed(option, last) && takesValue(option),
    )
    last = isValue ? '' : word
    if (isValue || word.startsWith('-')) continue
    const child = command.commands.find((one) => one.name() === word)
    if (child === undefined) {
      taken++
      continue
    }
    command = child
    path.push(word)
  }
  return { command, path, last, taken }
}

function isNamed({ long, short }: Option, word: string): boolean {
  return word !== '' && (word === long || word === short)
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional
}

async function valuesOf(option: Option, terminal: Terminal, listIds: ListIds): Promise<Completion> {
  const { argChoices, long, flags } = option
  if (argChoices !== undefined) return { words: argChoices, files: false }
  if (long === '--context') return { words: contextsOf(terminal), files: false }
  if (FILE_VALUE.test(flags) || long === '--key-file') return FILES
  const noun = /^--(client|user|group|resource|issuer)$/.exec(long ?? '')?.[1]
  return noun === undefined ? NOTHING : { words: await listIds(noun), files: false }
}

async function argumentOf(
  command: Command,
  path: readonly string[],
  taken: number,
  terminal: Terminal,
  listIds: ListIds,
): Promise<Completion> {
  const argument =
    command.registeredArguments[taken] ?? command.registeredArguments.findLast(({ variadic }) => variadic)
  if (argument === undefined) return NOTHING
  if (argument.argChoices !== undefined) return { words: argument.argChoices, files: false }
  const name = argument.name()
  if (/file|path/.test(name)) return FILES
  const [first = '', verb] = path
  if (first === 'context') return verb === 'add' ? NOTHING : { words: contextsOf(terminal), files: false }
  const noun = NOUNS[name] ?? (NOUN_COMMANDS.has(first) && verb !== 'create' && taken === 0 ? first : undefined)
  return noun === undefined ? NOTHING : { words: await listIds(noun), files: false }
}

/** A file that is not as it should be is told by the commands: here it only offers nothing. */
function contextsOf(terminal: Terminal): readonly string[] {
  try {
    return [...readContexts(terminal).byName.keys()]
  } catch {
    return []
  }
}

function starting({ words, files }: Completion, typed: string): Completion {
  return { words: [...new Set(words)].filter((word) => word.startsWith(typed)).sort(), files }
}
