// How a command line may go on: read from the commands themselves, and shown by real shells.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeWith } from '../../../test/support/requires.ts'
import { type RealServer, startRealServer } from './testing/real-server.ts'
import { ran, type World } from './testing/test-terminal.ts'

const files = {
  '/home/ops/.config/countersign/config.yaml':
    'contexts: { production: { server: "https://auth.example.com" }, staging: { server: "https://s.example.com" } }',
}
const world: World = { env: { HOME: '/home/ops', COUNTERSIGN_SERVER: 'http://127.0.0.1:1' }, files }
/** `@`: nothing is typed yet. */
const after = async (line: string, at = world) =>
  (await ran(`__complete ${line}`.replace('@', ''), at)).out.trimEnd().split('\n')

test.each([
  ['cl', ['client']],
  ['@ client', ['create', 'delete', 'disable', 'enable', 'list', 'show', 'update']],
  ['--us revoke', ['--user']],
  ['@ revoke --all', ['at', 'key', 'pat', 'secret']],
  ['s revoke --all', ['secret']],
  ['--all=s revoke', ['--all=secret']],
  ['@ --context', ['production', 'staging']],
  ['st client list --context', ['staging']],
  ['@ context use', ['production', 'staging']],
  ['@ apply -f', [':files']],
  ['@ backup', [':files']],
  ['@ completion', ['bash', 'fish', 'zsh']],
  ['--data serve', ['--data-dir']],
  ['nonsense', ['']],
  ['@ nonsense', ['']],
  ['@ revoke --all =', ['at', 'key', 'pat', 'secret']],
  ['= revoke --all', ['at', 'key', 'pat', 'secret']],
])('%s goes on with %p', async (line, words) => {
  const server = await import('@countersign/server')
  expect(await after(line, { ...world, server })).toEqual(words)
})

test('what was typed does not have to make sense, and nothing is said of it', async () => {
  for (const line of ['-- --', '@ --server', '@ client show --json --nope', "' revoke $(reboot) ;", '@ key create']) {
    const { code, err } = await ran(`__complete ${line.replace('@', '')}`, world)
    expect([line, code, err]).toEqual([line, 0, ''])
  }
})

describe('with a server', () => {
  let server: RealServer
  let scratch = ''
  beforeAll(async () => {
    server = await startRealServer()
    await server.run('client create canister')
    await server.run('client create beets')
    await server.run('group create media')
    await server.run('group create ops:adm')
    scratch = mkdtempSync(join(tmpdir(), 'countersign-completion-'))
    writeFileSync(join(scratch, 'my.yaml'), '')
    symlinkSync(join(import.meta.dir, 'main.ts'), join(scratch, 'countersign'))
  })
  afterAll(async () => {
    await server.stop()
    rmSync(scratch, { recursive: true })
  })

  test('ids are offered where one is named', async () => {
    const said = async (line: string) =>
      (await server.run(`__complete ${line}`.replace('@', ''))).out.trimEnd().split('\n')
    expect(await said('can client show')).toEqual(['canister'])
    expect(await said('@ revoke --client')).toEqual(['beets', 'bootstrap', 'canister', 'countersign-admin'])
    expect(await said('m client create x --group')).toEqual(['media'])
  })

  /** What a shell offers for a line: its own words for «complete this», as its users have it by the Tab key. */
  const SHELLS: Record<string, (line: string) => string> = {
    bash: (line) => {
      // It splits words at these characters as well.
      const words = line.split(' ').flatMap((word) => (word === '' ? [''] : word.split(/([:=]+)/).filter(Boolean)))
      return `COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'; source <(countersign completion bash)
        COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
        _countersign; printf '%s\\n' "\${COMPREPLY[@]}"`
    },
    zsh: (line) => {
      const words = line.split(' ')
      // What compadd and _files are told, in place of the menu that they would draw.
      return `autoload -Uz compinit; compinit -u -D; source <(countersign completion zsh)
        compadd() { shift; print -l -- "$@" }; _files() { print -l -- \${words[CURRENT]}* }
        words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length}; _countersign`
    },
    fish: (line) => `countersign completion fish | source; complete -C '${line}'`,
  }
  for (const [shell, script] of Object.entries(SHELLS)) {
    describeWith([shell], shell, () => {
      const offered = async (line: string) => {
        const env = {
          PATH: `${scratch}:${process.env.PATH}`,
          HOME: scratch,
          COUNTERSIGN_SERVER: server.url,
          COUNTERSIGN_KEY: server.key,
        }
        const running = Bun.spawn([shell, '-c', script(line.replace('URL', server.url))], {
          cwd: scratch,
          env,
          stdout: 'pipe',
          stderr: 'pipe',
        })
        const [out, err] = await Promise.all([new Response(running.stdout).text(), new Response(running.stderr).text()])
        return [err, out.trimEnd().split('\n')]
      }
      test.each([
        ['countersign cli', ['client']],
        ['countersign client show can', ['canister']],
        ['countersign apply -f my', ['my.yaml']],
        ['countersign revoke --all s', ['secret']],
        ['countersign --server URL cli', ['client']],
        ['countersign --server=URL client show can', ['canister']],
        // bash puts what it is offered after the last colon.
        ['countersign group show ops:a', [shell === 'bash' ? 'adm' : 'ops:adm']],
      ])('completes %s', async (line, words) => {
        expect(await offered(line)).toEqual(['', words])
      })
    })
  }
})
