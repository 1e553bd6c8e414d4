import { run } from '../run.ts'
import type { ServerModule } from '../server-module.ts'
import type { Terminal } from '../terminal.ts'

export const NOW = new Date('2030-01-01T12:00:00Z')

export type Ran = { code: number; out: string; err: string }

export type World = {
  env?: Record<string, string>
  files?: Record<string, string>
  /** Permission bits of files; what is not named is its owner's alone. */
  modes?: Record<string, number>
  stdin?: string
  width?: number
  server?: ServerModule
  /** The time; without it, `NOW`. */
  now?: Date
  /** Why what is written to stdout gets nowhere. */
  outFailure?: string
  /** What a person types when asked; without it nobody can be asked. */
  answer?: string
  /** What a person types when asked for a secret, one after the other; without it nobody can be asked. */
  secrets?: readonly string[]
}

/** A terminal that is made of strings, and what was written to it. */
export function testTerminal({
  env = {},
  files = {},
  modes = {},
  stdin = '',
  width,
  answer,
  secrets,
  server,
  now,
  outFailure,
}: World = {}) {
  const written = { out: '', err: '' }
  const toType = [...(secrets ?? [])]
  const readFile = (path: string) => {
    const text = files[path]
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
    return text
  }
  const terminal: Terminal = {
    env,
    width,
    stdoutIsTerminal: width !== undefined,
    colour: false,
    out: (text) => {
      written.out += text
    },
    err: (text) => {
      written.err += text
    },
    stdoutIsNowhere: false,
    outFailure: async () => outFailure,
    readFile,
    readBytes: (path) => new TextEncoder().encode(readFile(path)),
    isOwn: () => true,
    isFile: (path) => files[path] !== undefined,
    exists: (path) => files[path] !== undefined,
    modeOf: (path) => (files[path] === undefined ? undefined : (modes[path] ?? 0o600)),
    writeFile: (path, text) => {
      files[path] = text
    },
    readStdin: async () => stdin,
    canAsk: answer !== undefined || secrets !== undefined,
    ask: async (question) => {
      written.err += `${question}\n`
      return answer ?? ''
    },
    askSecret: async (question) => {
      written.err += `${question}\n`
      return toType.shift() ?? ''
    },
    now: () => now ?? NOW,
    loadServer: async () => {
      if (server === undefined) throw new Error('this test has no server')
      return server
    },
    stopRequested: async () => {},
  }
  return { terminal, written }
}

/** Runs one command line, split at spaces (`~` stands for a space inside a word). */
export async function ran(line: string, world: World = {}): Promise<Ran> {
  const { terminal, written } = testTerminal(world)
  const argv = line.split(' ').map((word) => word.replaceAll('~', ' '))
  const code = await run(argv, terminal)
  return { code, ...written }
}
