import {
  claimOf,
  type Denied,
  deny,
  isDenied,
  isSigned,
  parseJwt,
  readExternalToken,
  TooManyWait,
  Turns,
  textClaim,
  type UnverifiedJwt,
} from '@countersign/resource-server'
import type { ExternalIssuer } from '../domain/issuer.ts'
import { type StandingDeps, standingOf } from './external-standing.ts'
import type { IssuerKeyCounts } from './issuer-key-counts.ts'
import { type IssuerKeyOptions, IssuerKeySources } from './issuer-keys.ts'
import type { KnownCredential, KnownCredentials } from './known-credentials.ts'
import { type AgainDeps, type Genuine, KnownExternal } from './known-external.ts'
import { couldBeJwt, saidIn } from './lenient-jwt.ts'
import type { CredentialKind, Resolver } from './resolver.ts'
import { isSignedAtOnce } from './signed-at-once.ts'
import { type TokenReviewDeps, TokenReviews } from './token-review.ts'

export type ExternalTokenDeps = StandingDeps &
  IssuerKeyOptions &
  TokenReviewDeps & {
    readonly known: KnownCredentials
    readonly monotonicMs: () => number
  }

/** How often a verification may be overtaken by a change of its issuer. */
const MAX_OVERTAKEN = 5

/**
 * Tokens of the issuers that are registered here, recognised by their `iss`; whoever else signed one is foreign, and is
 * never asked for anything.
 *
 * Security: a signature says whose a token is, never whom it stands for: that is for trust rules. For which resource it
 * is, whether it is live and what it may do is judged by `decide` at each use.
 */
export class ExternalTokens implements CredentialKind {
  readonly #deps: ExternalTokenDeps
  readonly #again: AgainDeps
  readonly #keys: IssuerKeySources
  readonly #reviews: TokenReviews
  /** Bounds how many signatures are checked at once. */
  readonly signatureChecks = new Turns()
  /** By digest: a token that is shown many times at once is verified once. */
  readonly #running = new Map<string, Promise<KnownCredential | Denied>>()

  constructor(deps: ExternalTokenDeps) {
    this.#deps = deps
    this.#keys = new IssuerKeySources(deps)
    this.#reviews = new TokenReviews(deps)
    this.#again = {
      ...deps,
      verifyAnew: (text, before) => this.#verifyAnew(text, before),
      standAnew: (text, before) => this.#standAnew(text, before),
    }
  }

  get keyCounts(): IssuerKeyCounts {
    return this.#keys.counts
  }

  recognise(text: string): Resolver | undefined {
    if (!couldBeJwt(text)) return undefined
    const jwt = parseJwt(text)
    if (jwt === undefined) return this.#malformed(text)
    const iss = claimOf(jwt.claims, 'iss')
    if (typeof iss !== 'string' || this.#deps.directory.issuersOf(iss).length === 0) return undefined
    return () => this.#resolve(jwt)
  }

  /** Finds out whether a token is genuine: of a registered issuer, by its policy, signed with its key. */
  async genuine(jwt: UnverifiedJwt): Promise<Genuine | Denied> {
    const issuer = await this.#issuerOf(jwt)
    if (isDenied(issuer)) return issuer
    if (issuer.disabled) return deny('issuer_disabled', { issuer: issuer.name })
    const facts = readExternalToken(jwt, issuer)
    if (isDenied(facts)) return facts
    // Before a cluster is asked: nobody without its keys can have it asked for anything.
    const signed = await this.#signed(jwt, issuer)
    if (isDenied(signed)) return signed
    if (issuer.kubernetes?.mode !== 'token_review') return { issuer, facts, signed, reviewedUntilMs: undefined }
    const reviewed = await this.#reviews.review(issuer, jwt.text, facts)
    if (isDenied(reviewed)) return reviewed
    const audiences = facts.audiences.filter((audience) => reviewed.audiences.includes(audience))
    return { issuer, facts: { ...facts, audiences }, signed, reviewedUntilMs: reviewed.untilMs }
  }

  /** For a reader more lenient than we are it would be of that issuer. */
  #malformed(text: string): Resolver | undefined {
    const iss = saidIn(text.split('.', 2)[1] ?? '', 'iss')
    const [issuer] = typeof iss === 'string' ? this.#deps.directory.issuersOf(iss) : []
    const because = 'it is not in the one form that is read here, or is longer than 8192 characters'
    return issuer && (() => deny('external_token_refused', { issuer: issuer.name, because }))
  }

  #resolve(jwt: UnverifiedJwt): Promise<KnownCredential | Denied> {
    const digest = this.#deps.sha256Hex(jwt.text)
    const joined = this.#running.get(digest)
    if (joined !== undefined) return joined
    const running = this.#verify(jwt, digest).finally(() => this.#running.delete(digest))
    this.#running.set(digest, running)
    return running
  }

  /** Nothing is waited for between the last look at issuer and rules and the keeping of what they say. */
  async #verify(jwt: UnverifiedJwt, digest: string): Promise<KnownCredential | Denied> {
    const { directory } = this.#deps
    for (let overtaken = 0; overtaken < MAX_OVERTAKEN; overtaken++) {
      const genuine = await this.genuine(jwt)
      if (isDenied(genuine)) return genuine
      if (directory.issuer(genuine.issuer.name) !== genuine.issuer) continue
      return this.#stand(genuine, digest)
    }
    return deny('store_busy', { because: 'every verification was overtaken by a change of its issuer' })
  }

  #stand(genuine: Genuine, digest: string): KnownCredential | Denied {
    const standing = standingOf(genuine.facts, genuine.issuer, this.#deps)
    if (isDenied(standing)) return standing
    const believed = new KnownExternal(genuine, standing, digest, this.#again)
    this.#deps.known.set(digest, believed)
    return believed
  }

  #standAnew(text: string, before: KnownExternal): KnownCredential | Denied {
    const { genuine, standing, digest, stored } = before
    const jwt = parseJwt(text)
    const read = jwt === undefined ? deny('token_malformed') : readExternalToken(jwt, genuine.issuer)
    if (isDenied(read)) return read
    // The API server may have confirmed fewer of its audiences than it names.
    const facts = { ...read, audiences: stored.external?.audiences ?? [] }
    const now = standingOf(facts, genuine.issuer, this.#deps)
    if (!isDenied(now) && now.rule === standing.rule && now.stored.owner.id === stored.owner.id) return before.keep()
    this.#deps.known.forget([stored.id])
    return isDenied(now) ? now : this.#stand({ ...genuine, facts }, digest)
  }

  #verifyAnew(text: string, { stored, genuine }: KnownExternal): Promise<KnownCredential | Denied> | Denied {
    this.#deps.known.forget([stored.id])
    const jwt = parseJwt(text)
    return jwt === undefined
      ? deny('external_token_refused', { issuer: genuine.issuer.name, because: 'it is no JWT' })
      : this.#resolve(jwt)
  }

  /** Of several who sign as the same `iss`, the one whose key it names. Each of those has pinned keys. */
  async #issuerOf({ header, claims }: UnverifiedJwt): Promise<ExternalIssuer | Denied> {
    const all = this.#deps.directory.issuersOf(textClaim(claims, 'iss') ?? '')
    const [only, ...others] = all
    if (only === undefined) return deny('credential_foreign')
    if (others.length === 0) return only
    const refuse = (because: string) =>
      deny('external_token_refused', { issuer: all.map(({ name }) => name).join(' or '), because })
    const { kid, alg } = header
    if (kid === undefined) return refuse('several issuers sign as this iss, and it names no kid')
    const found = await Promise.all(
      all.map(async (issuer) => ({
        issuer,
        key: isPinned(issuer) ? await this.#keys.of(issuer).find(kid, alg) : 'unknown',
      })),
    )
    const holders = found.filter(({ key }) => typeof key !== 'string')
    const [holder] = holders
    if (holder !== undefined && holders.length === 1) return holder.issuer
    if (found.some(({ key }) => key === 'unavailable')) return deny('keys_unavailable', { of: `issuer ${only.name}` })
    return refuse(
      holder === undefined ? 'none of them has a key of this kid and alg' : 'more than one has a key of this kid',
    )
  }

  async #signed(jwt: UnverifiedJwt, issuer: ExternalIssuer): Promise<Genuine['signed'] | Denied> {
    const { kid, alg } = jwt.header
    const by = this.#keys.of(issuer)
    const key = await by.find(kid, alg)
    const refuse = (because: string) => deny('external_token_refused', { issuer: issuer.name, because })
    if (key === 'unavailable') return deny('keys_unavailable', { of: `issuer ${issuer.name}` })
    if (key === 'unknown') {
      return refuse(
        kid === undefined
          ? `it names no kid, and there is not exactly one ${alg} key`
          : `there is no ${alg} key of its kid`,
      )
    }
    const isGood =
      isSignedAtOnce(jwt, key, alg) ??
      (await this.signatureChecks.take(() => isSigned(jwt, key, alg)).catch(busyOrThrow))
    if (typeof isGood !== 'boolean') return isGood
    return isGood ? { by, kid, alg, key } : refuse('its signature is not of that key')
  }
}

/** Whether its keys are held here: nobody has to be asked for them. */
export function isPinned({ keySource }: ExternalIssuer): boolean {
  return keySource.kind === 'jwks' || keySource.kind === 'jwks_file'
}

function busyOrThrow(error: unknown): Denied {
  if (error instanceof TooManyWait) return deny('store_busy', { because: error.message })
  throw error
}
