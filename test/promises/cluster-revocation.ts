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
/** The promise, as far as it is about all of them; judged when there are enough for a share of a thousandth. */
const P999_MS = 1000
const ENOUGH_FOR_P999 = 2000
/** How long after everybody knows it the revocation comes at most. */
const LONGEST_PAUSE_MS = 100
/** Of how many trials one is of all that was signed: it dies in all lanes at once. */
const SIGNED_ONE_OF = 50

type Change = readonly [method: string, path: string, body: unknown]

export type Measured = {
  readonly revocations: number
  readonly nodes: number
  /** Nobody is woken: what changed is found by the poll alone. */
  readonly isPollOnly: boolean
}

/** Somebody's client, tried at every server by turns. */
class Lane {
  #turn = 0

  constructor(
    private client: FurnishedClient,
    private readonly seats: readonly Seat[],
    private readonly tally: Tally,
  ) {}

  async play(isEnough: () => boolean): Promise<void> {
    const { id } = this.client
    const revoke = (issued: Issued): Change => ['POST', `/credentials/${issued.id}/revoke`, { reason: 'a trial' }]
    const key = async () => this.#try('a key', await issueKey(this.#anySeat().node, id), revoke)
    const jwt = async () => this.#try('a JWT', await this.#issueJwt(), revoke)
    const all = async () => {
      const issued = await issueKey(this.#anySeat().node, id)
      await this.#try('all of a client', issued, () => ['POST', `/clients/${id}/revoke-credentials`, {}])
      this.client = { id, secret: await newSecret(this.#anySeat().node, id) }
    }
    const disabled = async () => {
      const issued = await issueKey(this.#anySeat().node, id)
      await this.#try('the client disabled', issued, () => ['PATCH', `/clients/${id}`, { disabled: true }])
      await this.#anySeat().node.expect(200, 'PATCH', `/clients/${id}`, { disabled: false })
    }
    // Most of what is most done.
    const plays = [key, jwt, key, all, key, jwt, key, disabled]
    while (!isEnough()) await plays[this.#turn++ % plays.length]?.()
  }

  /** A JWT that everybody knows, to be revoked with all others. */
  async warmJwt(): Promise<Trial> {
    const trial = new Trial('the signing key', await this.#issueJwt(), this.seats, this.tally)
    await trial.warm()
    return trial
  }

  async #try(what: string, issued: Issued, changeOf: (issued: Issued) => Change): Promise<void> {
    const trial = new Trial(what, issued, this.seats, this.tally)
    await trial.warm()
    const { at, acknowledgedMs } = await changeSomewhere(this.seats, changeOf(issued))
    await trial.judge(at, acknowledgedMs)
  }

  #issueJwt(): Promise<Issued> {
    return issueJwt(this.#anySeat().node, this.client)
  }

  #anySeat(): Seat {
    return anyOf(this.seats).seat
  }
}

/** After a while that nobody knows, at a server that nobody knows. */
async function changeSomewhere(seats: readonly Seat[], [method, path, body]: Change) {
  await Bun.sleep(Math.random() * LONGEST_PAUSE_MS)
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
    const clients: FurnishedClient[] = []
    for (let number = 0; number < LANES; number++) clients.push(await furnishClient(first, `lane-${number}`))
    const lanes = await Promise.all(
      clients.map(async (client) => {
        const seats = await Promise.all(
          cluster.nodes.map(async (node) => ({ node, watcher: new Watcher(await node.connect()) })),
        )
        for (const { watcher } of seats) teardown.add(() => watcher.stop())
        watchers.push(...seats.map(({ watcher }) => watcher))
        return { seats, lane: new Lane(client, seats, tally) }
      }),
    )

    const startedMs = performance.now()
    const signedRounds = Math.max(1, Math.round(revocations / SIGNED_ONE_OF / LANES))
    const single = revocations - signedRounds * LANES
    const report = setInterval(() => progress(tally.delays.count, tally.violations.count), 1000)
    teardown.add(() => clearInterval(report))
    await Promise.all(lanes.map(({ lane }) => lane.play(() => tally.delays.count >= single)))
    for (let round = 0; round < signedRounds; round++) {
      const trials = await Promise.all(lanes.map(({ lane }) => lane.warmJwt()))
      const change = ['POST', '/signing-keys/rotate', { now: true }] as const
      const { at, acknowledgedMs } = await changeSomewhere(lanes[0]?.seats ?? [], change)
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
