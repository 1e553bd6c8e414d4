import type { Decision, Explain, Explanation } from '@countersign/admin-api'
import type { RefusalCode, RoleMappings } from '@countersign/resource-server'
import type { KnownCaller } from '../authentication/known-credentials.ts'
import type { Resolver } from '../authentication/resolver.ts'
import type { Directory } from '../directory/directory.ts'
import type { Nodes } from '../directory/nodes.ts'
import type { HolderRevocations } from '../domain/holder-revocations.ts'
import type { Seal } from '../keys/seal.ts'
import type { DecisionFilter } from '../store/decisions.ts'
import type { Actor, Change, Store } from '../store/store.ts'
import type { ManagementCounts } from './counts.ts'

/** What the management API works with; made in `app.ts`. */
export type AdminDeps = {
  readonly store: Store
  readonly directory: Directory
  /** Runs one change, and returns when this node's next decision is taken by it. */
  readonly change: <T>(actor: Actor, work: (change: Change) => Promise<T>) => Promise<T>
  /** The servers on this database. */
  readonly nodes: Pick<Nodes, 'self' | 'list'>
  /** What was decided, newest first. */
  readonly decisions: {
    find(id: string): Promise<Decision | undefined>
    list(filter: DecisionFilter): Promise<Decision[]>
  }
  /** Undefined: there is no credential of the given id. */
  readonly explain: (request: Explain) => Promise<Explanation | undefined>
  readonly sha256Hex: (text: string) => string
  readonly counts: ManagementCounts
  /** Our own `iss`. */
  readonly publicUrl: string
  /** Directories of this host whose files an issuer may name. */
  readonly issuerFileDirs: readonly string[]
  /** Group → values of claims, for issuers that say nothing of it. */
  readonly groupMappings: RoleMappings
  readonly seal: Seal
  /** Who resolves a credential that leaked, also one that is never presented; undefined: it is none of this server. */
  readonly recogniseLeaked: (text: string) => Resolver | undefined
  readonly revocations: HolderRevocations
  /** Without one, the client `bootstrap` is nobody, whatever it may do. */
  readonly hasBootstrapKey: boolean
  /** The longest life of a key in days; null: keys may live for ever. */
  readonly maxKeyTtlDays: number | null
  /** How long a personal access token lives, in days: if nothing is said, and at most. */
  readonly patTtlDays: number
  readonly maxPatTtlDays: number
  /** Who makes a person's tokens: they themselves, or administrators alone. */
  readonly patCreation: 'self' | 'admin'
  /** Whether a personal access token may make others, within itself. */
  readonly patByPat: boolean
  /** argon2id in PHC form. */
  readonly hashPassword: (password: string) => Promise<string>
}

/** Who makes this request, after the one path allowed it. */
export type Authorized = {
  readonly caller: KnownCaller
  readonly roles: ReadonlySet<string>
  readonly scopes: ReadonlySet<string>
  /** What the matched rule asks for: judged again inside a change. */
  readonly requiredScopes: readonly string[]
  /** Keeps a refusal that the API itself found as a decision, like those of the path; returns its id. */
  readonly noteRefusal: NoteRefusal
}

export type NoteRefusal = (code: RefusalCode, because: string) => string
