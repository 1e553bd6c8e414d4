// How the demo looks: a heading, a command that a reader could paste, and what mattered in its answer.

import { run } from '../../test/support/program.ts'

const TELLING = ['WWW-Authenticate', 'Countersign-Decision']
const INDENT = '     '

export type Told = { readonly status: number; readonly decision: string | undefined }

export class Narrator {
  readonly #directory: string
  #chapter = 0

  constructor(directory: string) {
    this.#directory = directory
  }

  say(...lines: readonly string[]): void {
    for (const line of lines) console.log(line === '' ? '' : `  ${line}`)
  }

  chapter(title: string): void {
    this.#chapter += 1
    console.log(`\n\n  ${this.#chapter}. ${title}`)
  }

  /** Runs the very line that it prints. Variables of `secrets` are printed by name only. */
  async curl(line: string, secrets: Readonly<Record<string, string>>): Promise<Told> {
    console.log(`\n${INDENT}$ ${line}`)
    const { stdout } = await run(['bash', '-c', line.replace('curl ', 'curl --silent ')], {
      cwd: this.#directory,
      env: { ...secrets, HOME: this.#directory },
    })
    const headEnd = stdout.indexOf('\r\n\r\n')
    const [statusLine = '', ...fields] = stdout.slice(0, headEnd).split('\r\n')
    const headers = new Headers(fields.map((field) => field.split(/: (.*)/s, 2) as [string, string]))
    console.log(`${INDENT}  ${statusLine.replace(/^HTTP\/\S+ /, '')}`)
    for (const name of TELLING) {
      const value = headers.get(name)
      if (value !== null) console.log(`${INDENT}  ${name}: ${value}`)
    }
    return { status: Number(statusLine.split(' ')[1]), decision: headers.get('countersign-decision') ?? undefined }
  }

  /** A command and all that it wrote. */
  output(command: string, written: string): void {
    console.log(`\n${INDENT}$ ${command}`)
    for (const line of written.trimEnd().split('\n')) console.log(`${INDENT}  ${line}`.trimEnd())
  }

  note(line: string): void {
    console.log(`${INDENT}→ ${line}`)
  }
}
