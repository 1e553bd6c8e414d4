import type { Row } from '../counting/tally.ts'

/** Why a server that runs should be asked nothing now, each in a sentence for whoever looks at `/readyz`. */
const REASONS = {
  stopping: 'It was asked to stop; requests are still answered, and soon no more.',
  behind: 'The database has not confirmed lately what this node holds: soon it answers 503, until it does.',
  clock_skewed: 'The clock of this machine is more than 30 seconds off that of the database.',
  declared_files: 'The declared file that it serves by has not been applied yet.',
} as const satisfies Record<string, string>

export type NotReady = keyof typeof REASONS

const NAMES = Object.keys(REASONS) as NotReady[]

/**
 * Whether this node should be asked anything: yes, unless somebody says no. Each reason belongs to whoever can tell,
 * and is judged when it is asked for.
 */
export class Readiness {
  readonly #judges = new Map<NotReady, () => boolean>()

  /** From now on `isSo` says whether this keeps the node from being ready. */
  judge(reason: NotReady, isSo: () => boolean): void {
    this.#judges.set(reason, isSo)
  }

  set(reason: NotReady): void {
    this.judge(reason, () => true)
  }

  clear(reason: NotReady): void {
    this.#judges.delete(reason)
  }

  reasons(): readonly NotReady[] {
    return NAMES.filter((reason) => this.#judges.get(reason)?.() === true)
  }

  /** By reason: 1, when it keeps the node from being ready. */
  *rows(): Iterable<Row> {
    const reasons = this.reasons()
    for (const reason of NAMES) yield [[reason], Number(reasons.includes(reason))]
  }

  /** What `/readyz` answers: every reason, and nothing that is not for strangers. */
  answer(): Response {
    const reasons = this.reasons()
    const body = {
      status: reasons.length === 0 ? 'ready' : 'not_ready',
      reasons: reasons.map((reason) => ({ reason, because: REASONS[reason] })),
    }
    const status = reasons.length === 0 ? 200 : 503
    return Response.json(body, { status, headers: { 'Cache-Control': 'no-store' } })
  }
}
