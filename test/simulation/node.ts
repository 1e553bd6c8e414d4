import { decide, parseRequestTarget, REFUSALS, Turns } from '@countersign/resource-server'
import { issuedKind } from '../../packages/server/src/authentication/issued.ts'
import { KnownCredentials } from '../../packages/server/src/authentication/known-credentials.ts'
import { recogniseBy } from '../../packages/server/src/authentication/resolver.ts'
import { storedCredentials } from '../../packages/server/src/authentication/stored.ts'
import { UnknownDigests } from '../../packages/server/src/authentication/unknown-digests.ts'
import { Directory } from '../../packages/server/src/directory/directory.ts'
import { Follower } from '../../packages/server/src/directory/follow.ts'
import type { RevisionSource } from '../../packages/server/src/directory/revision-source.ts'
import { AskedRequest } from '../../packages/server/src/verify/asked.ts'
import { isAllowed } from '../../packages/server/src/verify/decision.ts'
import { type VerifyDeps, verify } from '../../packages/server/src/verify/verify.ts'
import type { Database, Work } from './database.ts'
import { HOST, MANAGEMENT } from './furniture.ts'
import { Link } from './link.ts'
import type { Random } from './random.ts'
import type { Host, Timeline } from './timeline.ts'

/** How the parts are broken, to see that the checker finds it. */
export type Sabotage =
  | 'leases last for a minute'
  | 'late reads are kept'
  | 'nothing is forgotten'
  | 'histories are not told apart'
  | 'the clock stands still with the process'
  | 'changes do not wait for this node'

export type Answer = 'allowed' | 'refused' | 'cannot tell'

export const EPOCH_MS = Date.UTC(2030, 0, 1)
const POLL_MS = 500
const REVISION_TIMEOUT_MS = 2000
const ANSWER_TIMEOUT_MS = 10_000
const KNOWN = 1000

/** A server: the parts of the real one, joined as `app/following.ts` and `app/verifying.ts` do, over a link that can fail. */
export class Node implements Host {
  frozenUntilMs = 0
  isGone = false
  /** How long it has stood still, all in all. */
  frozenMs = 0
  readonly link: Link
  readonly #directory = new Directory(MANAGEMENT)
  readonly #follower: Follower
  readonly #deps: VerifyDeps

  constructor(
    readonly name: string,
    private readonly timeline: Timeline,
    private readonly database: Database,
    random: Random,
    private readonly sabotage: Sabotage | undefined,
  ) {
    this.link = new Link(timeline, random, this)
    const directory = this.#directory
    const known = new KnownCredentials(KNOWN)
    const monotonicMs = () => timeline.nowMs
    const unknown = new UnknownDigests(monotonicMs, KNOWN)
    let isMuch = false
    const source: RevisionSource = {
      position: () => this.link.call(REVISION_TIMEOUT_MS, () => database.position()),
      updateSince: async (held) => {
        const timeoutMs = held === undefined || isMuch ? ANSWER_TIMEOUT_MS : REVISION_TIMEOUT_MS
        isMuch = true
        const update = await this.link.call(timeoutMs, () =>
          database.updateSince(held, sabotage === 'histories are not told apart'),
        )
        isMuch = false
        return update
      },
    }
    const stoodMs = () => (sabotage === 'the clock stands still with the process' ? this.frozenMs : 0)
    this.#follower = new Follower({
      ...{ directory, source },
      monotonicMs: () => timeline.nowMs - stoodMs(),
      forget: (ids) => {
        if (sabotage === 'nothing is forgotten') return
        known.forget(ids)
        if (ids === undefined || ids.length > 0) unknown.clear()
      },
      forgetTokens: () => undefined,
      onError: () => undefined,
      ...(sabotage === 'leases last for a minute' && { staleGraceMs: 55_000 }),
    })
    const find = storedCredentials({
      ...{ directory, known, unknown, lookUps: new Turns() },
      findByDigest: async (digest) => {
        const found = await this.link.call(ANSWER_TIMEOUT_MS, () => database.find(digest))
        return sabotage === 'late reads are kept'
          ? { ...found, position: { revision: directory.revision, stamp: database.position().stamp } }
          : found
      },
      confirm: () => this.#follower.confirm(),
    })
    this.#deps = {
      directory,
      isConfirmed: () => this.#follower.isConfirmed(),
      confirm: () => this.#follower.confirm(),
      recognise: recogniseBy([issuedKind((text) => text, find)]),
      decide,
      identities: { identityOf: () => ({ headers: [] }) as never },
    }
  }

  /** Starts as a process does: it listens once it has read the directory. */
  start(onListening: () => void): void {
    this.#follower.confirm().then(
      () => {
        this.#pollAgain()
        onListening()
      },
      () => this.timeline.after(1000, this, () => this.start(onListening)),
    )
  }

  #pollAgain(): void {
    this.timeline.after(POLL_MS, this, () => {
      this.#follower.poll()
      this.#pollAgain()
    })
  }

  /** Stands still as a process does that gets a SIGSTOP. */
  freeze(ms: number): void {
    this.frozenUntilMs = this.timeline.nowMs + ms
    this.frozenMs += ms
  }

  /** Somebody announced a revision. */
  wake(revision: number): void {
    this.#follower.wake(revision)
  }

  async ask(text: string): Promise<Answer> {
    const headers = { get: (name: string) => (name.toLowerCase() === 'authorization' ? `Bearer ${text}` : null) }
    const now = new Date(EPOCH_MS + this.timeline.nowMs)
    const target = parseRequestTarget('/')
    if (target === undefined) throw new Error('the target is a target')
    const asked = new AskedRequest(
      'forward',
      now,
      'public',
      'GET',
      'https',
      HOST,
      target,
      '/',
      headers,
      () => undefined,
    )
    const decision = await verify(asked, this.#deps)
    if (isAllowed(decision)) return 'allowed'
    return REFUSALS[decision.verdict.code].status >= 500 ? 'cannot tell' : 'refused'
  }

  /** Commits a change and returns once this node counts with it, as the management API does before it says 2xx. */
  async change(work: Work, onCommit: (revision: number) => void) {
    const revision = await this.link.call(ANSWER_TIMEOUT_MS, () => {
      const committed = this.database.commit(this.timeline.nowMs, work)
      onCommit(committed)
      return committed
    })
    if (this.sabotage !== 'changes do not wait for this node') await this.#follower.reach(revision)
  }
}
