import type { Explain, Explanation } from '@countersign/admin-api'
import type { KnownCaller } from '../authentication/known-credentials.ts'
import type { Directory } from '../directory/directory.ts'
import type { Actor, Change, Store } from '../store/store.ts'
import type { DecisionLog } from '../verify/decision-log.ts'

/** What the management API works with; made in `app.ts`. */
export type AdminDeps = {
  readonly store: Store
  readonly directory: Directory
  /** Runs one change, and returns when this node's next decision is taken by it. */
  readonly change: <T>(actor: Actor, work: (change: Change) => Promise<T>) => Promise<T>
  readonly decisions: DecisionLog
  readonly explain: (request: Explain) => Promise<Explanation>
  readonly sha256Hex: (text: string) => string
  /** The longest life of a key in days; null: keys may live for ever. */
  readonly maxKeyTtlDays: number | null
}

/** Who makes this request, after the one path allowed it. */
export type Authorized = {
  readonly caller: KnownCaller
  readonly roles: ReadonlySet<string>
  readonly scopes: ReadonlySet<string>
}
