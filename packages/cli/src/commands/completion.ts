import { apiClient, type Fetch, type Page } from '@countersign/admin-api'
import { Argument, type Command } from 'commander'
import { complete, type ListIds } from '../completion.ts'
import { type ConnectionOptions, findConnection } from '../connection.ts'
import { fetchDirectly } from '../fetch-directly.ts'
import { examples } from '../options.ts'
import { openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

/** Printed alone on the first line: the shell offers files. */
const FILES = ':files'
/** Whoever presses Tab waits no longer than this for a server. */
const ASK_MS = 800
const MOST_IDS = 200
/** Security: a server says what its things are called, and a shell would run what else may stand in a word. */
const HARMLESS = /^[A-Za-z0-9._@:=/+-]+$/

/** bash splits words at `:`, which URLs have: its script puts them together, and offers what comes after the last one. */
const SCRIPTS: Record<Shell, string> = {
  bash: `_countersign() {
  local line word typed kept= words=() last=-1
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if [[ $last -ge 0 && ( $word == :* || ( $word && \${words[last]} == *: ) ) ]]; then words[last]+=$word
    else last=$((last + 1)); words[last]=$word; fi
  done
  typed=\${words[last]}
  unset "words[last]"
  if [[ $COMP_WORDBREAKS == *:* ]]; then kept=\${typed%"\${typed##*:}"}; fi
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == ${FILES} ]]; then
      compopt -o default -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("\${line#"$kept"}"); done < <(compgen -f -- "$typed")
    elif [[ -n $line ]]; then COMPREPLY+=("\${line#"$kept"}"); fi
  done < <(countersign __complete "$typed" "\${words[@]}" 2>/dev/null)
}
complete -o nosort -F _countersign countersign 2>/dev/null || complete -F _countersign countersign
`,
  zsh: `#compdef countersign
_countersign() {
  local -a found
  found=("\${(@f)$(countersign __complete "\${words[CURRENT]}" "\${(@)words[2,CURRENT-1]}" 2>/dev/null)}")
  if [[ $found[1] == ${FILES} ]]; then _files; else compadd -- $found; fi
}
if [[ $funcstack[1] == _countersign ]]; then _countersign "$@"; else compdef _countersign countersign; fi
`,
  fish: `function __countersign_complete
  set -l words (commandline -opc)
  set -l found (countersign __complete (commandline -ct) $words[2..-1] 2>/dev/null)
  if test "$found[1]" = ${FILES}
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $found
  end
end
complete -c countersign -f -a '(__countersign_complete)'
`,
}

const WHERE: Record<Shell, string> = {
  bash: 'To have it in each shell: countersign completion bash > ~/.local/share/bash-completion/completions/countersign',
  zsh: 'To have it in each shell: countersign completion zsh > a folder of $fpath, as _countersign',
  fish: 'To have it in each shell: countersign completion fish > ~/.config/fish/completions/countersign.fish',
}

/** Completion of command lines, for shells; and what their scripts ask. */
export function addCompletion(program: Command, terminal: Terminal): void {
  const completion = program
    .command('completion')
    .description('print the script that has a shell complete countersign’s commands, options, contexts and ids')
    .addArgument(new Argument('<shell>', 'whose script').choices(SHELLS))
    .action((shell: Shell, _options: object, command: Command) => {
      terminal.out(SCRIPTS[shell])
      if (terminal.stdoutIsTerminal) openSession(terminal, command).hint(WHERE[shell])
    })
  examples(completion, ['source <(countersign completion bash)', 'countersign completion fish | source'])
}

/** The word that shells ask with: no command, since what follows are the words of another one, options included. */
export const COMPLETE = '__complete'

/** Prints how a command line may go on, one a line. Nothing is said of what went wrong: nobody asked for a command. */
export async function printCompletion(
  program: Command,
  terminal: Terminal,
  [word = '', ...words]: readonly string[],
): Promise<void> {
  const typed = word === '=' ? '' : word
  const found = await complete(program, terminal, words, typed, idsFrom(terminal, optionsIn(words)))
  const offered = found.words.filter((one) => HARMLESS.test(one))
  terminal.out([...(found.files ? [FILES] : []), ...offered].map((one) => `${one}\n`).join(''))
}

/** The words before say where the command would go. */
function optionsIn(given: readonly string[]): ConnectionOptions {
  const words = given.flatMap((word) => (word === '=' ? [] : (/^(--[a-z-]+)=(.+)$/.exec(word)?.slice(1) ?? [word])))
  const after = (flag: string) => words[words.indexOf(flag) + 1]
  const flags = { server: '--server', context: '--context', keyFile: '--key-file' }
  return Object.fromEntries(
    Object.entries(flags).flatMap(([name, flag]) => (words.includes(flag) && after(flag) ? [[name, after(flag)]] : [])),
  )
}

/** Asks the server that the command would go to. Who may not, or is not answered soon, is offered nothing. */
function idsFrom(terminal: Terminal, options: ConnectionOptions): ListIds {
  return (noun) => listed(terminal, options, noun).catch(() => [])
}

async function listed(terminal: Terminal, options: ConnectionOptions, noun: string): Promise<readonly string[]> {
  const soon = AbortSignal.timeout(ASK_MS)
  const fetch: Fetch = (url, init) =>
    fetchDirectly(url, { ...init, signal: init.signal ? AbortSignal.any([init.signal, soon]) : soon })
  const api = apiClient({ ...(await findConnection(terminal, options)), fetch })
  const limit = { limit: MOST_IDS }
  const names = async <Item>(page: Promise<Page<Item>>, nameOf: (item: Item) => string) =>
    (await page).items.map(nameOf)
  switch (noun) {
    case 'client':
      return names(api.clients.list(limit), ({ id }) => id)
    case 'user':
      return names(api.users.list(limit), ({ username }) => username)
    case 'group':
      return names(api.groups.list(limit), ({ name }) => name)
    case 'resource':
      return names(api.resources.list(limit), ({ name }) => name)
    case 'issuer':
      return names(api.issuers.list(limit), ({ name }) => name)
    case 'trust':
      return names(api.trustRules.list(limit), ({ name }) => name)
    default:
      return []
  }
}
