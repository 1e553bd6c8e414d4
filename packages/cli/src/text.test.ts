import { expect, test } from 'bun:test'
import { details, table } from './table.ts'
import { testTerminal } from './testing/test-terminal.ts'
import { plain, shorten } from './text.ts'

type Row = { id: string; name: string }
const shape = [['id', (row: Row) => row.id] as const, ['name', (row: Row) => row.name] as const]

test('columns are as wide as what is in them', () => {
  const { terminal } = testTerminal()
  const rows = [
    { id: 'a', name: 'Canister' },
    { id: 'long-one', name: 'x' },
  ]
  expect(table(terminal, rows, shape)).toBe('ID        NAME\na         Canister\nlong-one  x\n')
})

test('on a terminal the widest column gives way; in a pipe nothing is cut', () => {
  const rows = [{ id: 'key_01J', name: 'a very long name that does not fit' }]
  expect(table(testTerminal({ width: 24 }).terminal, rows, shape)).toBe('ID       NAME\nkey_01J  a very long na…\n')
  expect(table(testTerminal().terminal, rows, shape)).toContain('that does not fit')
})

test('wide characters count as two', () => {
  expect(shorten('日本語', 4)).toBe('日…')
  expect(table(testTerminal().terminal, [{ id: '日', name: 'x' }], shape)).toBe('ID  NAME\n日  x\n')
})

test('what comes from elsewhere cannot steer the terminal', () => {
  expect(plain('a\u001b[31mb\r\u202ec')).toBe('a\\u{1b}[31mb\\u{d}\\u{202e}c')
  const { terminal } = testTerminal()
  expect(table(terminal, [{ id: 'a', name: '\u001b]0;x\u0007' }], shape)).not.toContain('\u001b')
  expect(details(terminal, [['path', '/\u001b[2J']])).not.toContain('\u001b')
})

test('colour repeats what a word says, and only where it is wanted', () => {
  const cell = { text: 'live', tone: 'good' } as const
  const { terminal } = testTerminal()
  expect(details(terminal, [['state', cell]])).toBe('  state  live\n')
  expect(details({ ...terminal, colour: true }, [['state', cell]])).toBe('  state  \u001b[32mlive\u001b[0m\n')
})
