import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { devNull } from 'node:os'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { Terminal } from './terminal.ts'

/** npm and process groups hand Ctrl+C on a second time: within so long it is the same request, which must not cut a stop short. */
const SAME_REQUEST_MS = 1000

/** The terminal that this process was started in. */
export function processTerminal(): Terminal {
  const { env, stdin, stdout, stderr } = process
  const stdoutIsTerminal = stdout.isTTY === true
  let outFailure: string | undefined
  stdout.on('error', (error) => {
    outFailure ??= codeOf(error)
  })
  stderr.on('error', () => undefined)
  return {
    env,
    width: stdoutIsTerminal ? stdout.columns : undefined,
    stdoutIsTerminal,
    colour: stdoutIsTerminal && !env.NO_COLOR && env.TERM !== 'dumb',
    stdoutIsNowhere: isNowhere(stdout.fd),
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    outFailure: () => new Promise((resolve) => stdout.write('', () => setImmediate(() => resolve(outFailure)))),
    readFile: (path) => Buffer.from(readBounded(path)).toString('utf8'),
    readBytes: readBounded,
    isFile: (path) => existsSync(path) && statSync(path).isFile(),
    exists: existsSync,
    modeOf: (path) => (existsSync(path) ? statSync(path).mode & 0o777 : undefined),
    isOwn: (path) => [process.getuid?.(), 0].includes(statSync(path).uid),
    writeFile: writePrivately,
    readStdin: () => Bun.stdin.text(),
    canAsk: stdin.isTTY === true && stderr.isTTY === true,
    ask,
    askSecret,
    now: () => new Date(),
    loadServer: () => import('@countersign/server'),
    stopRequested: () =>
      new Promise((resolve) => {
        let askedAtMs: number | undefined
        const asked = (_: string, signal: number) => {
          askedAtMs ??= performance.now()
          resolve()
          if (performance.now() - askedAtMs >= SAME_REQUEST_MS) process.exit(128 + signal)
        }
        process.on('SIGTERM', asked)
        process.on('SIGINT', asked)
      }),
  }
}

/** A runtime puts the null device where a descriptor was closed (`>&-`), or leaves it closed. */
function isNowhere(descriptor: number): boolean {
  try {
    const open = fstatSync(descriptor)
    return open.isCharacterDevice() && open.rdev === statSync(devNull).rdev
  } catch {
    return true
  }
}

/** Far more than any file has that is read as a whole; devices have no end. */
const MOST_BYTES = 256 * 1024 * 1024

function readBounded(path: string): Uint8Array {
  if (statSync(path).isFile()) return readFileSync(path)
  const file = openSync(path, 'r')
  try {
    const parts: Buffer[] = []
    let bytes = 0
    for (;;) {
      const part = Buffer.alloc(65_536)
      const read = readSync(file, part)
      if (read === 0) return Buffer.concat(parts)
      bytes += read
      if (bytes > MOST_BYTES) throw new Error(`${path} has no end`)
      parts.push(part.subarray(0, read))
    }
  } finally {
    closeSync(file)
  }
}

function writePrivately(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const fresh = `${path}.new`
  rmSync(fresh, { force: true })
  writeFileSync(fresh, text, { mode: 0o600, flag: 'wx' })
  renameSync(fresh, path)
}

/** Asked on stderr: stdout holds results alone. */
async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
  try {
    return await Promise.race([lines.question(question), ended])
  } finally {
    lines.close()
  }
}

/** What is typed goes nowhere: the line editor echoes into a stream that keeps nothing. */
async function askSecret(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  process.stderr.write(question)
  const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
  try {
    return await Promise.race([lines.question(''), ended])
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.name
}
