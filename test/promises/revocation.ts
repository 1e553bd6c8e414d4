// P1: a revoked credential is refused on the same node from the next request on. A real server, under load.
import { basicOf } from '../support/app.ts'
import { startCountersign } from '../support/countersign-server.ts'
import { Teardown } from '../support/teardown.ts'
import { Connection } from './connection.ts'
import { Hammer, type Lane, type Tally, type Target } from './lane.ts'
import { type Outcome, type Progress, Violations } from './outcome.ts'

const TEAMS = 8
const LANES_A_TEAM = 4

/** What a team's clients show: a key, or an access token of one of its two forms. */
const FORMS = ['key', 'jwt', 'opaque'] as const
type Form = (typeof FORMS)[number]

/** `secret`: what an access token was minted by, and what shows it. */
type Issued = {
  readonly id: string
  readonly key: string
  readonly secret?: { readonly id: string; readonly headers: Readonly<Record<string, string>> }
}

/** Longer than any run: what is refused is refused for what was taken away. */
const TOKEN_TTL_SECONDS = 86_400

/** One resource with a group, three clients and four lanes: what happens here concerns no other team. */
class Team {
  readonly host: string
  readonly form: Form
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
    this.form = FORMS[number % FORMS.length] ?? 'key'
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
    const said = { name: resource, identifier, hosts: [host], scopes: ['files:read'], rules }
    const accessToken = { access_token: { format: this.form, ttl_seconds: TOKEN_TTL_SECONDS } }
    await this.#make('/resources', this.form === 'key' ? said : { ...said, ...accessToken })
    await this.#make('/groups', { name: group })
    await this.#make('/permissions', { group, resource, scopes: ['files:read'] })
    for (const name of ['crew', 'solo', 'mass']) {
      await this.#make('/clients', { id: `${name}${number}`, name, groups: name === 'crew' ? [group] : [] })
    }
    await this.#make('/permissions', { client: `mass${number}`, resource, scopes: ['files:read'] })
    await this.#givePermission()
    this.#crew = await this.#issueAll('crew')
    this.#solo = await this.#issueAll('solo')
  }

  /** Every way to take rights away, once or more each, until there were trials enough. */
  async play(isEnough: () => boolean): Promise<void> {
    const { number } = this
    const plays: (() => Promise<void>)[] = [
      ...(this.form === 'key' ? [() => this.#revokeFamilies()] : []),
      ...(this.form === 'key' ? [] : [() => this.#revokeByToken(), () => this.#revokeSecrets()]),
      () =>
        this.#together('all of a client', 401, this.#issueAll('mass'), [
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
      if (turn >= plays.length && isEnough()) return
      await plays[turn % plays.length]?.()
    }
  }

  /** Whatever each lane has then, to be taken away with that of all other teams. */
  async warmAll(what: string): Promise<Target[]> {
    const issued = await this.#issueAll('mass')
    return Promise.all(this.lanes.map((lane, at) => this.#warm(lane, issued[at] ?? { id: '', key: '' }, what)))
  }

  async mustAllBeRefused(targets: readonly Target[]): Promise<void> {
    await Promise.all(this.lanes.map((lane, at) => this.#mustBe(401, lane, targets[at])))
  }

  /** Each lane by itself: what is issued, used, revoked by its id, and used. */
  async #revokeEach(): Promise<void> {
    await Promise.all(
      this.lanes.map(async (lane) => {
        const issued = await this.#issue('mass', lane)
        const target = await this.#warm(lane, issued, `the ${this.form} revoked by its id`)
        await this.#expect(200, 'POST', `/credentials/${issued.id}/revoke`, { reason: 'a trial' }, lane)
        this.tally.changes++
        target.acknowledged = true
        await this.#mustBe(401, lane, target)
      }),
    )
  }

  /** Each lane by itself: its client says that a token is to be revoked (RFC 7009). */
  async #revokeByToken(): Promise<void> {
    await Promise.all(
      this.lanes.map(async (lane) => {
        const issued = await this.#issue('mass', lane)
        const target = await this.#warm(lane, issued, `the ${this.form} revoked by its client`)
        await this.#post('/oauth/revoke', { token: issued.key }, issued, lane)
        this.tally.changes++
        target.acknowledged = true
        await this.#mustBe(401, lane, target)
      }),
    )
  }

  /** Each lane by itself: two tokens die with the secret that minted them. */
  async #revokeSecrets(): Promise<void> {
    await Promise.all(
      this.lanes.map(async (lane) => {
        const first = await this.#issue('mass', lane)
        const second = { ...first, key: await this.#newToken(first, lane) }
        const targets = [
          await this.#warm(lane, first, `the ${this.form} of a revoked secret`),
          await this.#warm(lane, second, `the other ${this.form} of a revoked secret`),
        ]
        await this.#expect(200, 'POST', `/credentials/${first.secret?.id}/revoke`, { reason: 'a trial' }, lane)
        this.tally.changes++
        for (const target of targets) target.acknowledged = true
        for (const target of targets) await this.#mustBe(401, lane, target)
      }),
    )
  }

  /** Each lane by itself: predecessor and successor die together. */
  async #revokeFamilies(): Promise<void> {
    await Promise.all(
      this.lanes.map(async (lane) => {
        const before = await this.#issue('mass', lane)
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

  async #issueAll(client: string): Promise<Issued[]> {
    return Promise.all(this.lanes.map((lane) => this.#issue(client, lane)))
  }

  /** A key, or a token by a secret of its own. */
  async #issue(client: string, lane: Lane): Promise<Issued> {
    const owner = `${client}${this.number}`
    if (this.form === 'key') return issuedOf(await this.#expect(201, 'POST', `/clients/${owner}/keys`, {}, lane))
    const { id, secret } = await this.#expect(201, 'POST', `/clients/${owner}/secrets`, {}, lane)
    const minting = { id: '', key: '', secret: { id: String(id), headers: basicOf(owner, String(secret)) } }
    const key = await this.#newToken(minting, lane)
    return { ...minting, id: await this.#idOf(key, lane), key }
  }

  async #newToken(minting: Issued, lane: Lane): Promise<string> {
    const form = { grant_type: 'client_credentials', resource: `https://${this.host}` }
    const { body } = await this.#post('/oauth/token', form, minting, lane)
    return String((JSON.parse(body) as Record<string, unknown>).access_token)
  }

  /** As whoever holds a token learns its id. */
  async #idOf(key: string, { verifier }: Lane): Promise<string> {
    const { head } = await verifier.ask(this.host, key)
    const id = /\r\nremote-credential: (\S+)/i.exec(head)?.[1]
    if (id === undefined) throw new Error(`a token that was just issued is refused\n${head}`)
    return id
  }

  async #post(path: string, form: Record<string, string>, { secret }: Issued, { admin }: Lane) {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded', ...secret?.headers }
    const answer = await admin.request('POST', path, headers, String(new URLSearchParams(form)))
    if (answer.status === 200) return answer
    throw new Error(`${path}: ${answer.status} ${answer.body}`)
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

/** What lines through a kind and an age end, in all teams at once: tokens by their own, or by that of what minted them. */
async function revokeOlder(kind: 'at' | 'secret', teams: readonly Team[], admin: Lane['admin'], bootstrapKey: string) {
  const concerned = teams.filter(({ form }) => form !== 'key')
  const targets = await Promise.all(concerned.map((team) => team.warmAll(`every ${kind} of that age revoked`)))
  // Ages are told to the second.
  await Bun.sleep(1000)
  const created_before = new Date().toISOString()
  const { status } = await admin.call(bootstrapKey, 'POST', '/credentials/revoke-older', { kind, created_before })
  if (status !== 200) throw new Error(`/credentials/revoke-older: ${status}`)
  for (const target of targets.flat()) target.acknowledged = true
  await Promise.all(concerned.map((team, at) => team.mustAllBeRefused(targets[at] ?? [])))
}

/**
 * Takes the rights of keys and access tokens away in every way there is, and asks with each right after the
 * acknowledgement, on another connection, while 32 verifiers hammer the same ones.
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
    const admin = await connect()
    for (const kind of ['at', 'secret'] as const) {
      await revokeOlder(kind, teams, admin, server.bootstrapKey)
      tally.changes++
    }
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
