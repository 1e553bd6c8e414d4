import type { Denied, ExternalFacts, Found, VerificationKeys } from '@countersign/resource-server'
import type { Directory, Owner } from '../directory/directory.ts'
import type { ExternalIssuer } from '../domain/issuer.ts'
import type { Standing } from './external-standing.ts'
import { KnownCredential } from './known-credentials.ts'

/** A genuine token of another issuer, and what vouched for that. */
export type Genuine = {
  readonly issuer: ExternalIssuer
  readonly facts: ExternalFacts
  readonly signed: {
    readonly by: VerificationKeys
    readonly kid: string | undefined
    readonly alg: string
    readonly key: Found
  }
  /** From then on (monotonic) the issuer's API server has to be asked again; undefined: it is not asked. */
  readonly reviewedUntilMs: number | undefined
}

export type AgainDeps = {
  readonly directory: Directory
  readonly clock: () => Date
  readonly monotonicMs: () => number
  /** All of it anew: key, signature, rule. */
  readonly verifyAnew: (
    text: string,
    known: KnownExternal,
  ) => KnownCredential | Denied | Promise<KnownCredential | Denied>
  /** The rule alone: the token is still genuine. */
  readonly standAnew: (text: string, known: KnownExternal) => KnownCredential | Denied
}

/**
 * A token of another issuer that was verified. It is good for as long as its issuer shows the key that signed it, as
 * nothing of the issuer was changed here, and as the rules say the same of it.
 *
 * Security: what is remembered is who. All that can end it is looked at each time that it is shown again, without I/O.
 */
export class KnownExternal extends KnownCredential {
  /** Without its claims: tokens are long, and many are known. Who needs them reads them from its text again. */
  readonly genuine: Omit<Genuine, 'facts'>
  /** The rules by which it stands for somebody. */
  #rules: unknown

  constructor(
    { issuer, signed, reviewedUntilMs }: Genuine,
    readonly standing: Standing,
    readonly digest: string,
    private readonly deps: AgainDeps,
  ) {
    super(standing.stored)
    this.genuine = { issuer, signed, reviewedUntilMs }
    this.#rules = deps.directory.trustRules
  }

  override shownAgain(text: string): KnownCredential | Denied | Promise<KnownCredential | Denied> {
    const { directory, verifyAnew, standAnew, monotonicMs } = this.deps
    const { issuer, signed, reviewedUntilMs } = this.genuine
    if (directory.issuer(issuer.name) !== issuer) return verifyAnew(text, this)
    if (signed.by.find(signed.kid, signed.alg) !== signed.key) return verifyAnew(text, this)
    if (reviewedUntilMs !== undefined && monotonicMs() >= reviewedUntilMs) return verifyAnew(text, this)
    return this.#standsAsBefore() ? this : standAnew(text, this)
  }

  /** Notes that by all rules there are now it stands for the same. */
  keep(): this {
    this.#rules = this.deps.directory.trustRules
    return this
  }

  #standsAsBefore(): boolean {
    const { directory, clock } = this.deps
    const { rule, stored } = this.standing
    if (this.#rules !== directory.trustRules) return false
    if (rule.expiresAt !== null && rule.expiresAt <= clock()) return false
    return (
      rule.as.kind !== 'user' ||
      directory.linkedUser(this.genuine.issuer.name, this.standing.subject) === stored.owner.id
    )
  }

  protected override ownerIn(directory: Directory): Owner | undefined {
    const registered = super.ownerIn(directory)
    if (registered === undefined) return undefined
    const given = this.standing.groups.filter((group) => directory.hasLiveGroup(group))
    return { ...registered, groups: [...new Set([...registered.groups, ...given])] }
  }
}
