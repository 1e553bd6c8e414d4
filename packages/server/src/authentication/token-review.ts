import { readFile } from 'node:fs/promises'
import { type Denied, deny, type ExternalFacts, isDenied, TooManyWait } from '@countersign/resource-server'
import type { ExternalIssuer } from '../domain/issuer.ts'
import { type IssuerFetch, readOwnToken } from './issuer-keys.ts'
import { LookUps } from './look-ups.ts'

export type TokenReviewDeps = {
  readonly fetch: IssuerFetch
  readonly monotonicMs: () => number
  readonly sha256Hex: (text: string) => string
  readonly log: { warn(details: object, message: string): void }
}

/** What the API server of a cluster said of a token, and until when that is believed (monotonic). */
export type Reviewed = { readonly outcome: 'reviewed'; readonly audiences: readonly string[]; readonly untilMs: number }

type Question = {
  readonly issuer: ExternalIssuer
  readonly text: string
  readonly facts: Pick<ExternalFacts, 'subject' | 'audiences'>
}
type Status = {
  readonly authenticated?: unknown
  readonly error?: unknown
  readonly audiences?: unknown
  readonly user?: unknown
}

/** A yes is believed so long: what was deleted in the cluster is refused that much later. */
const YES_MS = 10_000
const NO_MS = 1000
const TIMEOUT_MS = 3000
const MAX_ANSWER_BYTES = 1_000_000
const MAX_REMEMBERED = 10_000
const MAX_REASON_LENGTH = 200

/**
 * Asks the API servers of clusters about tokens of their ServiceAccounts (TokenReview). It alone knows of pods and
 * ServiceAccounts that were deleted.
 *
 * Security: the token is sent to the configured API server alone. That has to name one of the token's own audiences and the
 * very subject that the token names; what it cannot say is 503, never a yes. A cluster that hangs holds up nobody else.
 *
 * @see Kubernetes API, authentication.k8s.io/v1 TokenReview
 */
export class TokenReviews {
  readonly #answers = new Map<string, { readonly answer: Reviewed | Denied; readonly untilMs: number }>()
  readonly #asking = new Map<string, LookUps<Reviewed | Denied>>()
  /** By the key of those that are under way. */
  readonly #questions = new Map<string, Question>()

  constructor(private readonly deps: TokenReviewDeps) {}

  async review(issuer: ExternalIssuer, text: string, facts: Question['facts']): Promise<Reviewed | Denied> {
    const key = this.deps.sha256Hex(`${issuer.name} ${issuer.revision} ${text}`)
    const known = this.#answers.get(key)
    if (known !== undefined && this.deps.monotonicMs() < known.untilMs) return known.answer
    this.#questions.set(key, { issuer, text, facts })
    try {
      return await this.#lookUpsOf(issuer.name).get(key)
    } catch (error) {
      if (error instanceof TooManyWait) return deny('store_busy', { because: error.message })
      throw error
    } finally {
      this.#questions.delete(key)
    }
  }

  #lookUpsOf(name: string): LookUps<Reviewed | Denied> {
    const known = this.#asking.get(name)
    if (known !== undefined) return known
    const made = new LookUps((key: string) => this.#ask(key))
    this.#asking.set(name, made)
    return made
  }

  async #ask(key: string): Promise<Reviewed | Denied> {
    const question = this.#questions.get(key)
    if (question === undefined) throw new Error('a review that nobody asked for')
    const askedMs = this.deps.monotonicMs()
    const answer = await this.#answerTo(question, askedMs)
    const isYes = !isDenied(answer)
    // That nobody could say is asked again at once.
    if (isYes || answer.code === 'external_token_refused') {
      this.#remember(key, { answer, untilMs: askedMs + (isYes ? YES_MS : NO_MS) })
    }
    return answer
  }

  #remember(key: string, answer: { readonly answer: Reviewed | Denied; readonly untilMs: number }): void {
    this.#answers.delete(key)
    this.#answers.set(key, answer)
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > MAX_REMEMBERED && oldest !== undefined) this.#answers.delete(oldest)
  }

  async #answerTo(question: Question, askedMs: number): Promise<Reviewed | Denied> {
    const { issuer, facts } = question
    const status = await this.#ofCluster(question).catch((error: unknown) => cut(error))
    if (typeof status === 'string') {
      this.deps.log.warn({ issuer: issuer.name, because: status }, 'a token could not be reviewed')
      return deny('keys_unavailable', { of: `issuer ${issuer.name}`, because: status })
    }
    const refuse = (because: string) => deny('external_token_refused', { issuer: issuer.name, because })
    if (status.authenticated !== true) {
      const reason = typeof status.error === 'string' ? `: ${withoutToken(status.error, question)}` : ''
      return refuse(`its API server says that it is not valid${reason}`)
    }
    const user = isObject(status.user) ? status.user.username : undefined
    if (user !== facts.subject) return refuse('its API server says that it is of another subject')
    const named = Array.isArray(status.audiences) ? status.audiences : []
    const audiences = facts.audiences.filter((audience) => named.includes(audience))
    if (audiences.length === 0) return refuse('its API server confirms none of its audiences')
    return { outcome: 'reviewed', audiences, untilMs: askedMs + YES_MS }
  }

  /** The status of the review; a text says why there is none. */
  async #ofCluster({ issuer, text, facts }: Question): Promise<Status | string> {
    const { apiServer, tokenFile } = issuer.kubernetes ?? {}
    if (!apiServer || !tokenFile) return 'it has no API server or no token to show there'
    const ended = AbortSignal.timeout(TIMEOUT_MS)
    const answer = await this.deps.fetch(`${apiServer.replace(/\/$/, '')}/apis/authentication.k8s.io/v1/tokenreviews`, {
      signal: ended,
      headers: {
        authorization: `Bearer ${await readOwnToken(tokenFile)}`,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body: JSON.stringify({
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token: text, audiences: facts.audiences },
      }),
      ca: issuer.caFile === null ? undefined : await readFile(issuer.caFile, 'utf8'),
    })
    if (answer.status === 401 || answer.status === 403) {
      void answer.body?.cancel()
      return `its API server answered ${answer.status}: our own ServiceAccount may not create tokenreviews (ClusterRole system:auth-delegator)`
    }
    if (answer.status !== 200 && answer.status !== 201) {
      void answer.body?.cancel()
      return `its API server answered ${answer.status}`
    }
    const review = parseJson(await readAll(answer))
    const status = isObject(review) ? review.status : undefined
    return isObject(status) ? status : 'its API server answered no TokenReview'
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Empty: it is too long. */
async function readAll(answer: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of answer.body ?? []) {
    length += part.length
    if (length > MAX_ANSWER_BYTES) return ''
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

/** Security: an API server that repeats what it was shown must not have it stand in a record. */
function withoutToken(text: string, question: Question): string {
  return text.replaceAll(question.text, '…').slice(0, MAX_REASON_LENGTH)
}

function cut(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, MAX_REASON_LENGTH)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
