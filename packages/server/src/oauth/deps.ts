import type { Address, Denied, Listener, RefusalCode } from '@countersign/resource-server'
import type { KnownCredential } from '../authentication/known-credentials.ts'
import type { Resolver } from '../authentication/resolver.ts'
import type { FindStored } from '../authentication/stored.ts'
import type { Directory } from '../directory/directory.ts'
import type { HolderRevocations } from '../domain/holder-revocations.ts'
import type { RandomBytes } from '../domain/ids.ts'
import type { Resource } from '../domain/resource.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { Actor, Change, Store } from '../store/store.ts'
import type { OAuthCounts } from './counts.ts'
import type { FederationDeps } from './federated-assertion.ts'
import type { AssertionDeps } from './private-key-jwt.ts'
import type { FailureThrottle } from './throttle.ts'

/** A request to an OAuth endpoint, as far as it bears on who may do what. Fits `Circumstances` of a decision. */
export type OAuthAsked = {
  readonly path: string
  readonly now: Date
  readonly listener: Listener
  readonly peer: string | null
  readonly headers: Headers
  /** Undefined: not known. */
  clientAddress(): Address | undefined
}

/** What the OAuth endpoints work with; made in `app.ts`. */
export type OAuthDeps = AssertionDeps &
  FederationDeps & {
    readonly directory: Directory
    readonly store: Store
    readonly keys: Pick<KeyRing, 'signJwt'>
    readonly random: RandomBytes
    readonly sha256Hex: (text: string) => string
    readonly find: FindStored
    /** Who resolves a credential of this form; undefined: it is none that can be presented here. */
    readonly recognise: (text: string) => Resolver | undefined
    /** The same, with those that are never presented but to authenticate a client. */
    readonly recogniseAny: (text: string) => Resolver | undefined
    /** Runs one change, and returns when this node's next decision is taken by it. */
    readonly change: <T>(actor: Actor, work: (change: Change) => Promise<T>) => Promise<T>
    /** The credential of this digest, if it is in memory: `find` then asks nobody. */
    readonly known: (digest: string) => KnownCredential | undefined
    /** Told of what was issued, so that it is not taken for a guess when it is first shown. */
    readonly expect: (digest: string) => void
    readonly throttle: FailureThrottle
    readonly revocations: HolderRevocations
    /** True while the database has confirmed, recently enough, what the directory holds. */
    readonly isConfirmed: () => boolean
    /** Asks the database for what changed; rejects when it cannot be asked. */
    readonly confirm: () => Promise<void>
    readonly clock: () => Date
    readonly monotonicMs: () => number
    readonly counts: OAuthCounts
    /** Where a request comes from, past our proxies; undefined: not known. */
    readonly addressOf: (headers: Headers, peer: string | null) => Address | undefined
    /** Keeps a refusal as a decision about `known`, at a resource if there is one, for `why`; returns its id. */
    readonly noteRefusal: (
      denied: Denied,
      asked: OAuthAsked,
      known: KnownCredential | undefined,
      at?: Resource | undefined,
    ) => string
    /** Remembers that a credential was used. */
    readonly noteUse: (known: KnownCredential, asked: Pick<OAuthAsked, 'now' | 'clientAddress'>) => void
    /** Told of a request that is not answered as it was meant. */
    readonly tellRefused: (asked: OAuthAsked, code: RefusalCode, decision: string, requestId: string) => void
    readonly onError: (error: unknown, requestId: string) => void
    /** Names a request that goes wrong, for the log. */
    readonly requestIdOf: (headers: Headers, peer: string | null) => string
  }
