// What may befall several servers and the database that they share: each fault once, on real processes.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { availableEngines, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { DATABASE_FAULTS } from './database-faults.ts'
import { laggingLinks } from './lagging-links.ts'
import { LINK_FAULTS } from './link-faults.ts'
import { killedAtCommit } from './node-deaths.ts'
import { type Fault, Scene } from './scene.ts'

const hasPostgres = (await availableEngines()).includes(POSTGRES)

/** What befalls one server each, all at once. */
const OF_ONE: [claim: string, fault: Fault][] = [
  [
    'OPS-09 a link that falls silent: nothing passes beyond the lease, and it recovers by itself',
    LINK_FAULTS.silentLink,
  ],
  ['OPS-11 a server that missed very much: nothing passes until it has caught up', LINK_FAULTS.cutLink],
  ['OPS-27 a server that stood still answers nothing by what it held before', LINK_FAULTS.frozenServer],
]

/** What would befall those of the others too, one after the other. */
const OF_ALL: [claim: string, fault: Fault][] = [
  ['OPS-11 also beyond what the log of changes still holds', LINK_FAULTS.cutLinkForLong],
  [
    'OPS-08 those who listen are cut off: the poll finds what changed, and the lease never ends',
    LINK_FAULTS.deafServers,
  ],
  ['OPS-15 a key that is looked up while it is revoked elsewhere stays refused', LINK_FAULTS.fillingWhileRevoked],
  ['OPS-15 links that lag by up to half a minute let nothing pass beyond the lease', laggingLinks(12)],
  ['OPS-02 a server dies at the commit of revocations: what it acknowledged is in force', killedAtCommit],
  ['OPS-02 a change that is committed late, and one behind it, are missed by nobody', DATABASE_FAULTS.lateCommit],
  ['OPS-06 OPS-07 the database is stopped: known keys for the lease, then 503, never 401', DATABASE_FAULTS.stopped],
  ['OPS-06 OPS-09 the database stands still, and goes on', DATABASE_FAULTS.frozen],
]

describe.skipIf(!hasPostgres)('P3', () => {
  const teardown = new Teardown()
  let scene: Scene

  beforeAll(async () => {
    scene = await Scene.set(teardown)
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  const play = async (fault: Fault) => {
    const act = scene.act()
    await fault(act)
    expect(act.violations.list()).toEqual([])
    expect(act.trials).toBeGreaterThan(0)
  }
  for (const [claim, fault] of OF_ONE) test.concurrent(claim, () => play(fault), 2 * PATIENCE_MS)
  for (const [claim, fault] of OF_ALL) test.serial(claim, () => play(fault), 2 * PATIENCE_MS)
})
