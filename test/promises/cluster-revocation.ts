// P2: what is revoked on one server is refused on every other within a second. Real servers on a real PostgreSQL, under
// load: each is asked all the time with everything that is about to be revoked.
import { MAX_AGAIN, startCluster } from '../support/cluster.ts'
import { Teardown } from '../support/teardown.ts'
import { Delays } from './delays.ts'
import {
  type FurnishedClient,
  furnishClient,
  furnishResources,
  type Issued,
  issueJwt,
  issueKey,
  newSecret,
} from './furnished-cluster.ts'
import { type Outcome, type Progress, Violations } from './outcome.ts'
import { MAX_MS, type Seat, type Tally, Trial } from './trial.ts'
import { Watcher } from './watcher.ts'

const LANES = 8
const LANES_OF_POLLS = 24
/** The promise, as far as it is about all of them; judged when there are enough for a share of a thousandth. */
const P999_MS = 1000
const ENOUGH_FOR_P999 = 2000
/** How long after everybody knows it the revocation comes at most; with polls alone, at any moment between two. */
const LONGEST_PAUSE_MS = 100
const LONGEST_PAUSE_OF_POLLS_MS = 600
/** Of how many trials one is of all that was signed: it dies in all lanes at once. */
const SIGNED_ONE_OF = 50

type Change = readonly [method: string, path: string, body: unknown]

export type Measured = {
  readonly revocations: number
  readonly nodes: number
  /**
   * Nobody is woken: what changed is found by the poll alone. Everything is changed at one server, and nothing is made
   * while the others are watched: who changes something, or looks up what is new, sees what else has changed.
   */
  readonly isPollOnly: boolean
}

/** Everybody knows it; called, it is taken away after a while that nobody knows, and watched. */
type Ready = () => Promise<void>

/** Somebody's client. `changing`: the seats at which things are changed, the first ones of all. */
class Lane {
  #turn = 0

  constructor(
    private client: FurnishedClient,
    private readonly seats: readonly Seat[],
    private readonly changing: readonly Seat[],
    private readonly longestPauseMs: number,
    private readonly tally: Tally,
  ) {}

  async play(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) await (await this.next())()
  }

  /** Every way to take rights away by turns, most often what is most often done. */
  async next(): Promise<Ready> {
    const { id } = this.client
    const key = async () => this.#ready('a key', await this.#issueKey(), revocationOf)
    const jwt = async () => this.#ready('a JWT', await this.#issueJwt(), revocationOf)
    const all = async () => {
      const change = ['POST', `/clients/${id}/revoke-credentials`, {}] as const
      const ready = await this.#ready('all of a client', await this.#issueKey(), () => change)
      return async () => {
        await ready()
        this.client = { id, secret: await newSecret(this.#anySeat().node, id) }
      }
    }
    const disabled = async () => {
      const change = ['PATCH', `/clients/${id}`, { disabled: true }] as const
      const ready = await this.#ready('the client disabled', await this.#issueKey(), () => change)
      return async () => {
        await ready()
        await this.#anySeat().node.expect(200, 'PATCH', `/clients/${id}`, { disabled: false })
      }
    }
    const plays = [key, jwt, key, all, key, jwt, key, disabled]
    return (plays[this.#turn++ % plays.length] ?? key)()
  }

  /** A JWT that everybody knows, to be revoked with all others. */
  async warmJwt(): Promise<Trial> {
    return this.#warm('the signing key', await this.#issueJwt())
  }

  async #ready(what: string, issued: Issued, changeOf: (issued: Issued) => Change): Promise<Ready> {
    const trial = await this.#warm(what, issued)
    return async () => {
      const { at, acknowledgedMs } = await changeSomewhere(this.changing, this.longestPauseMs, changeOf(issued))
      await trial.judge(at, acknowledgedMs)
    }
  }

  async #warm(what: string, issued: Issued): Promise<Trial> {
    const trial = new Trial(what, issued, this.seats, this.tally)
    await trial.warm()
    return trial
  }

  #issueKey(): Promise<Issued> {
    return issueKey(this.#anySeat().node, this.client.id)
  }

  #issueJwt(): Promise<Issued> {
    return issueJwt(this.#anySeat().node, this.client)
  }

  #anySeat(): Seat {
    return anyOf(this.changing).seat
  }
}

function revocationOf(issued: Issued): Change {
  return ['POST', `/credentials/${issued.id}/revoke`, { reason: 'a trial' }]
}

/** After a while that nobody knows, at a server that nobody knows. */
async function changeSomewhere(seats: readonly Seat[], longestPauseMs: number, [method, path, body]: Change) {
  await Bun.sleep(Math.random() * longestPauseMs)
  const { at, seat } = anyOf(seats)
  for (let again = 0; ; again++) {
    const { status } = await seat.node.call(method, path, body)
    const acknowledgedMs = performance.now()
    if (status === 200) return { at, acknowledgedMs }
    // It cannot now: whoever revokes asks again.
    if (status !== 503 || again === MAX_AGAIN) throw new Error(`${method} ${path}: ${status}`)
  }
}

function anyOf(seats: readonly Seat[]): { at: number; seat: Seat } {
  const at = Math.floor(Math.random() * seats.length)
  const seat = seats[at]
  if (seat === undefined) throw new Error('a lane has seats')
  return { at, seat }
}

/** Revokes in every way there is, on any server, what all are asked with meanwhile; measures how long others allow it. */
export async function tryClusterRevocations(
  { revocations, nodes, isPollOnly }: Measured,
  progress: Progress = () => undefined,
): Promise<Outcome & { readonly delays: Delays }> {
  const tally: Tally = { delays: new Delays(), kinds: new Map(), unclear: 0, violations: new Violations() }
  const teardown = new Teardown()
  try {
    const names = Array.from({ length: nodes }, (_, number) => `auth-${number + 1}`)
    const cluster = await startCluster(names, teardown)
    const [first] = cluster.nodes
    if (first === undefined) throw new Error('a cluster has nodes')
    // Whoever announces says it to a function of this name that tells nobody.
    if (isPollOnly) {
      await cluster.database.sql(`create function public.pg_notify(text, text) returns void language sql as '';
        alter database postgres set search_path = public, pg_catalog`)
      for (const node of cluster.nodes) {
        await node.stop()
        await node.start()
      }
    }
    await furnishResources(first)
    const watchers: Watcher[] = []
    const laneCount = isPollOnly ? LANES_OF_POLLS : LANES
    const longestPauseMs = isPollOnly ? LONGEST_PAUSE_OF_POLLS_MS : LONGEST_PAUSE_MS
    const clients: FurnishedClient[] = []
    for (let number = 0; number < laneCount; number++) clients.push(await furnishClient(first, `lane-${number}`))
    const lanes = await Promise.all(
      clients.map(async (client) => {
        const seats = await Promise.all(
          cluster.nodes.map(async (node) => ({ node, watcher: new Watcher(await node.connect()) })),
        )
        for (const { watcher } of seats) teardown.add(() => watcher.stop())
        watchers.push(...seats.map(({ watcher }) => watcher))
        const changing = isPollOnly ? seats.slice(0, 1) : seats
        return { changing, lane: new Lane(client, seats, changing, longestPauseMs, tally) }
      }),
    )

    const startedMs = performance.now()
    const signedRounds = Math.max(1, Math.round(revocations / SIGNED_ONE_OF / laneCount))
    const single = revocations - signedRounds * laneCount
    const report = setInterval(() => progress(tally.delays.count, tally.violations.count), 1000)
    teardown.add(() => clearInterval(report))
    const isEnough = () => tally.delays.count >= single
    if (!isPollOnly) await Promise.all(lanes.map(({ lane }) => lane.play(isEnough)))
    while (!isEnough()) {
      const ready = await Promise.all(lanes.map(({ lane }) => lane.next()))
      await Promise.all(ready.map((takeAway) => takeAway()))
    }
    for (let round = 0; round < signedRounds; round++) {
      const trials = await Promise.all(lanes.map(({ lane }) => lane.warmJwt()))
      const change = ['POST', '/signing-keys/rotate', { now: true }] as const
      const { at, acknowledgedMs } = await changeSomewhere(lanes[0]?.changing ?? [], longestPauseMs, change)
      await Promise.all(trials.map((trial) => trial.judge(at, acknowledgedMs)))
    }
    const seconds = (performance.now() - startedMs) / 1000

    const { delays, violations } = tally
    const p999 = delays.quantileMs(0.999)
    if (delays.count >= ENOUGH_FOR_P999 && p999 > P999_MS) violations.add(`p99.9 is ${Math.round(p999)} ms`)
    const asked = watchers.reduce((sum, watcher) => sum + watcher.asked, 0)
    return {
      delays,
      trials: delays.count,
      violations: violations.list(),
      notes: [
        `${nodes} servers, ${isPollOnly ? 'nobody is woken, each polls' : 'woken by NOTIFY'}; from the acknowledgement to the`,
        `start of the last request that another server still allowed (promised: p99.9 ${P999_MS} ms, max ${MAX_MS} ms):`,
        ...delays.lines(),
        ...[...tally.kinds].map(([what, of]) => `${what}: ${of.count}, max ${of.maxMs.toFixed(1)} ms`),
        `${(delays.count / seconds).toFixed(1)} revocations/s in ${Math.round(seconds)} s; ${Math.round(asked / seconds)} verifications/s`,
        `${tally.unclear} answers of 503, which refuse without telling`,
      ],
    }
  } finally {
    await teardown.run()
  }
}
