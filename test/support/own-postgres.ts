// A PostgreSQL that a test may treat as badly as fate does: stopped, killed, frozen, started again on the same files.
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runSql } from '../../packages/server/src/store/testing/postgres-databases.ts'
import {
  makePostgresHome,
  type PostgresHome,
  untilReady,
} from '../../packages/server/src/store/testing/postgres-server.ts'
import { until } from './wait.ts'

/** It ends with the test run, also one that is killed. */
const GUARD = Bun.which('setpriv') === null ? [] : ['setpriv', '--pdeathsig', 'KILL', '--']

export class OwnPostgres {
  #server: Bun.Subprocess | undefined
  #isFrozen = false
  readonly #orphan = () => this.#signalAll('SIGKILL')

  private constructor(private readonly home: PostgresHome) {}

  static async start(): Promise<OwnPostgres> {
    const postgres = new OwnPostgres(await makePostgresHome())
    await postgres.start()
    return postgres
  }

  /** The address of its database `postgres`, by its unix socket. */
  get url(): string {
    return this.home.url
  }

  /** Where it accepts connections. */
  get socket(): string {
    return join(this.home.data, '.s.PGSQL.5432')
  }

  /** Runs SQL as an operator does. */
  sql(text: string): Promise<Record<string, unknown>[]> {
    return runSql(this.url, text)
  }

  async start(): Promise<void> {
    const server = Bun.spawn([...GUARD, ...this.home.command], {
      ...this.home.settings,
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: Bun.file(join(this.home.data, 'log')),
    })
    this.#server = server
    process.once('exit', this.#orphan)
    await untilReady(this.url, () => server.exitCode)
  }

  /** As an operator stops it: who is connected is told, and nobody can connect any more. */
  async stop(): Promise<void> {
    this.thaw()
    this.#server?.kill('SIGINT')
    await this.#gone([])
  }

  /** As a machine does that loses its power: nobody is told. */
  async kill(): Promise<void> {
    const pids = this.#pids()
    this.#signalAll('SIGKILL')
    await this.#gone(pids)
  }

  /** From now on it does nothing, and its connections stay open. */
  freeze(): void {
    this.#isFrozen = true
    this.#signalAll('SIGSTOP')
  }

  thaw(): void {
    if (this.#isFrozen) this.#signalAll('SIGCONT')
    this.#isFrozen = false
  }

  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.home.data, { recursive: true, force: true })
  }

  async #gone(pids: readonly number[]): Promise<void> {
    await this.#server?.exited
    this.#server = undefined
    process.off('exit', this.#orphan)
    await until('the processes of PostgreSQL to end', () => !pids.some(isAlive))
  }

  #signalAll(signal: NodeJS.Signals): void {
    for (const pid of this.#pids()) {
      try {
        process.kill(pid, signal)
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  /** The server and what it forked, each in a session of its own. */
  #pids(): number[] {
    const pid = this.#server?.pid
    if (pid === undefined || this.#server?.exitCode !== null) return []
    try {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
      return [
        pid,
        ...children
          .split(' ')
          .filter((text) => text !== '')
          .map(Number),
      ]
    } catch {
      return [pid]
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
