// Links that lag by up to half a minute, more and less by turns, while keys are made, revoked and asked with by chance.
import type { ClusterNode } from '../support/cluster.ts'
import type { Connection } from './connection.ts'
import type { Issued } from './furnished-cluster.ts'
import { type Fault, LEASE_MS, type Scene } from './scene.ts'

/** How slow a link may be for a while, each time by chance. */
const WORST_LAG_MS = 30_000
const LONGEST_LAGS_MS = [0, 20, 300, 1500, 5000, WORST_LAG_MS]
const LONGEST_WHILE_MS = 4000
const MORE_MS = 20_000
const KEYS = 40
const VERIFIERS = 6

type Known = Issued & { isDying: boolean; revokedMs: number }

type Counts = Record<'allowed' | 'refused' | 'unclear', number>

/** `seconds` of a history by chance, each answer held to the promise. */
export function laggingLinks(seconds: number): Fault {
  return async (scene) => {
    const nodes = [scene.node('silenced'), scene.node('severed')]
    const counts: Counts = { allowed: 0, refused: 0, unclear: 0 }
    const endMs = performance.now() + seconds * 1000
    // Chance may have let no answer through until then: it goes on until there is one of each kind.
    const isJudged = () => counts.allowed > 0 && counts.refused > 0
    const isOver = () => performance.now() > endMs + (isJudged() ? 0 : MORE_MS)
    const keys: Known[] = await Promise.all(Array.from({ length: KEYS }, () => newKey(scene)))
    const verifiers = nodes.flatMap((node) =>
      Array.from({ length: VERIFIERS }, () => verify(scene, node, keys, counts, isOver)),
    )
    const lagging = nodes.map((node, at) => lag(node, isOver, at === 0))
    try {
      await Promise.all([revoke(scene, keys, isOver), ...lagging, ...verifiers])
    } finally {
      await Promise.all(lagging)
      for (const node of nodes) node.link.heal()
    }
    const { allowed, refused, unclear } = counts
    scene.notes.push(`${seconds} s of lagging links: ${allowed} allowed, ${refused} refused, ${unclear} answers of 503`)
    scene.expect('lagging links leave something to judge', isJudged(), counts)
    const fresh = await scene.issue()
    for (const node of nodes) await (await scene.witness('a good key after the lag', node, fresh)).see(200)
  }
}

async function newKey(scene: Scene): Promise<Known> {
  return { ...(await scene.issue()), isDying: false, revokedMs: Number.POSITIVE_INFINITY }
}

/** `isWorstFirst`: it begins with more lag than a lease lasts. */
async function lag({ link }: ClusterNode, isOver: () => boolean, isWorstFirst: boolean): Promise<void> {
  if (isWorstFirst) {
    link.slowDown(() => Math.random() * WORST_LAG_MS)
    await Bun.sleep(LEASE_MS + 3000)
    link.heal()
  }
  while (!isOver()) {
    const longestMs = anyOf(LONGEST_LAGS_MS)
    link.slowDown(() => Math.random() * longestMs)
    await Bun.sleep(Math.random() * LONGEST_WHILE_MS)
    // What was under way for too long arrives all the same.
    if (Math.random() < 0.5) link.heal()
  }
}

async function revoke(scene: Scene, keys: Known[], isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await Bun.sleep(Math.random() * 200)
    const doomed = anyOf(keys)
    if (!doomed.isDying) {
      doomed.isDying = true
      doomed.revokedMs = await scene.revoke(doomed)
    } else keys[keys.indexOf(doomed)] = await newKey(scene)
  }
}

async function verify(
  scene: Scene,
  node: ClusterNode,
  keys: readonly Known[],
  counts: Counts,
  isOver: () => boolean,
): Promise<void> {
  const connection: Connection = await node.connect()
  while (!isOver()) {
    const asked = anyOf(keys)
    const startedMs = performance.now()
    const { status } = await connection.ask(asked.host, asked.key)
    if (status === 200) counts.allowed++
    else if (status === 401) counts.refused++
    else counts.unclear++
    const lateMs = startedMs - asked.revokedMs
    if (status === 200)
      scene.expect('a lagging server allows nothing beyond its lease', lateMs <= LEASE_MS, `${lateMs} ms`)
    if (status === 401) scene.expect('it refuses nothing that is good', asked.isDying, asked.id)
    await Bun.sleep(5)
  }
  connection.close()
}

function anyOf<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)] as T
}
