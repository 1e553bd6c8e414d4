// P6: what was acknowledged survives kill -9. A real process is killed in the middle of its writes, again and again.
import { Database } from 'bun:sqlite'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PUBLIC_URL } from '../support/app.ts'
import { type CountersignServer, MAIN, startCountersign } from '../support/countersign-server.ts'
import { ROOT } from '../support/guide.ts'
import { PATH } from '../support/installed.ts'
import { freePort } from '../support/loopback.ts'
import { run as runProgram, startProgram } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { isListening, until } from '../support/wait.ts'
import { Connection } from './connection.ts'
import { type Outcome, type Progress, Violations } from './outcome.ts'
import { TokenWrites } from './token-writes.ts'

const WRITERS = 6
const TOKEN_WRITERS = 2
const HOST = 'webdav.example.com'
/** How long a server lives before it is killed: from its first writes to some hundreds of them. */
const SHORTEST_LIFE_MS = 5
const LONGEST_LIFE_MS = 400

/**
 * What the clients of the API were told of a key. `asked to die`: a revocation was sent, and its answer never came;
 * either outcome is right, but it has to be one of them, whole.
 */
type KeyState = 'live' | 'asked to die' | 'revoked'
type KnownKey = { readonly id: string; readonly key: string; state: KeyState }

type Run = {
  readonly keys: KnownKey[]
  readonly acknowledged: { creations: number; revocations: number; rotations: number }
  trials: number
  readonly violations: Violations
  readonly tokens: TokenWrites
}

/** Kills a server `loops` times while it writes, and a server in the middle of its first start `loops` times. */
export async function tryKills(loops: number, progress: Progress = () => undefined): Promise<Outcome> {
  const violations = new Violations()
  const run: Run = {
    keys: [],
    acknowledged: { creations: 0, revocations: 0, rotations: 0 },
    trials: 0,
    violations,
    tokens: new TokenWrites(violations),
  }
  const teardown = new Teardown()
  try {
    const dataDir = join(await teardown.temporaryDirectory('p6'), 'data')
    await furnish(dataDir, run)
    for (let loop = 0; loop < loops; loop++) {
      await writeUntilKilled(dataDir, run)
      inspectFile(dataDir, run)
      await killFirstStart(await teardown.temporaryDirectory('p6-first'), run)
      progress(loop + 1, run.violations.count)
    }
    const server = await start(dataDir)
    await checkEveryKey(server, run)
    await run.tokens.check(server)
    await server.stop()
  } finally {
    await teardown.run()
  }
  const { creations, revocations, rotations } = run.acknowledged
  const { secrets, tokens, revocations: tokenRevocations, assertions } = run.tokens.acknowledged
  return {
    trials: run.trials + run.tokens.trials,
    violations: run.violations.list(),
    notes: [
      `${loops} servers killed while they wrote, ${loops} in the middle of their first start`,
      `${creations} creations, ${rotations} rotations and ${revocations} revocations were acknowledged`,
      `${secrets} client secrets, ${tokens} access tokens, ${tokenRevocations} revocations of them and ${assertions} assertions, too`,
    ],
  }
}

async function furnish(dataDir: string, { tokens }: Run): Promise<void> {
  const server = await start(dataDir)
  const rules = [{ path: '/**', require: { scopes: ['files:read'] } }]
  const identifier = `https://${HOST}`
  await server.make('/resources', { name: 'webdav', identifier, hosts: [HOST], scopes: ['files:read'], rules })
  await server.make('/clients', { id: 'canister', name: 'Canister' })
  await server.make('/permissions', { client: 'canister', resource: 'webdav', scopes: ['files:read'] })
  await tokens.furnish(server)
  await server.stop()
}

/** Always with the same address to the outside, whatever its port: tokens say it, and are believed after a restart. */
function start(dataDir: string): Promise<CountersignServer> {
  return startCountersign(dataDir, { COUNTERSIGN_PUBLIC_URL: PUBLIC_URL })
}

/** Starts the server, checks all that was promised before, writes, and kills it at a moment that nobody chose. */
async function writeUntilKilled(dataDir: string, run: Run): Promise<void> {
  const server = await start(dataDir)
  await checkEveryKey(server, run)
  await run.tokens.check(server)
  await run.tokens.writeOnce(server)
  const writers = [
    ...Array.from({ length: WRITERS }, () => write(server, run)),
    ...Array.from({ length: TOKEN_WRITERS }, () => run.tokens.write(server)),
  ]
  await Bun.sleep(SHORTEST_LIFE_MS + Math.random() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS))
  await server.kill()
  await Promise.all(writers)
}

/** Makes, rotates and revokes keys until the connection breaks; notes what was acknowledged, and nothing else. */
async function write(server: CountersignServer, run: Run): Promise<void> {
  const connection = await Connection.open(server.address).catch(() => undefined)
  if (connection === undefined) return
  const call = (path: string, body: unknown) => connection.call(server.bootstrapKey, 'POST', path, body)
  const mine: KnownKey[] = []
  try {
    for (;;) {
      const { status, body } = await call('/clients/canister/keys', {})
      if (status !== 201) throw new Error(`a key could not be made: ${status}`)
      mine.push(remember(run, body))
      run.acknowledged.creations++

      const rotatable = pick(mine)
      if (rotatable?.state === 'live' && Math.random() < 0.3) {
        const rotated = await call(`/credentials/${rotatable.id}/rotate`, {})
        if (rotated.status !== 201) throw new Error(`a key could not be rotated: ${rotated.status}`)
        mine.push(remember(run, rotated.body))
        run.acknowledged.rotations++
      }
      const doomed = pick(mine)
      if (doomed?.state === 'live' && Math.random() < 0.6) {
        doomed.state = 'asked to die'
        const revoked = await call(`/credentials/${doomed.id}/revoke`, { reason: 'a trial' })
        if (revoked.status !== 200) throw new Error(`a key could not be revoked: ${revoked.status}`)
        doomed.state = 'revoked'
        run.acknowledged.revocations++
      }
    }
  } catch (failure) {
    // The end that was meant: the server is gone. An answer that says no is none.
    if (failure instanceof Error && failure.message.startsWith('a key could not')) run.violations.add(failure.message)
  } finally {
    connection.close()
  }
}

function remember(run: Run, body: unknown): KnownKey {
  const { id, key } = body as { id: string; key: string }
  const known: KnownKey = { id, key, state: 'live' }
  run.keys.push(known)
  return known
}

function pick<T>(list: readonly T[]): T | undefined {
  return list[Math.floor(Math.random() * list.length)]
}

/** Asks with every key that was ever acknowledged. What hung in the balance is settled by what is seen now. */
async function checkEveryKey(server: CountersignServer, run: Run): Promise<void> {
  const rest = [...run.keys]
  const check = async () => {
    const connection = await Connection.open(server.address)
    for (let known = rest.pop(); known !== undefined; known = rest.pop()) {
      const { status } = await connection.ask(HOST, known.key)
      run.trials++
      if (known.state === 'asked to die') {
        if (status !== 200 && status !== 401)
          run.violations.add(`${known.id}: ${status} after a revocation that was cut off`)
        known.state = status === 200 ? 'live' : 'revoked'
      } else if (status !== (known.state === 'live' ? 200 : 401)) {
        run.violations.add(`${known.id} was acknowledged as ${known.state}, and is answered with ${status}`)
      }
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: WRITERS }, check))
}

/** What must be true of the file at any moment: whole, and every change there with all its parts or not at all. */
function inspectFile(dataDir: string, run: Run): void {
  const file = new Database(join(dataDir, 'countersign.db'))
  const rows = <T>(sql: string) => file.query(sql).all() as T[]
  const mustBeEmpty = (what: string, sql: string) => {
    run.trials++
    for (const row of rows<object>(sql)) run.violations.add(`${what}: ${JSON.stringify(row)}`)
  }
  try {
    const integrity = rows<{ integrity_check: string }>('pragma integrity_check').map((row) => row.integrity_check)
    if (integrity.join() !== 'ok') run.violations.add(`integrity_check: ${integrity.join('; ')}`)
    mustBeEmpty('a foreign key leads nowhere', 'pragma foreign_key_check')
    mustBeEmpty(
      'a credential without the audit event of its making',
      // An access token is no change: it is recorded where its rights come from.
      `select id from credential c where kind != 'at' and not exists (select * from audit_event e where e.noun = 'credential'
         and e.noun_id = c.id and e.revision = c.revision and e.action in ('credential.create', 'credential.rotate'))`,
    )
    mustBeEmpty(
      'an audit event of a making without its credential',
      `select noun_id from audit_event e where action in ('credential.create', 'credential.rotate')
         and not exists (select * from credential c where c.id = e.noun_id and c.revision = e.revision)`,
    )
    mustBeEmpty(
      'a revoked credential without the audit event',
      `select id from credential c where revoked_at is not null and not exists
         (select * from audit_event e where e.action = 'credential.revoke' and e.noun_id = c.id)`,
    )
    mustBeEmpty(
      'an audit event of a revocation without its effect',
      `select noun_id from audit_event e where action = 'credential.revoke' and exists
         (select * from credential c where c.id = e.noun_id and c.revoked_at is null)`,
    )
    mustBeEmpty(
      'a revocation without the line through what was minted',
      `select id from credential c where revoked_at is not null and not exists
         (select * from revocation_line l where l.subject = 'credential:' || c.id)`,
    )
    mustBeEmpty(
      'an audit event of a revocation without the line',
      `select noun_id from audit_event e where action = 'credential.revoke' and not exists
         (select * from revocation_line l where l.subject = 'credential:' || e.noun_id)`,
    )
    mustBeEmpty(
      'an audit event that nodes do not follow',
      'select revision, noun, noun_id from audit_event except select revision, noun, noun_id from change',
    )
    mustBeEmpty(
      'a change without its audit event',
      'select revision, noun, noun_id from change except select revision, noun, noun_id from audit_event',
    )
    mustBeEmpty(
      'the counter is not the last revision',
      `select value, (select max(revision) from audit_event) as last from revision
         where value != (select max(revision) from audit_event)`,
    )
    mustBeEmpty(
      'a revision that changed nothing',
      `select value from revision where value != (select count(distinct revision) from audit_event)`,
    )
    const audited = new Set(
      rows<{ it: string }>(`select action || ' ' || noun_id as it from audit_event`).map(({ it }) => it),
    )
    for (const { id, state } of run.keys) {
      run.trials++
      if (!audited.has(`credential.create ${id}`) && !audited.has(`credential.rotate ${id}`)) {
        run.violations.add(`${id} was acknowledged, and no audit event tells of its making`)
      }
      if (state === 'revoked' && !audited.has(`credential.revoke ${id}`)) {
        run.violations.add(`${id} was acknowledged as revoked, and no audit event tells of it`)
      }
    }
  } finally {
    file.close()
  }
}

/** A server that dies while it makes its data directory leaves one from which the next start works, with a way in. */
async function killFirstStart(scratch: string, run: Run): Promise<void> {
  const dataDir = join(scratch, 'data')
  const child = Bun.spawn([process.execPath, MAIN, 'serve'], {
    cwd: ROOT,
    env: { PATH, ...withoutConfiguration(dataDir, `127.0.0.1:${freePort()}`) },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  await Bun.sleep(Math.random() * LONGEST_LIFE_MS)
  child.kill('SIGKILL')
  await child.exited
  run.trials++
  const problem = await wayInto(dataDir)
  if (problem !== undefined) run.violations.add(`after a first start that was cut off: ${problem}`)
}

function withoutConfiguration(dataDir: string, address: string): Record<string, string> {
  return { HOME: join(dataDir, '..'), COUNTERSIGN_DATA_DIR: dataDir, COUNTERSIGN_LISTEN: address }
}

/** Starts a server that has nothing configured; says why the admin key of its first run is no way in, if it is none. */
async function wayInto(dataDir: string): Promise<string | undefined> {
  const address = `127.0.0.1:${freePort()}`
  const keyFile = join(dataDir, 'admin-key')
  try {
    const server = await startProgram({
      name: 'countersign serve',
      command: [process.execPath, MAIN, 'serve'],
      cwd: ROOT,
      env: withoutConfiguration(dataDir, address),
      ready: () => isListening(Number(address.split(':')[1])),
    })
    try {
      await until('the admin key', () => existsSync(keyFile), 1000).catch(() => undefined)
      if (!existsSync(keyFile)) return 'no admin key was written'
      const connection = await Connection.open(address)
      const { status } = await connection.call(readFileSync(keyFile, 'utf8').trim(), 'GET', '/me')
      connection.close()
      return status === 200 ? undefined : `the admin key is answered with ${status}`
    } finally {
      await server.stop()
    }
  } catch (failure) {
    return String(failure)
  }
}

/** A first start that fails because its port is taken, then one that does not. Says what is wrong with the second. */
export async function startBehindAnother(): Promise<string | undefined> {
  const teardown = new Teardown()
  try {
    const dataDir = join(await teardown.temporaryDirectory('p6-taken'), 'data')
    const other = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } })
    teardown.add(() => other.stop(true))
    const env = withoutConfiguration(dataDir, `127.0.0.1:${other.port}`)
    const ended = await runProgram([process.execPath, MAIN, 'serve'], { cwd: ROOT, env })
    if (ended.exitCode === 0) return 'it started on a port that was taken'
    return await wayInto(dataDir)
  } finally {
    await teardown.run()
  }
}
