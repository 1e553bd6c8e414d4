import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openTestStore } from '../store/testing/engines.ts'
import { checkKek, loadKek } from './kek-file.ts'
import { sealWith } from './seal.ts'

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

let scratch = ''
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'countersign-kek-'))
})
afterEach(() => rmSync(scratch, { recursive: true, force: true }))

describe('the file of the key-encryption key', () => {
  test('is made once, and read from then on', () => {
    const dataDir = join(scratch, 'data')
    const made = loadKek(dataDir, random)
    expect(made).toHaveLength(32)
    expect(loadKek(dataDir, random)).toEqual(made)
    expect(Buffer.from(readFileSync(join(dataDir, 'kek'), 'utf8'), 'base64')).toEqual(Buffer.from(made))
  })

  test('is for its owner alone, as is a data directory that was made for it', () => {
    const dataDir = join(scratch, 'some', 'data')
    loadKek(dataDir, random)
    expect({ kek: modeOf(join(dataDir, 'kek')), directory: modeOf(dataDir) }).toEqual({ kek: '600', directory: '700' })
  })

  test('is in its place whole or not at all', () => {
    const dataDir = join(scratch, 'data')
    const path = join(dataDir, 'kek')
    let drawn = 0
    const crash = (length: number) => {
      if (drawn++ === 1) throw new Error('a crash')
      return random(length)
    }
    expect(() => loadKek(dataDir, crash)).toThrow('a crash')
    expect(readdirSync(dataDir)).toEqual([])

    // Of two that make it at once, the second reads what the first one wrote.
    let first: Uint8Array | undefined
    const overtaken = (length: number) => {
      first ??= loadKek(dataDir, random)
      return random(length)
    }
    expect(loadKek(dataDir, overtaken)).toEqual(first as Uint8Array)
    expect(readdirSync(dataDir)).toEqual(['kek'])
    expect(statSync(path).nlink).toBe(1)
  })

  test('may end in a line feed', () => {
    const kek = Buffer.from(random(32))
    writeFileSync(join(scratch, 'kek'), `${kek.toString('base64')}\n`)
    expect(loadKek(scratch, random)).toEqual(kek)
  })

  test.each([
    ['empty', ''],
    ['too short', Buffer.alloc(31).toString('base64')],
    ['too long', Buffer.alloc(33).toString('base64')],
    ['no base64', '!'.repeat(44)],
  ])('stops the start and is left as it is when it is %s', (_, content) => {
    const path = join(scratch, 'kek')
    writeFileSync(path, content)
    expect(() => loadKek(scratch, random)).toThrow(`${path} does not hold 32 bytes in base64`)
    expect(readFileSync(path, 'utf8')).toBe(content)
  })
})

describe('a database', () => {
  const clock = () => new Date('2030-01-01T00:00:00Z')
  const one = sealWith(new Uint8Array(32).fill(1), random)
  const other = sealWith(new Uint8Array(32).fill(2), random)

  test('is bound to the key-encryption key that it is first opened with', async () => {
    const store = await openTestStore(clock, random)
    await checkKek(store, one)
    await checkKek(store, one)
    await expect(checkKek(store, other)).rejects.toThrow('restore the file kek')
    await store.close()
  })

  test('is bound to one key-encryption key, though two nodes open it first at once', async () => {
    const store = await openTestStore(clock, random)
    const ended = await Promise.allSettled([checkKek(store, one), checkKek(store, other)])
    expect(ended.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    await store.close()
  })
})
