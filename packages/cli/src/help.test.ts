import { expect, test } from 'bun:test'
import type { Command } from 'commander'
import { makeProgram } from './program.ts'
import { ran, testTerminal } from './testing/test-terminal.ts'

const program = await makeProgram(testTerminal().terminal, [])

function leaves(command: Command, words: readonly string[] = []): string[] {
  if (command.commands.length === 0) return [words.join(' ')]
  return command.commands.flatMap((child) => leaves(child, [...words, child.name()]))
}

const SERVER_COMMANDS = ['serve', 'migrate', 'admin-key', 'doctor', 'backup', 'restore', 'migrate-data']
const online = leaves(program).filter((line) => !SERVER_COMMANDS.includes(line))

const parents = program.commands.filter((command) => command.commands.length > 0).map((command) => command.name())

test.each([...online, ...parents])('the help of %s ends with examples that are that command', async (line) => {
  const { code, out } = await ran(`${line} --help`)
  expect(code).toBe(0)
  const [, examples = ''] = out.split('\nExamples:\n')
  expect(examples).toContain(`countersign ${line}`)
  expect(out).toContain('--json')
})

test('the help of the program names the environment and every exit code', async () => {
  const { out } = await ran('--help')
  for (const word of [
    'COUNTERSIGN_SERVER',
    'COUNTERSIGN_KEY_FILE',
    'NO_COLOR',
    '  5   not authenticated',
    '  78  the conf',
  ]) {
    expect(out).toContain(word)
  }
  for (const name of SERVER_COMMANDS) expect(out).toContain(`  ${name} `)
})

test('every command is in the list', () => {
  const nouns = ['client', 'group', 'issuer', 'permission', 'resource', 'trust', 'user'].flatMap((noun) =>
    ['create', 'delete', 'list', 'show'].map((verb) => `${noun} ${verb}`),
  )
  const changes = ['client', 'group', 'issuer', 'resource', 'user'].flatMap((noun) =>
    ['update', 'enable', 'disable'].map((verb) => `${noun} ${verb}`),
  )
  const people = [
    'group add',
    'group members',
    'group remove',
    'user password',
    'pat create',
    'pat list',
    'pat show',
    'pat rotate',
  ]
  const all = ['list', 'expiring', 'import', 'digest', 'foreign-prefixes'].map((verb) => `credentials ${verb}`)
  const trust = ['trust update', 'trust suggest']
  const leaks = ['leak report', 'scanner-rules', 'apply']
  const keys = ['key create', 'key generate', 'key list', 'key show', 'key rotate', 'revoke']
  const secrets = ['token', ...['create', 'generate', 'list', 'rotate', 'revoke'].map((verb) => `secret ${verb}`)]
  const signing = ['keys list', 'keys show', 'keys rotate']
  const contexts = ['add', 'list', 'remove', 'show', 'unset', 'use'].map((verb) => `context ${verb}`)
  const asking = ['audit', 'decision list', 'why', 'explain', 'verify', 'me resources', 'nodes']
  expect(leaves(program).toSorted()).toEqual(
    [
      ...nouns,
      ...changes,
      ...people,
      ...keys,
      ...secrets,
      ...contexts,
      'completion',
      'health',
      ...signing,
      ...all,
      ...leaks,
      ...trust,
      ...asking,
      ...SERVER_COMMANDS,
    ].toSorted(),
  )
})
