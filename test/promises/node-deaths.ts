// A server dies around the moment at which a revocation is committed. What it acknowledged is in force everywhere.
import { BOOTSTRAP_KEY } from '../support/app.ts'
import { type Fault, REACHABLE_MS } from './scene.ts'

const REVOKERS = 6
const LONGEST_LIFE_MS = 60

/** Revocations are under way when the server is killed: acknowledged or not, all servers say the same of each. */
export const killedAtCommit: Fault = async (scene) => {
  const dying = scene.node('frozen')
  const living = scene.cluster.nodes.filter((node) => node !== dying)
  const trials = await Promise.all(
    Array.from({ length: REVOKERS }, async () => ({
      ...(await scene.known('a key revoked by a server that dies', ...living)),
      connection: await dying.connect(),
    })),
  )
  const revoking = trials.map(async ({ issued, connection }, number) => {
    await Bun.sleep(number * 5)
    const revoked = await connection
      .call(BOOTSTRAP_KEY, 'POST', `/credentials/${issued.id}/revoke`, {})
      .catch(() => undefined)
    return revoked?.status === 200 ? performance.now() : undefined
  })
  // At any moment, or right after the first acknowledgement, while others are under way.
  const first = Promise.race(revoking)
  await (Math.random() < 0.5 ? first : Promise.race([first, Bun.sleep(Math.random() * LONGEST_LIFE_MS)]))
  await dying.kill()
  const acknowledgedMs = await Promise.all(revoking)
  for (const [at, { witnesses }] of trials.entries()) {
    const sinceMs = acknowledgedMs[at]
    for (const witness of sinceMs === undefined ? [] : witnesses) {
      await witness.see(401)
      scene.expectNoneAllowed('what a server acknowledged as revoked, and died,', witness, sinceMs ?? 0, REACHABLE_MS)
    }
  }
  // By then what was committed without a word is known everywhere, too.
  await Bun.sleep(REACHABLE_MS)
  await dying.start()
  for (const [at, { issued, witnesses }] of trials.entries()) {
    const statuses = await Promise.all(scene.cluster.nodes.map((node) => scene.statusAt(node, issued)))
    const isSo = statuses.every((status) => status === statuses[0] && (status === 200 || status === 401))
    const sinceMs = acknowledgedMs[at]
    scene.expect('all servers say the same of a revocation that nobody heard of', isSo, statuses)
    if (sinceMs !== undefined) scene.expect('what was acknowledged stays revoked', statuses[0] === 401, statuses)
    await Promise.all(witnesses.map((witness) => witness.stop()))
  }
  const heard = acknowledgedMs.filter((ms) => ms !== undefined).length
  scene.notes.push(`a server killed while it revoked ${REVOKERS}: ${heard} acknowledged`)
}
