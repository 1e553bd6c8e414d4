// What befalls the database that several servers share: it is stopped, killed or frozen, and comes back.
import { seesOutage } from './link-faults.ts'
import { type Fault, REACHABLE_MS, type Scene } from './scene.ts'

type Misfortune = { readonly befall: (scene: Scene) => unknown; readonly undo: (scene: Scene) => unknown }

/** What is known is answered within the lease; what is not known, and what comes later, gets 503 until it is back. */
function withoutDatabase({ befall, undo }: Misfortune): Fault {
  return async (scene) => {
    const { nodes } = scene.cluster
    const { witnesses: good } = await scene.known('a good key', ...nodes)
    const fresh = await scene.issue()
    const doomed = await scene.issue()
    await befall(scene)
    const goneMs = performance.now()
    const asked = nodes.flatMap((node) => [fresh, scene.stranger()].map((issued) => scene.statusAt(node, issued)))
    const revoking = scene.calm.call('POST', `/credentials/${doomed.id}/revoke`, {}).then(({ status }) => status)
    await seesOutage(scene, 'each', goneMs, good)
    const inLease = good.map((witness) => witness.allowedMsAfter(goneMs) > 0)
    scene.expect('what is known is allowed within the lease', inLease.every(Boolean), inLease)
    const later = nodes.flatMap((node) => [fresh, scene.stranger()].map((issued) => scene.statusAt(node, issued)))
    await undo(scene)
    for (const statuses of [await Promise.all(asked), await Promise.all(later)]) {
      // Frozen, it may have gone on before they gave up: then they were told what is so.
      const isSo = statuses.every((status, at) => status === 503 || status === (at % 2 === 0 ? 200 : 401))
      scene.expect('what has to be looked up gets 503', isSo, statuses)
    }

    for (const witness of good) {
      await witness.see(200)
      scene.expectOnly('a good key', witness, goneMs, [200, 503])
      await witness.stop()
    }
    const acknowledged = await revoking
    for (const node of nodes) {
      const statuses = [await scene.statusAt(node, fresh), await scene.statusAt(node, scene.stranger())]
      scene.expect('with the database back, each is told what is so', statuses.join() === '200,401', statuses)
      const status = await scene.statusAt(node, doomed)
      const isSo = status === 401 || (status === 200 && acknowledged !== 200)
      scene.expect(`a revocation answered with ${acknowledged} is in force, or was not`, isSo, status)
    }
  }
}

/** A change is open for long: what comes behind it waits, and nobody misses either. */
const lateCommit: Fault = async (scene) => {
  const { nodes } = scene.cluster
  const { issued: slow, witnesses: slowly } = await scene.known('what a slow change revokes', ...nodes)
  const { issued: quick, witnesses: quickly } = await scene.known('what is revoked behind it', ...nodes)
  const open = scene.database.sql(`begin;
    update revision set value = value + 1, stamp = 'slow';
    insert into change select value, 'credential', '${slow.id}', extract(epoch from now())::bigint, stamp from revision;
    update credential set revoked_at = extract(epoch from now())::bigint, revoked_by = 'client:ops' where id = '${slow.id}';
    select pg_sleep(1.5);
    commit`)
  await Bun.sleep(300)
  const quickMs = await scene.revoke(quick)
  await open
  for (const witness of [...slowly, ...quickly]) await witness.see(401)
  for (const witness of [...slowly, ...quickly]) {
    scene.expectNoneAllowed(
      'what was revoked by a change that took long, or behind it,',
      witness,
      quickMs,
      REACHABLE_MS,
    )
    await witness.stop()
  }
}

export const DATABASE_FAULTS = {
  stopped: withoutDatabase({ befall: ({ database }) => database.stop(), undo: ({ database }) => database.start() }),
  killed: withoutDatabase({ befall: ({ database }) => database.kill(), undo: ({ database }) => database.start() }),
  frozen: withoutDatabase({ befall: ({ database }) => database.freeze(), undo: ({ database }) => database.thaw() }),
  lateCommit,
} satisfies Record<string, Fault>
