import type { Subprocess } from 'bun'
import { PATH } from './installed.ts'
import { until } from './wait.ts'

const TERM_MS = 10_000

/** Where the system can: a program is told to end when the process that started it dies, however it dies. */
const GUARD = Bun.which('setpriv') === null ? [] : ['setpriv', '--pdeathsig', 'TERM', '--']

/** A real program that runs beside the test. It is ended by its own pid, never by name. */
export type Program = {
  readonly pid: number
  /** All that it wrote to stdout and stderr so far. */
  log(): string
  /** Ends it: asked first, killed if it does not listen. Does nothing the second time. */
  stop(): Promise<void>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
  /** With what it ended. */
  readonly exited: Promise<number>
}

export type ProgramOptions = {
  readonly name: string
  readonly command: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly ready: () => boolean | Promise<boolean>
}

/** Starts a program and waits until it is ready. One that ends before is an error that shows its log. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const child = Bun.spawn([...GUARD, ...options.command], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { PATH, ...options.env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const written: string[] = []
  for (const stream of [child.stdout, child.stderr]) void collect(stream, written)
  const log = () => written.join('')
  const orphan = () => child.kill('SIGKILL')
  process.once('exit', orphan)
  void child.exited.then(() => process.off('exit', orphan))

  const isReady = async () => {
    if (child.exitCode !== null) throw new Error(`${options.name} ended with ${child.exitCode}:\n${log()}`)
    return await options.ready()
  }
  try {
    await until(`${options.name} to be ready`, isReady, 20_000)
  } catch (failure) {
    await end(child, 'SIGKILL')
    throw new Error(`${options.name} did not start. Its log:\n${log()}`, { cause: failure })
  }
  const { pid, exited } = child
  return { pid, log, stop: () => end(child, 'SIGTERM'), kill: () => end(child, 'SIGKILL'), exited }
}

async function end(child: Subprocess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  child.kill(signal)
  const deaf = setTimeout(() => child.kill('SIGKILL'), TERM_MS)
  await child.exited
  clearTimeout(deaf)
}

async function collect(stream: ReadableStream<Uint8Array>, into: string[]): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) into.push(decoder.decode(chunk, { stream: true }))
}

/** A program run to its end: what it wrote and how it ended. */
export type Finished = { readonly exitCode: number; readonly stdout: string; readonly stderr: string }

export async function run(
  command: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Finished> {
  const child = Bun.spawn([...command], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { PATH, ...options.env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: 60_000,
  })
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { exitCode: await child.exited, stdout, stderr }
}
