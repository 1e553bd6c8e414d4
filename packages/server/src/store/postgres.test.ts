// What PostgreSQL alone has: connections that are lost, limits, and what is set on each of them.
import { expect, test } from 'bun:test'
import { connect, createServer, type Socket } from 'node:net'
import { sql } from 'kysely'
import { readRevision } from './change-log.ts'
import { findCredential, writeLastUses } from './credentials.ts'
import { openStore } from './open.ts'
import { isOutage } from './outage.ts'
import { change, type Store } from './store.ts'
import { runSql } from './testing/postgres-databases.ts'
import { later, T0 } from './testing/rows.ts'
import { OPS, onPostgres, random } from './testing/suite.ts'

onPostgres('a store', (at) => {
  const show = async (db: Store['reader'], name: string) =>
    (await sql<Record<string, string>>`show ${sql.ref(name)}`.execute(db)).rows[0]?.[name]
  const outage = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      (error: unknown) => (isOutage(error) ? 'outage' : `bug: ${error}`),
    )
  /** Ends every connection to this database but the asking one, as a restart of the server does. */
  const cutAll = async () =>
    void (await runSql(
      at.place.databaseUrl,
      'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
    ))

  test('has set on each connection what a promise rests on, whatever the database says', async () => {
    await runSql(
      at.place.databaseUrl,
      `do $$ begin
      execute format('alter database %I set default_transaction_isolation = ''serializable''', current_database());
      execute format('alter database %I set default_transaction_read_only = on', current_database());
      execute format('alter database %I set lock_timeout = 0', current_database());
      execute format('alter database %I set synchronous_commit = off', current_database()); end $$`,
    )
    const { reader, writer } = await at.openAgain()
    for (const db of [reader, writer]) {
      expect(await show(db, 'transaction_isolation')).toBe('read committed')
      expect(await show(db, 'synchronous_commit')).toBe('on')
      for (const limit of ['lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout']) {
        expect([limit, await show(db, limit)]).not.toContainEqual('0')
      }
      expect(await show(db, 'application_name')).toBe('countersign')
    }
    expect(await show(writer, 'transaction_read_only')).toBe('off')
    await expect(sql`insert into setting values ('a', 'b')`.execute(reader)).rejects.toThrow('read-only')
  })

  test('compares every text by its bytes, whatever the locale of the database', async () => {
    const { rows } = await sql<{ column: string }>`
      select c.relname || '.' || a.attname as column
      from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_collation l on l.oid = a.attcollation
      where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.atttypid = 'text'::regtype
      and l.collname <> 'C'`.execute(at.reader)
    expect(rows).toEqual([])
  })

  test('reads a bigint as a number, and refuses one that a number cannot hold', async () => {
    await at.writer.updateTable('revision').set({ value: Number.MAX_SAFE_INTEGER }).execute()
    expect(await readRevision(at.reader)).toBe(Number.MAX_SAFE_INTEGER)
    await sql`update revision set value = ${'9007199254740993'}`.execute(at.writer)
    await expect(readRevision(at.reader)).rejects.toThrow('too large')
    await sql`update revision set value = -1`.execute(at.writer)
    await expect(readRevision(at.reader)).rejects.toThrow('corrupt')
  })

  test('outlives the loss of its connections: whoever asks in that moment is told, and the next one is served', async () => {
    const inside = Promise.withResolvers<void>()
    const cut = Promise.withResolvers<void>()
    const changing = outage(
      change(at.store, OPS, async (running) => {
        inside.resolve()
        await cut.promise
        await running.record('group.create', 'group', 'lost')
      }),
    )
    await inside.promise
    await cutAll()
    cut.resolve()
    expect(await changing).toBe('outage')
    // The pool may hand out every connection that it has not yet heard is dead, each once.
    let told = 0
    while ((await outage(readRevision(at.reader))) === 'outage') expect(++told).toBeLessThan(20)
    expect(await readRevision(at.reader)).toBe(0)
    expect(await at.run(async () => undefined)).toBe(1)
  })

  test('does not wait for ever for the counter: a change behind one that takes too long is an outage', async () => {
    const other = await at.openAgain()
    await other.writer.transaction().execute(async (db) => {
      await db.updateTable('revision').set({ value: 5 }).execute()
      const slow = sql`select pg_sleep(5)`.execute(db)
      expect(await outage(at.run(async () => undefined))).toBe('outage')
      await slow
    })
    expect(await at.run(async () => undefined)).toBe(6)
  }, 20_000)

  test('takes the counter from a change that falls silent, before those who wait for it give up', async () => {
    const other = await at.openAgain()
    const [begun, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const silent = outage(
      change(other, OPS, async (running) => {
        begun.resolve()
        await done.promise
        await running.record('group.create', 'group', 'lost')
      }),
    )
    await begun.promise
    expect(await at.run(async () => undefined)).toBe(1)
    done.resolve()
    expect(await silent).toBe('outage')
  }, 20_000)

  test('writes last uses without waiting for whoever changes one of them', async () => {
    for (const id of ['key_held', 'key_free']) await at.insertKey(id)
    const other = await at.openAgain()
    await other.writer.transaction().execute(async (db) => {
      await db.updateTable('credential').set({ name: 'changed' }).where('id', '=', 'key_held').execute()
      const uses = ['key_held', 'key_free'].map((id) => ({ id, at: later(5), from: '192.0.2.1' }))
      await writeLastUses(at.store, uses)
    })
    const used = async (id: string) => (await findCredential(at.reader, id))?.lastUsedAt
    expect([await used('key_held'), await used('key_free')]).toEqual([null, later(5)])
  })

  test('gives up a connection that falls silent, and serves the next question by another', async () => {
    const link = await openLink(at.place.databaseUrl ?? '')
    const store = await openStore(at.place.dataDir, () => T0, random, `${link.url}&query_timeout=400`)
    expect(await readRevision(store.reader)).toBe(0)
    link.hold()
    expect(await outage(readRevision(store.reader))).toBe('outage')
    link.letNewOnesThrough()
    expect(await readRevision(store.reader)).toBe(0)
    await store.close()
    link.close()
  })

  test('gives up a look-up sooner than what reads everything', async () => {
    const link = await openLink(at.place.databaseUrl ?? '')
    const { shared, close } = await openStore(at.place.dataDir, () => T0, random, link.url)
    const lookUp = () => outage(readRevision(shared?.lookUpReader ?? at.reader))
    expect(await lookUp()).toBe('done')
    link.hold()
    expect(await lookUp()).toBe('outage')
    link.letNewOnesThrough()
    expect(await lookUp()).toBe('done')
    await close()
    link.close()
  }, 9000)

  test('that cannot be reached says so, without the password', async () => {
    const refused = 'postgres://countersign:s3cr3t-p4ss@127.0.0.1:1/countersign'
    const wrong = (at.place.databaseUrl ?? '').replace('countersign@/', 'nobody:s3cr3t-p4ss@/')
    for (const url of [refused, wrong, `${refused}?sslmode=nonsense`, 'postgres://a:s3cr3t-p4ss@[::1/x']) {
      const error = await openStore(at.place.dataDir, () => T0, random, url).then(
        () => new Error('opened'),
        (failure: Error) => failure,
      )
      expect(error.message).not.toBe('opened')
      expect(Bun.inspect(error)).not.toContain('s3cr3t')
    }
  })

  test('wants a database of UTF-8', async () => {
    await runSql(
      at.place.databaseUrl,
      `create database latin_${process.pid} template template0 encoding 'LATIN1' locale 'C'`,
    )
    const url = (at.place.databaseUrl ?? '').replace(/\/test_[0-9_]+/, `/latin_${process.pid}`)
    await expect(openStore(at.place.dataDir, () => T0, random, url)).rejects.toThrow('UTF8')
    await runSql(at.place.databaseUrl, `drop database latin_${process.pid} with (force)`)
  })
})

/** A way to the server that can fall silent without closing, as a link does whose cable was pulled. */
async function openLink(url: string) {
  const directory = new URL(url.replace('@/', '@x/')).searchParams.get('host') ?? ''
  const pairs: Socket[][] = []
  let holds = false
  const server = createServer((inner) => {
    const outer = connect(`${directory}/.s.PGSQL.5432`)
    pairs.push([inner, outer])
    const held = holds
    inner.on('data', (chunk) => void (held || outer.write(chunk)))
    outer.on('data', (chunk) => void (held || inner.write(chunk)))
    for (const socket of [inner, outer]) socket.on('error', () => undefined)
    inner.on('close', () => outer.destroy())
    outer.on('close', () => inner.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const [, database] = /@\/([^?]+)/.exec(url) ?? []
  return {
    url: `postgres://countersign@127.0.0.1:${port}/${database}?sslmode=disable`,
    hold() {
      holds = true
      for (const [inner, outer] of pairs) {
        inner?.removeAllListeners('data')
        outer?.removeAllListeners('data')
      }
    },
    letNewOnesThrough() {
      holds = false
    },
    close() {
      server.close()
      for (const sockets of pairs) for (const socket of sockets) socket.destroy()
    },
  }
}
