import type { StoredCredential } from '../../packages/server/src/domain/credential.ts'
import { newCredential } from '../../packages/server/src/domain/new-credential.ts'
import { Checker } from './checker.ts'
import { Database, type Work } from './database.ts'
import { CLIENTS, clientOf, permissionOf, TEXTS, WEBDAV } from './furniture.ts'
import type { LinkState } from './link.ts'
import { EPOCH_MS, Node, type Sabotage } from './node.ts'
import { Random } from './random.ts'
import { Timeline } from './timeline.ts'

const NODES = 3
const LASTS_MS = 20_000
/** At the end nothing fails any more, so that whoever refuses for ever is found too. */
const QUIET_MS = 12_000
const AVERAGE_PAUSE_MS = 120
const ASKED_MEANWHILE = 2

export type Told = { readonly violations: readonly string[]; readonly asked: number; readonly allowed: number }

/** One history of three servers on one database, from a seed: the same one each time. */
export async function playHistory(seed: number, sabotage?: Sabotage): Promise<Told> {
  return new History(seed, sabotage).play()
}

class History {
  readonly #random: Random
  readonly #timeline = new Timeline()
  readonly #database: Database
  readonly #checker: Checker
  readonly #nodes: Node[] = []
  readonly #listening = new Set<Node>()
  /** Texts of credentials that were ever asked for, the newest last. */
  readonly #known: string[] = []
  #made = 0
  readonly #isCalm: boolean

  constructor(
    seed: number,
    private readonly sabotage: Sabotage | undefined,
  ) {
    this.#random = new Random(seed)
    // Where nothing fails, the promise is a second.
    this.#isCalm = this.#random.happens(0.2)
    this.#database = new Database(this.#random, WEBDAV, {
      credentials: new Map(),
      clients: new Map(CLIENTS.map((id) => [id, clientOf(id, false)])),
      permissions: new Map(CLIENTS.map((id) => [`perm_${id}`, permissionOf(id)])),
      lines: new Map(),
    })
    this.#checker = new Checker(this.#database)
  }

  async play(): Promise<Told> {
    for (let n = 0; n < NODES; n++) this.#boot(n)
    this.#timeline.after(0, undefined, () => this.#act())
    if (!this.#isCalm) this.#timeline.after(this.#random.between(0, 3000), undefined, () => this.#fail())
    await this.#timeline.run(LASTS_MS)
    for (const node of this.#nodes) this.#restore(node)
    await this.#timeline.run(LASTS_MS + QUIET_MS)
    this.#askAllOnceMore()
    await this.#timeline.run(LASTS_MS + QUIET_MS + 3000)
    return this.#checker.told()
  }

  #boot(at: number): void {
    const node = new Node(`node ${at}`, this.#timeline, this.#database, this.#random, this.sabotage)
    this.#nodes[at] = node
    node.start(() => this.#listening.add(node))
  }

  /** Does one thing, and the next one soon. */
  #act(): void {
    const { nowMs } = this.#timeline
    if (nowMs > LASTS_MS) return
    const node = this.#random.oneOf(this.#nodes)
    if (this.#listening.has(node)) {
      if (this.#random.happens(0.22)) this.#change(node)
      else this.#ask(node, this.#chosen())
    }
    this.#timeline.after(this.#random.between(0, 2 * AVERAGE_PAUSE_MS), undefined, () => this.#act())
  }

  #chosen(): string {
    if (this.#known.length === 0 || this.#random.happens(0.05)) return TEXTS[TEXTS.length - 1] as string
    // The newest are those that something is going to happen to.
    const from = this.#random.happens(0.7) ? Math.max(0, this.#known.length - 4) : 0
    return this.#random.oneOf(this.#known.slice(from))
  }

  #ask(node: Node, text: string, mustBeClear = false): void {
    this.#timeline.after(0, node, () => {
      const asked = this.#checker.asks(node, text, this.#timeline.nowMs)
      node.ask(text).then(
        (answer) => asked(answer, this.#timeline.nowMs, mustBeClear),
        (error: unknown) => this.#checker.report(`${node.name} threw ${error}`),
      )
    })
  }

  #change(node: Node): void {
    const work = this.#chosenChange()
    // Who asks meanwhile meets the change half way: in look-ups above all.
    for (let n = 0; n < ASKED_MEANWHILE; n++) {
      const at = this.#random.oneOf(this.#nodes)
      const text = this.#chosen()
      this.#timeline.after(this.#random.between(0, 60), undefined, () => {
        if (this.#listening.has(at)) this.#ask(at, text)
      })
    }
    this.#timeline.after(0, node, () => {
      let committed = -1
      node
        .change(work, (revision) => {
          committed = this.#database.history.length - 1
          this.#announce(revision)
        })
        .then(
          () => this.#checker.acknowledged(node, committed),
          // Whoever made it does not know whether it was done.
          () => undefined,
        )
    })
  }

  /** Each node may hear of it soon, late, or never. */
  #announce(revision: number): void {
    for (const node of this.#nodes) {
      if (this.#random.happens(0.3)) continue
      this.#timeline.after(this.#random.delayMs(20, 5000), node, () => {
        if (node.link.state !== 'held' && node.link.state !== 'cut') node.wake(revision)
      })
    }
  }

  #chosenChange(): Work {
    const random = this.#random
    const client = random.oneOf(CLIENTS)
    const now = new Date(EPOCH_MS + this.#timeline.nowMs)
    const text = this.#known.length > 0 ? random.oneOf(this.#known.slice(-6)) : undefined
    const line = (subject: string, revision: number) => ({
      ...{ subject, revision, before: null, endsAt: null, at: now, by: 'client:ops', reason: null },
    })
    const kind = random.unit()
    if (text === undefined || kind < 0.35) {
      const made = TEXTS[this.#made++ % (TEXTS.length - 1)] as string
      this.#known.push(made)
      return (_, { revision }) => ({ credentials: [[made, keyOf(made, client, revision, now)]] })
    }
    if (kind < 0.6) {
      return ({ credentials }, { revision }) => {
        const credential = credentials.get(text)
        if (credential === undefined) return {}
        const revoked = { ...credential, revokedAt: now, revokedBy: 'client:ops' }
        return { credentials: [[text, revoked]], lines: [line(`credential:${credential.id}`, revision)] }
      }
    }
    if (kind < 0.7) {
      const successor = TEXTS[this.#made++ % (TEXTS.length - 1)] as string
      const overlapMs = random.oneOf([0, 500, 3000])
      this.#known.push(successor)
      return ({ credentials }, { revision }) => {
        const credential = credentials.get(text)
        if (credential === undefined) return {}
        const ending = { ...credential, expiresAt: new Date(now.getTime() + overlapMs) }
        const fresh = keyOf(successor, credential.owner.id, revision, now, credential.family)
        return {
          credentials: [
            [text, ending],
            [successor, fresh],
          ],
        }
      }
    }
    if (kind < 0.8) {
      const disabled = random.happens(0.5)
      return () => ({ clients: [clientOf(client, disabled)] })
    }
    if (kind < 0.9) {
      const permission = random.happens(0.5) ? undefined : permissionOf(client)
      return () => ({ permissions: [[`perm_${client}`, permission]] })
    }
    return (_, { revision }) => ({ lines: [line(`client:${client}`, revision)] })
  }

  /** Breaks something, mends it later, and goes on to the next. */
  #fail(): void {
    const { nowMs } = this.#timeline
    if (nowMs > LASTS_MS) return
    const random = this.#random
    const at = random.below(NODES)
    const node = this.#nodes[at] as Node
    const kind = random.unit()
    const lastsMs = Math.min(LASTS_MS - nowMs, random.oneOf([200, 1500, 4800, 7000, 12_000]) * random.between(0.5, 1.2))
    if (kind < 0.5) {
      const state: LinkState = random.oneOf(['cut', 'held', 'slow'])
      node.link.state = state
      this.#disturb(node)
      this.#timeline.after(lastsMs, undefined, () => this.#restore(node))
    } else if (kind < 0.65) {
      this.#disturb(node)
      node.freeze(lastsMs)
      this.#timeline.after(lastsMs, undefined, () => this.#disturb(node))
    } else if (kind < 0.75) {
      this.#restart(node, at, lastsMs)
    } else if (kind < 0.85) {
      for (const each of this.#nodes) {
        each.link.state = 'cut'
        this.#disturb(each)
        this.#timeline.after(lastsMs, undefined, () => this.#restore(each))
      }
    } else if (kind < 0.93) {
      this.#database.trim(nowMs)
    } else {
      this.#database.failOver(nowMs, 1 + random.below(3))
    }
    this.#failLater()
  }

  #restart(node: Node, at: number, lastsMs: number): void {
    // Not while it is on its way back: then there would be two of it.
    if (node.isGone) return
    node.isGone = true
    this.#listening.delete(node)
    this.#timeline.after(lastsMs, undefined, () => this.#boot(at))
  }

  #failLater(): void {
    this.#timeline.after(this.#random.between(500, 6000), undefined, () => this.#fail())
  }

  #restore(node: Node): void {
    node.link.state = 'up'
    this.#disturb(node)
  }

  #disturb(node: Node): void {
    this.#checker.disturbed(node, this.#timeline.nowMs)
  }

  /** Long after the last failure: each has to say yes or no, and what is so now. */
  #askAllOnceMore(): void {
    for (const node of this.#nodes) {
      for (const text of this.#known.slice(-8)) this.#ask(node, text, true)
    }
  }
}

function keyOf(text: string, owner: string, revision: number, now: Date, family?: string): StoredCredential {
  const id = `key_${TEXTS.indexOf(text)}`
  const making = { now, revision, actor: { by: 'client:ops' } }
  const named = { id, kind: 'key', name: id, hint: '', owner: { kind: 'client', id: owner } } as const
  return newCredential(making, { ...named, ...(family !== undefined && { family }) })
}
