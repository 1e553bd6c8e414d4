import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
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
  stdout.on('error', quietWhenClosed)
  stderr.on('error', quietWhenClosed)
  return {
    env,
    width: stdoutIsTerminal ? stdout.columns : undefined,
    stdoutIsTerminal,
    colour: stdoutIsTerminal && !env.NO_COLOR && env.TERM !== 'dumb',
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    readFile: (path) => readFileSync(path, 'utf8'),
    readBytes: (path) => readFileSync(path),
    exists: existsSync,
    modeOf: (path) => (existsSync(path) ? statSync(path).mode & 0o777 : undefined),
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

/** A reader that has seen enough (`| head`) is no failure. */
function quietWhenClosed(error: Error): void {
  if (!('code' in error) || error.code !== 'EPIPE') throw error
}
