// Several real servers on one real PostgreSQL, each by a link of its own to it if one is wanted.
import { Connection } from '../promises/connection.ts'
import { BOOTSTRAP_KEY, KEK, PUBLIC_URL } from './app.ts'
import { MAIN } from './countersign-server.ts'
import { ROOT } from './guide.ts'
import { HeldLink } from './held-link.ts'
import { freePort } from './loopback.ts'
import { OwnPostgres } from './own-postgres.ts'
import { type Program, startProgram } from './program.ts'
import type { Teardown } from './teardown.ts'

type Answered = { readonly status: number; readonly body: Record<string, unknown> }

/** On a machine that has much else to do a change may come too late for its turn. */
export const MAX_AGAIN = 10

export class ClusterNode {
  #program: Program | undefined

  constructor(
    readonly name: string,
    private readonly dataDir: string,
    private readonly databaseUrl: string,
    private readonly heldLink: HeldLink | undefined,
    readonly address = `127.0.0.1:${freePort()}`,
  ) {}

  /** Its way to the database. Throws where it has none of its own. */
  get link(): HeldLink {
    if (this.heldLink === undefined) throw new Error(`${this.name} has no link of its own`)
    return this.heldLink
  }

  async start(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#program = await startProgram({
      name: this.name,
      command: [process.execPath, MAIN, 'serve'],
      cwd: ROOT,
      env: {
        ...nodeEnvironment(this.dataDir, this.databaseUrl),
        COUNTERSIGN_LISTEN: this.address,
        COUNTERSIGN_NODE_NAME: this.name,
        ...environment,
      },
      ready: () => isServing(this.address),
    })
  }

  log(): string {
    return this.#program?.log() ?? ''
  }

  async stop(): Promise<void> {
    this.#signal('SIGCONT')
    await this.#program?.stop()
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    await this.#program?.kill()
  }

  freeze(): void {
    this.#signal('SIGSTOP')
  }

  thaw(): void {
    this.#signal('SIGCONT')
  }

  connect(): Promise<Connection> {
    return Connection.open(this.address)
  }

  /** Calls the management API by a connection that nobody else uses. */
  async call(method: string, path: string, body?: unknown): Promise<Answered> {
    const connection = await this.connect()
    try {
      const { status, body: answer } = await connection.call(BOOTSTRAP_KEY, method, path, body)
      return { status, body: (answer ?? {}) as Record<string, unknown> }
    } finally {
      connection.close()
    }
  }

  /** Calls it, again while it says that it cannot now, and throws unless it answers so. */
  async expect(status: number, method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    let answer = await this.call(method, path, body)
    for (let again = 0; answer.status === 503 && again < MAX_AGAIN; again++) {
      await Bun.sleep(200)
      answer = await this.call(method, path, body)
    }
    if (answer.status === status) return answer.body
    throw new Error(`${this.name}: ${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#program !== undefined) process.kill(this.#program.pid, signal)
  }
}

export type Cluster = { readonly database: OwnPostgres; readonly nodes: readonly ClusterNode[] }

/** Starts servers of these names. `linked`: each has a link of its own to the database. */
export async function startCluster(
  names: readonly string[],
  teardown: Teardown,
  { linked = false } = {},
): Promise<Cluster> {
  const database = await OwnPostgres.start()
  teardown.add(() => database.remove())
  const nodes: ClusterNode[] = []
  for (const name of names) {
    const link = linked ? await HeldLink.to(database.socket) : undefined
    if (link !== undefined) teardown.add(() => link.close())
    const dataDir = await teardown.temporaryDirectory(name)
    const node = new ClusterNode(name, dataDir, link?.urlOf(database.url) ?? database.url, link)
    await node.start()
    teardown.add(() => node.kill())
    nodes.push(node)
  }
  return { database, nodes }
}

/** What all servers on one database share, whatever else each is told. */
export function nodeEnvironment(dataDir: string, databaseUrl: string): Record<string, string> {
  return {
    HOME: dataDir,
    COUNTERSIGN_DATA_DIR: dataDir,
    COUNTERSIGN_DATABASE_URL: databaseUrl,
    COUNTERSIGN_PUBLIC_URL: PUBLIC_URL,
    COUNTERSIGN_BOOTSTRAP_KEY: BOOTSTRAP_KEY,
    COUNTERSIGN_KEK: KEK,
  }
}

async function isServing(address: string): Promise<boolean> {
  try {
    return (await fetch(`http://${address}/healthz`)).status === 200
  } catch {
    return false
  }
}
