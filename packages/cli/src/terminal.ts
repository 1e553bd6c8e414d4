import type { LoadServer } from './server-module.ts'

/** Everything of the world that a command may touch, so that a test can stand in for it. */
export type Terminal = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Columns of the terminal that stdout is; undefined when it is a file or a pipe: then nothing is cut. */
  readonly width: number | undefined
  readonly stdoutIsTerminal: boolean
  /** Colour only ever repeats what a word says. */
  readonly colour: boolean
  /** stdout is closed, or the null device: nobody ever reads what is said there, and no write fails. */
  readonly stdoutIsNowhere: boolean
  out(text: string): void
  err(text: string): void
  /** Once all that was given to `out` is written: why it could not be, like `EPIPE` or `ENOSPC`; undefined: it was. */
  outFailure(): Promise<string | undefined>
  /** Throws as `node:fs` does, with a `code`. */
  readFile(path: string): string
  readBytes(path: string): Uint8Array
  /** Whether it is a file, and no pipe or device, which may have no end. */
  isFile(path: string): boolean
  exists(path: string): boolean
  /** The permission bits of a file; undefined: there is none. */
  modeOf(path: string): number | undefined
  /** Whether a file belongs to whoever runs this, or to root. */
  isOwn(path: string): boolean
  /** Writes a file that its owner alone may read, in a folder that is made; all of it, or nothing. */
  writeFile(path: string, text: string): void
  readStdin(): Promise<string>
  /** Whether a person sits there who reads stderr and can type an answer. */
  readonly canAsk: boolean
  /** One line that was typed, empty when the input ended. */
  ask(question: string): Promise<string>
  /** The same without showing what is typed. */
  askSecret(question: string): Promise<string>
  now(): Date
  /** The server, which brings the database along: only what needs it loads it. */
  loadServer: LoadServer
  /** Resolves when the process is asked to stop; from then on further requests change nothing. */
  stopRequested(): Promise<void>
}
