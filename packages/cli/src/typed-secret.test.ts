// A password that is typed, at a real terminal: asked for on stderr, shown nowhere.

import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { ok, playApi, user } from './testing/play-api.ts'

const PASSWORD = 'correct horse battery'
const api = playApi()
api.answer('PATCH /users/alice', ok(user))

/** Runs a command at a pseudo-terminal, types a line at each question that ends in a colon, and gives what was shown. */
async function atTerminal(
  words: readonly string[],
  typed: readonly string[],
): Promise<{ code: number; shown: string }> {
  const toType = [...typed]
  let shown = ''
  let answered = 0
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'main.ts'), ...words], {
    env: { PATH: process.env.PATH, COUNTERSIGN_SERVER: api.url, COUNTERSIGN_KEY: 'cs_key_test' },
    terminal: {
      cols: 80,
      rows: 24,
      data: (terminal, bytes) => {
        shown += new TextDecoder().decode(bytes)
        const questions = shown.split(': ').length - 1
        if (questions > answered) terminal.write(toType.shift() ?? '')
        answered = questions
      },
    },
  })
  return { code: await child.exited, shown }
}

test('a password that is typed twice is sent and not shown', async () => {
  const { code, shown } = await atTerminal(['user', 'password', 'alice'], [`${PASSWORD}\r`, `${PASSWORD}\r`])
  expect(code).toBe(0)
  expect(shown).toContain('New password (not shown): \r\nOnce more: \r\n')
  expect(shown).toContain('The password of user alice is set.')
  expect(shown).not.toContain('horse')
  expect(api.sent.at(-1)?.body).toEqual({ password: PASSWORD })
}, 30_000)

test('Ctrl+C at the question ends it, and nothing is set', async () => {
  api.sent.length = 0
  const { code, shown } = await atTerminal(['user', 'password', 'alice'], ['\u0003'])
  expect(code).not.toBe(0)
  expect(shown).not.toContain('is set')
  expect(api.sent).toEqual([])
}, 30_000)
