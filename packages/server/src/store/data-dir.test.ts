import { afterEach, beforeEach, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { takeDataDir } from './data-dir.ts'

let scratch = ''
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'countersign-data-dir-'))
})
afterEach(() => rmSync(scratch, { recursive: true, force: true }))

test('a data directory is taken by one at a time', () => {
  const taken = takeDataDir(scratch)
  expect(() => takeDataDir(scratch)).toThrow(`another server uses the data directory ${scratch}`)
  taken.release()
  takeDataDir(scratch).release()
})

test.each([
  [0o700, undefined],
  [0o750, '750'],
  [0o755, '755'],
  [0o701, '701'],
])('a data directory of mode %o: others may enter it as %p', (mode, expected) => {
  chmodSync(scratch, mode)
  const taken = takeDataDir(scratch)
  expect(taken.othersMay).toBe(expected)
  taken.release()
})

test('one that is made is for its owner alone', () => {
  const taken = takeDataDir(join(scratch, 'some', 'data'))
  expect(taken.othersMay).toBeUndefined()
  taken.release()
})
