// P1: a revoked credential is refused on the same node from the next request on. A real server, under load.
import { startCountersign } from '../support/countersign-server.ts'
import { Teardown } from '../support/teardown.ts'
import { Connection } from './connection.ts'
import { type Outcome, type Progress, Violations } from './outcome.ts'

const TEAMS = 8
const LANES_A_TEAM = 4

type Issued = { readonly id: string; readonly key: string }

/** What a verifier hammers; once `acknowledged`, whatever it starts must be refused. */
type Target = { readonly key: string; readonly what: string; acknowledged: boolean }

/**
 * A key's place: an administrator, a verifier that asks when it is told to, and one that hammers the key all the time,
 * each on a connection of its own.
 */
type Lane = { readonly admin: Connection; readonly verifier: Connection; readonly hammer: Hammer }

type Tally = { trials: number; changes: number; hammered: number; unclear: number; readonly violations: Violations }

/** A verifier that never rests while it has a target. */
class Hammer {
  #target: Target | undefined
  #wake = Promise.withResolvers<void>()
  #idle = Promise.withResolvers<void>()
  #stopped = false
  readonly finished: Promise<void>

  constructor(
    private readonly connection: Connection,
    private readonly host: string,
    private readonly tally: Tally,
  ) {
    this.finished = this.#run()
  }

  aimAt(target: Target): void {
    this.#target = target
    this.#idle = Promise.withResolvers()
    this.#wake.resolve()
  }

  /** Returns when nothing is under way. */
  async rest(): Promise<void> {
    if (this.#target === undefined) return
    this.#target = undefined
    await this.#idle.promise
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#target = undefined
    this.#wake.resolve()
    await this.finished
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const target = this.#target
      if (target === undefined) {
        this.#idle.resolve()
        await this.#wake.promise
        this.#wake = Promise.withResolvers()
        continue
      }
      const mustBeRefused = target.acknowledged
      const { status } = await this.connection.ask(this.host, target.key)
      this.tally.hammered++
      if (status === 200 && mustBeRefused) this.tally.violations.add(`${target.what}: a later request got 200`)
      if (status >= 500) this.tally.unclear++
    }
    this.#idle.resolve()
  }
}

/** One resource with a group, three clients and four lanes: what happens here concerns no other team. */
class Team {
  readonly host: string
  #crew: Issued[] = []
  #solo: Issued[] = []
  #soloPermission = ''

  constructor(
    private readonly number: number,
    private readonly bootstrapKey: string,
    private readonly lanes: readonly Lane[],
    private readonly tally: Tally,
  ) {
    this.host = hostOf(number)
  }

  get #lead(): Lane {
    const [lane] = this.lanes
    if (lane === undefined) throw new Error('a team has lanes')
    return lane
  }

  async assemble(): Promise<void> {
    const { number, host } = this
    const [resource, group] = [`r${number}`, `g${number}`]
    const rules = [{ path: '/**', require: { scopes: ['files:read'] } }]
    const identifier = `https://${host}`
    await this.#make('/resources', { name: resource, identifier, hosts: [host], scopes: ['files:read'], rules })
    await this.#make('/groups', { name: group })
    await this.#make('/permissions', { group, resource, scopes: ['files:read'] })
    for (const name of ['crew', 'solo', 'mass']) {
      await this.#make('/clients', { id: `${name}${number}`, name, groups: name === 'crew' ? [group] : [] })
    }
    await this.#make('/permissions', { client: `mass${number}`, resource, scopes: ['files:read'] })
    await this.#givePermission()
    this.#crew = await this.#keysOf('crew')
    this.#solo = await this.#keysOf('solo')
  }

  /** Every way to take a key's rights away, once or more each, until there were trials enough. */
  async play(isEnough: () => boolean): Promise<void> {
    const { number } = this
    const plays: (() => Promise<void>)[] = [
      () => this.#revokeFamilies(),
      () =>
        this.#together('all of a client', 401, this.#keysOf('mass'), [
          'POST',
          `/clients/mass${number}/revoke-credentials`,
          {},
        ]),
      () =>
        this.#together(
          'the client disabled',
          401,
          this.#solo,
          ['PATCH', `/clients/solo${number}`, { disabled: true }],
          () => this.#expect(200, 'PATCH', `/clients/solo${number}`, { disabled: false }),
        ),
      () =>
        this.#together(
          'the permission deleted',
          403,
          this.#solo,
          ['DELETE', `/permissions/${this.#soloPermission}`],
          () => this.#givePermission(),
        ),
      () =>
        this.#together('out of the group', 403, this.#crew, ['PATCH', `/clients/crew${number}`, { groups: [] }], () =>
          this.#expect(200, 'PATCH', `/clients/crew${number}`, { groups: [`g${number}`] }),
        ),
      () =>
        this.#together(
          'the resource disabled',
          403,
          this.#crew,
          ['PATCH', `/resources/r${number}`, { disabled: true }],
          () => this.#expect(200, 'PATCH', `/resources/r${number}`, { disabled: false }),
        ),
    ]
    for (let turn = 0; ; turn++) {
      await this.#revokeEach()
      if (isEnough()) return
      await plays[turn % plays.length]?.()
      if (isEnough()) return
    }
  }

  /** Each lane by itself: a key is made, used, revoked, and used. */
  async #revokeEach(): Promise<void> {
    await Promise.all(
      this.lanes.map(async (lane) => {
        const issued = await this.#newKey('mass', lane)
        const target = await this.#warm(lane, issued, 'the key revoked')
        await this.#expect(200, 'POST', `/credentials/${issued.id}/revoke`, { reason: 'a trial' }, lane)
        this.tally.changes++
        target.acknowledged = true
        await this.#mustBe(401, lane, target)
      }),
    )
  }

  /** Each lane by itself: predecessor and successor die together. */
  async #revokeFamilies(): Promise<void> {
    await Promise.all(
      this.lanes.map(async (lane) => {
        const before = await this.#newKey('mass', lane)
        const rotated = await this.#expect(201, 'POST', `/credentials/${before.id}/rotate`, {}, lane)
        const after = await this.#warm(lane, issuedOf(rotated), 'the family revoked, its newest key')
        const old = await this.#warm(lane, before, 'the family revoked, its oldest key')
        await this.#expect(200, 'POST', `/credentials/${before.id}/revoke`, { family: true }, lane)
        this.tally.changes++
        old.acknowledged = true
        after.acknowledged = true
        await this.#mustBe(401, lane, old)
        await this.#mustBe(401, lane, after)
      }),
    )
  }

  /** One change that ends what all of these keys may: each is asked for at once, on connections of their own. */
  async #together(
    what: string,
    status: 401 | 403,
    keys: readonly Issued[] | Promise<readonly Issued[]>,
    change: [method: string, path: string, body?: unknown],
    undo?: () => Promise<unknown>,
  ): Promise<void> {
    const issued = await keys
    const targets = await Promise.all(
      this.lanes.map((lane, at) => this.#warm(lane, issued[at] ?? { id: '', key: '' }, what)),
    )
    const [method, path, body] = change
    await this.#expect(method === 'DELETE' ? 204 : 200, method, path, body)
    this.tally.changes++
    for (const target of targets) target.acknowledged = true
    await Promise.all(this.lanes.map((lane, at) => this.#mustBe(status, lane, targets[at])))
    if (undo === undefined) return
    // What is under way now was promised a refusal: it has to be back before the rights are.
    await Promise.all(this.lanes.map(({ hammer }) => hammer.rest()))
    await undo()
  }

  /** Shows that the key works, and sets the hammering verifier on it. */
  async #warm({ verifier, hammer }: Lane, { id, key }: Issued, what: string): Promise<Target> {
    const target: Target = { key, what: `${what}, ${id}`, acknowledged: false }
    const { status, head } = await verifier.ask(this.host, key)
    if (status !== 200) throw new Error(`${target.what}: ${status} before anything was taken away\n${head}`)
    hammer.aimAt(target)
    return target
  }

  /** The very next request after the acknowledgement, on another connection. */
  async #mustBe(expected: 401 | 403, { verifier }: Lane, target: Target | undefined): Promise<void> {
    if (target === undefined) throw new Error('a lane has a target')
    const { status, head } = await verifier.ask(this.host, target.key)
    this.tally.trials++
    if (status === 200) this.tally.violations.add(`${target.what}: the next request got 200`)
    else if (status === 503) this.tally.unclear++
    else if (status !== expected) this.tally.violations.add(`${target.what}: ${status}, not ${expected}\n${head}`)
  }

  async #keysOf(client: string): Promise<Issued[]> {
    return Promise.all(this.lanes.map((lane) => this.#newKey(client, lane)))
  }

  async #newKey(client: string, lane: Lane): Promise<Issued> {
    return issuedOf(await this.#expect(201, 'POST', `/clients/${client}${this.number}/keys`, {}, lane))
  }

  async #givePermission(): Promise<void> {
    const body = { client: `solo${this.number}`, resource: `r${this.number}`, scopes: ['files:read'] }
    this.#soloPermission = String((await this.#make('/permissions', body)).id)
  }

  #make(path: string, body: unknown): Promise<Record<string, unknown>> {
    return this.#expect(201, 'POST', path, body)
  }

  async #expect(status: number, method: string, path: string, body?: unknown, lane = this.#lead) {
    const answer = await lane.admin.call(this.bootstrapKey, method, path, body)
    if (answer.status === status) return answer.body as Record<string, unknown>
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  }
}

function issuedOf(body: Record<string, unknown>): Issued {
  return { id: String(body.id), key: String(body.key) }
}

function hostOf(team: number): string {
  return `r${team}.example.com`
}

/**
 * Takes keys' rights away in every way there is, and asks with each key right after the acknowledgement, on another
 * connection, while 32 verifiers hammer the same keys.
 */
export async function tryRevocations(trials: number, progress: Progress = () => undefined): Promise<Outcome> {
  const tally: Tally = { trials: 0, changes: 0, hammered: 0, unclear: 0, violations: new Violations() }
  const teardown = new Teardown()
  try {
    const server = await startCountersign(await teardown.temporaryDirectory('p1'))
    teardown.add(server.stop)
    const connect = async () => {
      const connection = await Connection.open(server.address)
      teardown.add(() => connection.close())
      return connection
    }
    const teams = await Promise.all(
      Array.from({ length: TEAMS }, async (_, number) => {
        const lanes = await Promise.all(
          Array.from({ length: LANES_A_TEAM }, async (): Promise<Lane> => {
            const hammer = new Hammer(await connect(), hostOf(number), tally)
            teardown.add(() => hammer.stop())
            return { admin: await connect(), verifier: await connect(), hammer }
          }),
        )
        return new Team(number, server.bootstrapKey, lanes, tally)
      }),
    )
    for (const team of teams) await team.assemble()

    const startedAt = performance.now()
    const report = setInterval(() => progress(tally.trials, tally.violations.count), 1000)
    await Promise.all(teams.map((team) => team.play(() => tally.trials >= trials))).finally(() => clearInterval(report))
    const seconds = (performance.now() - startedAt) / 1000
    return {
      trials: tally.trials,
      violations: tally.violations.list(),
      notes: [
        `${Math.round(tally.trials / seconds)} trials/s over ${tally.changes} acknowledged changes in ${Math.round(seconds)} s`,
        `${tally.hammered} requests by ${TEAMS * LANES_A_TEAM} hammering verifiers, ${Math.round(tally.hammered / seconds)}/s`,
        `${tally.unclear} answers of 503, which refuse without telling`,
      ],
    }
  } finally {
    await teardown.run()
  }
}
