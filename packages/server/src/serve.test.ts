import { afterEach, beforeEach, expect, test } from 'bun:test'
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfig } from './config.ts'
import { startServer } from './serve.ts'

let scratch = ''
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'countersign-serve-'))
})
afterEach(() => rmSync(scratch, { recursive: true, force: true }))

/** Starts a server on the data directory, stops it, and returns what it logged. */
async function serveOnce(dataDir: string): Promise<string> {
  const env = {
    COUNTERSIGN_DATA_DIR: dataDir,
    COUNTERSIGN_LISTEN: '127.0.0.1:0',
    COUNTERSIGN_PUBLIC_URL: 'http://127.0.0.1:8420',
  }
  const parsed = parseConfig({ env, flags: {}, readFile: () => '' })
  if ('problems' in parsed) throw new Error(parsed.problems.join('; '))
  const lines: string[] = []
  const log = { write: (line: string) => void lines.push(line) }
  const server = await startServer(parsed.config, { stdoutIsTerminal: false, say: () => undefined, log })
  await server.stop()
  return lines.join('')
}

test('the first admin key goes to a file of its own, whatever stood at its name', async () => {
  const dataDir = join(scratch, 'data')
  const elsewhere = join(scratch, 'elsewhere')
  await serveOnce(dataDir)
  const path = join(dataDir, 'admin-key')
  const key = readFileSync(path, 'utf8')
  expect(key).toMatch(/^cs_key_[0-9A-Za-z]+\n$/)

  for (const name of readdirSync(dataDir)) rmSync(join(dataDir, name))
  writeFileSync(elsewhere, 'precious')
  symlinkSync(elsewhere, path)
  writeFileSync(`${path}.new`, '')
  chmodSync(`${path}.new`, 0o644)
  await serveOnce(dataDir)
  expect(readFileSync(elsewhere, 'utf8')).toBe('precious')
  expect(lstatSync(path).isFile()).toBe(true)
  expect((lstatSync(path).mode & 0o777).toString(8)).toBe('600')
  expect(readFileSync(path, 'utf8')).toMatch(/^cs_key_/)
  expect(readdirSync(dataDir)).not.toContain('admin-key.new')
})

test('a data directory that others may enter is warned of', async () => {
  const dataDir = join(scratch, 'data')
  expect(await serveOnce(dataDir)).not.toContain('"warn"')
  chmodSync(dataDir, 0o755)
  const log = await serveOnce(dataDir)
  expect(log).toContain('"level":"warn"')
  expect(log).toContain('others than its owner may enter the data directory')
})
