// What the doctor says is to be done can be done: the commands exist, with these options.

import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as server from '@countersign/server'
import type { Command } from 'commander'
import { makeProgram } from '../program.ts'
import { testTerminal } from '../testing/test-terminal.ts'

const folders = [import.meta.dir, join(import.meta.dir, '../../../server/src/doctor')]
const sources = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8')),
)
/** In texts, not in imports and comments: `countersign key create …`, up to the end of the text or the next command. */
const advised = sources.flatMap((text) =>
  [...text.matchAll(/['`:] ?\(?countersign ([a-z][^'`.\n]*?)(?=, countersign|['`.]| does )/g)].map(
    ([, words]) => words ?? '',
  ),
)

const program = await makeProgram(testTerminal({ server }).terminal, ['doctor'])

function find(words: readonly string[]): Command | undefined {
  return words.reduce<Command | undefined>(
    (command, word) =>
      command && command.commands.length === 0 ? command : command?.commands.find((one) => one.name() === word),
    program,
  )
}

test('there is some advice', () => {
  expect(advised.length).toBeGreaterThan(8)
})

test.each([...new Set(advised)])('countersign %s', (line) => {
  const words = line.split(' ')
  const command = find(words.filter((word) => /^[a-z-]+$/.test(word) && !word.startsWith('--')))
  expect(command?.commands.length).toBe(0)
  const options = [...(command?.options ?? []), ...program.options].map(({ long }) => long)
  for (const word of words.filter((one) => one.startsWith('--'))) expect(options).toContain(word)
})
