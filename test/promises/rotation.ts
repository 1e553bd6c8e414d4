// Signing keys rotate and no token notices. By a clock that the run moves; what runs beside requests is run by hand, so
// that each node knows no more than its own polls told it.
import { spyOn } from 'bun:test'
import { PUBLISH_LEAD_SECONDS } from '../../packages/server/src/keys/rotation.ts'
import { chosenEngine, SQLITE } from '../../packages/server/src/store/testing/engines.ts'
import { startApp, type TestApp, tokenFor, withSecret, withWebdav } from '../support/app.ts'
import { Teardown } from '../support/teardown.ts'
import { until } from '../support/wait.ts'
import { type Outcome, Violations } from './outcome.ts'

const MINUTE_MS = 60_000
/** A second before each round moment, and the moment: keys are published, sign, and retire at such moments. */
const STEPS_SECONDS = [599, 1]
/** What is published is what everybody knows who follows the key set as often as this. */
const CACHED_STEPS = 2
const HOST = 'webdav.example.com'
/** The longest that there may be: it outlives the last use of its key by as much as any token can. */
const TTL_SECONDS = 86_400

export type Node = TestApp & {
  /** Begins what the app does beside requests once a minute or more often, and takes over what changed. */
  tick(): Promise<void>
}

type Token = { readonly text: string; readonly kid: string; readonly expiresAt: number }

/** On PostgreSQL two nodes on one database; SQLite is for one process. */
export async function startNodes(teardown: Teardown, environment: Readonly<Record<string, string>> = {}) {
  const dataDir = await teardown.temporaryDirectory('rotation')
  const start = async (): Promise<Node> => {
    const node = await startApp({ COUNTERSIGN_DATA_DIR: dataDir, ...environment })
    teardown.add(() => node.close())
    return { ...node, tick: ticking(node) }
  }
  const first = await start()
  const nodes = chosenEngine() === SQLITE ? [first] : [first, await start()]
  await withWebdav(first, { access_token: { format: 'jwt', ttl_seconds: TTL_SECONDS } })
  const { headers } = await withSecret(first)
  for (const node of nodes) await node.tick()
  return { dataDir, first, nodes, headers }
}

/** Starts the app with timers that fire when they are told to. */
function ticking(node: TestApp): () => Promise<void> {
  const works: (() => unknown)[] = []
  const timers = spyOn(globalThis, 'setInterval').mockImplementation(((work: () => unknown, everyMs: number) => {
    if (everyMs <= MINUTE_MS) works.push(work)
    return { unref: () => undefined }
  }) as unknown as typeof setInterval)
  node.app.start()
  timers.mockRestore()
  return async () => {
    for (const work of works) work()
    await node.app.edge.verify.confirm()
  }
}

/** Waits for what runs beside requests to have published the key that is due. */
async function untilRotated(node: Node): Promise<void> {
  await until('a key that signs next', async () => {
    const { body } = await node.api('GET', '/api/v1/signing-keys')
    const [newest] = body.items as { active_from: string }[]
    const due = Date.parse(newest?.active_from ?? '') + (86_400 - PUBLISH_LEAD_SECONDS) * 1000
    return node.clock.now.getTime() < due
  })
}

/** Moves the clock of all. */
export function advance(nodes: readonly Node[], seconds: number): void {
  for (const { clock } of nodes) clock.advance(seconds * 1000)
}

export async function statusOf(node: Node, token: string): Promise<number> {
  return (await node.ask({ host: HOST, headers: { Authorization: `Bearer ${token}` } })).status
}

export async function publishedBy(node: Node): Promise<string[]> {
  const { body } = await node.oauth('/.well-known/jwks.json', {}, { method: 'GET' })
  return (body.keys as { kid: string }[]).map(({ kid }) => kid)
}

function kidOf(token: string): string {
  const header = Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()
  return (JSON.parse(header) as { kid: string }).kid
}

/**
 * Issues tokens on one node at every step and has each verify them: right after they were issued, now and then as long
 * as they live, in their last second and in the one after it.
 */
export async function tryRotations(days: number): Promise<Outcome & { rotations: number; retirements: number }> {
  const violations = new Violations()
  const teardown = new Teardown()
  try {
    const { first: issuer, nodes, headers } = await startNodes(teardown, { COUNTERSIGN_SIGNING_KEY_ROTATION_DAYS: '1' })
    const live: Token[] = []
    const kids = new Set<string>()
    let known: string[][] = []
    let trials = 0
    const check = async (token: Token, when: string) => {
      const now = issuer.clock.now.getTime() / 1000
      const expected = now < token.expiresAt ? 200 : 401
      for (const [at, node] of nodes.entries()) {
        const status = await statusOf(node, token.text)
        trials++
        if (status !== expected) violations.add(`${when}, node ${at}: ${status}, not ${expected}, at ${now}`)
      }
    }

    for (let second = 0; second < days * 86_400; ) {
      for (const seconds of STEPS_SECONDS) {
        advance(nodes, seconds)
        second += seconds
        // Whichever comes first makes the key; the other one hears of it by its poll alone.
        for (const node of nodes) await node.tick()
        for (const node of nodes) {
          await untilRotated(node)
          await node.app.edge.verify.confirm()
        }
        const now = issuer.clock.now.getTime() / 1000
        const text = await tokenFor(issuer, headers)
        const token = { text, kid: kidOf(text), expiresAt: now + TTL_SECONDS }
        live.push(token)
        kids.add(token.kid)
        await check(token, 'just issued')

        for (const node of nodes) {
          const published = await publishedBy(node)
          for (const { kid, expiresAt } of live) {
            if (now < expiresAt && !published.includes(kid))
              violations.add(`a key that is in use is not published, at ${now}`)
          }
        }
        if (known.length === CACHED_STEPS && !known[0]?.includes(token.kid)) {
          violations.add(`a key signs that a cache of ten minutes does not know, at ${now}`)
        }
        known = [...known, await publishedBy(nodes.at(-1) ?? issuer)].slice(-CACHED_STEPS)

        const [oldest] = live
        if (oldest !== undefined) await check(oldest, 'the oldest')
        const any = live[Math.floor(Math.random() * live.length)]
        if (any !== undefined) await check(any, 'any')
        for (let ended = live[0]; ended !== undefined && ended.expiresAt <= now; ended = live[0]) {
          await check(ended, 'ended')
          live.shift()
        }
        const next = live.find(({ expiresAt }) => expiresAt === now + 1)
        if (next !== undefined) await check(next, 'in its last second')
      }
    }
    const published = await publishedBy(nodes.at(-1) ?? issuer)
    return {
      trials,
      violations: violations.list(),
      rotations: kids.size - 1,
      retirements: [...kids].filter((kid) => !published.includes(kid)).length,
      notes: [`${kids.size} keys signed within ${days} days`],
    }
  } finally {
    await teardown.run()
  }
}
