// What befalls one server of several: its link to the database falls silent, is cut or slow, and the server itself stands
// still. What others revoke meanwhile it may allow as long as its lease lasts, and no longer.
import { type Fault, LEASE_MS, REACHABLE_MS, type Scene } from './scene.ts'
import type { Witness } from './witness.ts'

/** More than a server reads by name, and more than an hour's worth. */
const MANY_CHANGES = 100_000

const LOOK_UP_MS = 400

/** A cable is pulled: no byte arrives, and nobody is told. */
const silentLink: Fault = async (scene) => {
  const node = scene.node('silenced')
  const { witnesses: good } = await scene.known('a good key', node)
  const { issued, witnesses: doomed } = await scene.known('a key that is revoked meanwhile', node)
  const fresh = await scene.issue()
  const silentMs = performance.now()
  node.link.silence()
  await scene.revoke(issued)
  const inLease = scene.statusAt(node, fresh)
  await seesOutage(scene, node.name, silentMs, good, doomed)
  scene.expect(
    'a key that has to be looked up, while the link is silent, gets 503',
    (await inLease) === 503,
    await inLease,
  )
  const late = await scene.statusAt(node, fresh)
  scene.expect('a key that has to be looked up, after the lease, gets 503', late === 503, late)
  for (const witness of good) {
    scene.notes.push(`silent link: the slowest 503 took ${Math.round(witness.slowestMs(503, silentMs))} ms`)
  }
  node.link.heal()
  await recovers(scene, node.name, silentMs, good, doomed)
}

/**
 * A link is cut while very much changes. With `forgetful`, the log of changes is trimmed meanwhile: what the server held
 * cannot be brought up to date by it.
 */
function cutLink(isForgetful: boolean): Fault {
  return async (scene) => {
    const node = scene.node('severed')
    const { witnesses: good } = await scene.known('a good key', node)
    const { issued, witnesses: doomed } = await scene.known('a key that is revoked meanwhile', node)
    const cutMs = performance.now()
    node.link.cut()
    await scene.revoke(issued)
    await scene.database.sql(`with moved as (
        update revision set value = value + ${MANY_CHANGES}, stamp = 'storm' returning value)
      insert into change (revision, noun, noun_id, at, stamp)
      select value - ${MANY_CHANGES} + n, 'credential', 'key_' || n, extract(epoch from now())::bigint, 'storm'
      from moved, generate_series(1, ${MANY_CHANGES}) n`)
    if (isForgetful) await scene.database.sql('delete from change where revision < (select value from revision)')
    await seesOutage(scene, node.name, cutMs, good, doomed)
    node.link.heal()
    await recovers(scene, node.name, cutMs, good, doomed)
  }
}

/** A server stands still for longer than its lease: what it is asked meanwhile it answers when it goes on. */
const frozenServer: Fault = async (scene) => {
  const node = scene.node('frozen')
  const { witnesses: good } = await scene.known('a good key', node)
  const { issued, witnesses: doomed } = await scene.known('a key that is revoked meanwhile', node)
  const connections = await Promise.all(Array.from({ length: 8 }, () => node.connect()))
  node.freeze()
  const frozenMs = performance.now()
  await scene.revoke(issued)
  const waiting = connections.map(async (connection, number) => {
    await Bun.sleep(number * 600)
    const { status } = await connection.ask(issued.host, issued.key)
    connection.close()
    return status
  })
  await Bun.sleep(LEASE_MS + 500)
  const thawedMs = performance.now()
  node.thaw()
  const statuses = await Promise.all(waiting)
  scene.expect('what was asked meanwhile is not allowed', !statuses.includes(200), statuses)
  for (const witness of doomed) scene.expectNoneAllowed('a revoked key, once it goes on,', witness, thawedMs, 0)
  await recovers(scene, node.name, frozenMs, good, doomed)
}

/**
 * The first look-ups of keys, while they are revoked elsewhere. Their answers are slow, and what tells of the change is
 * not: what was read before it arrives after it.
 */
const fillingWhileRevoked: Fault = async (scene) => {
  const node = scene.node('silenced')
  const keys = await Promise.all(Array.from({ length: 16 }, () => scene.issue()))
  node.link.slowDownNew(LOOK_UP_MS)
  // Look-ups have to make new connections: by that which asks for the revision nobody ever looked up a credential.
  await scene.database.sql(`select pg_terminate_backend(pid) from pg_stat_activity
    where query like '%"credential"%' and pid <> pg_backend_pid()`)
  const askedMs = performance.now()
  const watching = keys.map((issued) => scene.witness('a key looked up meanwhile', node, issued))
  await Promise.all(
    keys.map(async (issued, number) => {
      // A connection takes two answers before the one that is waited for.
      await Bun.sleep(number * (LOOK_UP_MS / 4) - (performance.now() - askedMs))
      const revokedMs = await scene.revoke(issued)
      const witness = (await watching[number]) as Witness
      await witness.see(401)
      const refusedMs = performance.now()
      await Bun.sleep(500)
      scene.expectNoneAllowed('a key that was revoked while it was looked up', witness, revokedMs, REACHABLE_MS)
      scene.expectNoneAllowed('a key that was refused once', witness, refusedMs, 0)
      await witness.stop()
    }),
  )
  node.link.heal()
}

/** Nobody is ever told of a change: those who listen are cut off again and again. */
const deafServers: Fault = async (scene) => {
  const nodes = scene.cluster.nodes.filter(({ name }) => name === 'calm' || name === 'frozen')
  const { witnesses: good } = await scene.known('a good key', ...nodes)
  const { issued, witnesses: doomed } = await scene.known('a key that is revoked', ...nodes)
  const cut = `select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'`
  const startedMs = performance.now()
  let isOver = false
  const cutting = (async () => {
    while (!isOver) await scene.database.sql(cut).then(() => Bun.sleep(20))
  })()
  await Bun.sleep(Math.random() * 1000)
  const revokedMs = await scene.revoke(issued)
  for (const witness of doomed) {
    await witness.see(401)
    scene.expectNoneAllowed('a revoked key, with nobody told,', witness, revokedMs, REACHABLE_MS)
  }
  isOver = true
  await cutting
  for (const witness of good) scene.expectOnly('a good key, with nobody told,', witness, startedMs, [200])
  await Promise.all([...good, ...doomed].map((witness) => witness.stop()))
}

/** Within the lease it is answered as before, beyond it with 503, and never with 401. */
export async function seesOutage(
  scene: Scene,
  where: string,
  sinceMs: number,
  ...of: readonly (readonly Witness[])[]
): Promise<void> {
  const witnesses = of.flat()
  await Promise.all(witnesses.map((witness) => witness.see(503)))
  for (const witness of witnesses) {
    scene.expectNoneAllowed(`what ${where} knows`, witness, sinceMs, LEASE_MS)
    scene.expectOnly(`what ${where} knows`, witness, sinceMs, [200, 503])
  }
}

/** What is good is allowed again without anybody's help, and what was revoked never. */
async function recovers(
  scene: Scene,
  where: string,
  sinceMs: number,
  good: readonly Witness[],
  doomed: readonly Witness[],
): Promise<void> {
  for (const witness of good) await witness.see(200)
  for (const witness of doomed) {
    await witness.see(401)
    scene.expectNoneAllowed(`what was revoked while ${where} could not know`, witness, sinceMs, LEASE_MS)
  }
  for (const witness of good) scene.expectOnly(`a good key at ${where}`, witness, sinceMs, [200, 503])
  await Promise.all([...good, ...doomed].map((witness) => witness.stop()))
}

export const LINK_FAULTS = {
  silentLink,
  cutLink: cutLink(false),
  cutLinkForLong: cutLink(true),
  frozenServer,
  fillingWhileRevoked,
  deafServers,
} satisfies Record<string, Fault>
