import { sql } from 'kysely'
import { Client } from 'pg'
import type { SharedDatabase } from './store.ts'

/** One name for all: whoever is woken for nothing asks for the revision and sleeps on. */
const CHANNEL = 'countersign'
const RECONNECT_MS = 1000
/** How often a silent connection is asked whether it is still there. */
const PROBE_MS = 30_000
const ANSWER_TIMEOUT_MS = 4000

/** What PostgreSQL has for nodes that serve from one database. The readers are closed by whoever opened them. */
export function sharedDatabase(
  url: string,
  readers: Pick<SharedDatabase, 'revisionReader' | 'lookUpReader'>,
): SharedDatabase {
  return {
    ...readers,
    nowMs: sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
    async announce(db, revision) {
      await sql`select pg_notify(${CHANNEL}, ${String(revision)})`.execute(db)
    },
    listen: (wake) => new Listener(url, wake),
  }
}

/**
 * A connection that hears what others announce, made anew when it is lost. Whatever it fails at is no error: what
 * nobody heard is found by the poll.
 */
class Listener {
  #client: Client | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #isStopped = false

  constructor(
    private readonly url: string,
    private readonly wake: (revision: number | undefined) => void,
  ) {
    void this.#connect()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#client?.end().catch(() => undefined)
  }

  async #connect(): Promise<void> {
    const client = new Client({
      connectionString: this.url,
      application_name: 'countersign',
      connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
    })
    this.#client = client
    // Without a listener, a connection that is lost would end the process.
    client.on('error', () => undefined)
    client.on('end', () => this.#giveUp(client))
    client.on('notification', ({ payload }) => this.wake(revisionIn(payload)))
    try {
      await client.connect()
      await client.query(`listen ${CHANNEL}`)
      // What was announced before is lost.
      this.wake(undefined)
      this.#probeLater(client)
    } catch {
      this.#giveUp(client)
    }
  }

  /** A link that was cut in silence says nothing: it has to be asked. */
  #probeLater(client: Client): void {
    this.#later(PROBE_MS, () =>
      client.query('select 1').then(
        () => this.#probeLater(client),
        () => this.#giveUp(client),
      ),
    )
  }

  /** A client that ends is given up twice at most, and the second time there is another one. */
  #giveUp(client: Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    client.end().catch(() => undefined)
    this.#later(RECONNECT_MS, () => this.#connect())
  }

  /** The last one that is said counts: never are there two connections, or two probes of one. */
  #later(ms: number, work: () => Promise<unknown>): void {
    clearTimeout(this.#timer)
    if (this.#isStopped) return
    this.#timer = setTimeout(() => void work(), ms)
    this.#timer.unref()
  }
}

/** Undefined for what no node of ours announced: then the database is asked. */
function revisionIn(payload: string | undefined): number | undefined {
  return payload !== undefined && /^[0-9]{1,15}$/.test(payload) ? Number(payload) : undefined
}
