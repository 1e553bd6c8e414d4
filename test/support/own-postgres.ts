// A PostgreSQL that a test may treat as badly as fate does: stopped, killed, frozen, started again on the same files.
import { appendFileSync, chownSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runSql } from '../../packages/server/src/store/testing/postgres-databases.ts'
import {
  makePostgresHome,
  type PostgresHome,
  untilReady,
} from '../../packages/server/src/store/testing/postgres-server.ts'
import type { HeldLink } from './held-link.ts'
import { until } from './wait.ts'

/** It ends with the test run, also one that is killed. */
const GUARD = Bun.which('setpriv') === null ? [] : ['setpriv', '--pdeathsig', 'KILL', '--']

export class OwnPostgres {
  #server: Bun.Subprocess | undefined
  #isFrozen = false
  readonly #orphan = () => this.#signalAll('SIGKILL')

  private constructor(private readonly home: PostgresHome) {}

  /** `durable`: as one that somebody relies on, which others can follow. */
  static async start(wanted: { readonly durable?: boolean } = {}): Promise<OwnPostgres> {
    const postgres = new OwnPostgres(await makePostgresHome(wanted))
    await postgres.start()
    return postgres
  }

  /** Another one that follows this one by `link`, called `name`, as it would be set up by a base backup. */
  async addStandby(name: string, link: HeldLink): Promise<OwnPostgres> {
    await this.stop()
    const { data, url, command, settings } = this.home
    const copy = `${data}-${name}`
    cpSync(data, copy, { recursive: true, preserveTimestamps: true })
    writeFileSync(join(copy, 'standby.signal'), '')
    appendFileSync(
      join(copy, 'postgresql.auto.conf'),
      `primary_conninfo = 'host=127.0.0.1 port=${link.port} user=countersign application_name=${name} sslmode=disable'\n`,
    )
    own(copy, settings)
    const there = (text: string) => text.replace(data, copy)
    const standby = new OwnPostgres({ data: copy, url: there(url), command: command.map(there), settings })
    await this.start()
    await standby.start()
    return standby
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

/** Copied files are those of whoever copied them. */
function own(directory: string, { uid, gid }: PostgresHome['settings']): void {
  if (uid === undefined || gid === undefined) return
  chownSync(directory, uid, gid)
  for (const name of readdirSync(directory, { recursive: true })) chownSync(join(directory, String(name)), uid, gid)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
