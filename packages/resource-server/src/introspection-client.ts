// What Countersign says of a credential that says nothing of itself (RFC 7662).

import { type Claims, claimOf, dateClaim, textClaim, textsClaim } from './jwt.ts'
import type { NoteFault } from './protect-faults.ts'
import { type Denied, deny } from './refusals.ts'
import { type FetchFailure, readJsonFrom, within } from './remote-keys-fetch.ts'
import { TwoGenerations } from './two-generations.ts'

/** The part of the standard `fetch` that is used. */
export type ProtectFetch = (
  uri: string,
  init: {
    readonly method?: 'POST'
    readonly signal: AbortSignal
    readonly redirect: 'manual'
    readonly headers: Record<string, string>
    readonly body?: string
  },
) => Promise<Response>

export type IntrospectionOptions = {
  /** The public URL of Countersign. */
  readonly issuer: string
  /** A client that the resource names as introspector, and its secret. */
  readonly clientId: string
  readonly clientSecret: string
  /** Identifier of the resource. */
  readonly resource: string
  /** How long an answer is good for, and a revocation unseen. */
  readonly cacheSeconds: number
  readonly fetch: ProtectFetch
  readonly monotonicMs: () => number
  /** Told of each answer: why it cannot be told by it; undefined: it can. */
  readonly noteFault?: NoteFault
}

/** What an active credential may do at the resource. */
export type Introspected = {
  /** Public id. */
  readonly id: string
  readonly subject: string
  /** Absent of what has no client. */
  readonly clientId: string | undefined
  readonly audience: string
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  readonly groups: readonly string[]
  /** null: all. */
  readonly projects: readonly string[] | null
  readonly notBefore: Date | null
  readonly expiresAt: Date | null
}

export type IntrospectionClient = (
  text: string,
  digest: string,
  clientAddress: string | undefined,
) => Promise<Introspected | Denied>

const TIMEOUT_MS = 3000
const MAX_NEGATIVE_MS = 1000
const CACHE_SIZE = 2048
const MAX_RUNNING = 256

/**
 * Asks Countersign of credentials by `<issuer>/oauth/introspect`; each question once at a time, its answer kept for
 * `cacheSeconds`, and that a credential is not active for one second at most.
 *
 * Refused as `credential_unknown` what is not active here; as `store_unavailable` when Countersign cannot be asked, or
 * says what is not understood: a caller must not be told that its good credential is bad. `store_busy`: too many
 * questions are under way.
 *
 * Security: kept by the digest of the credential and where it was shown from, never by its text. What cannot be read is
 * never "not restricted".
 *
 * @see RFC 7662 §2
 */
export function introspectionClient(options: IntrospectionOptions): IntrospectionClient {
  const { cacheSeconds, monotonicMs } = options
  const kept = new TwoGenerations<{ readonly said: Introspected | Denied; readonly untilMs: number }>(CACHE_SIZE)
  const running = new Map<string, Promise<Introspected | Denied>>()
  const ask = async (key: string, text: string, clientAddress: string | undefined) => {
    const askedMs = monotonicMs()
    const answered = await introspect(text, clientAddress, options)
    options.noteFault?.('failure' in answered ? wordsOf(answered) : undefined)
    const said = 'failure' in answered ? unavailable(answered) : answered
    if (!('outcome' in said) || said.code === 'credential_unknown') {
      const forMs = 'outcome' in said ? Math.min(cacheSeconds * 1000, MAX_NEGATIVE_MS) : cacheSeconds * 1000
      // From when it was asked: an answer that was slow is as old as its question.
      kept.set(key, { said, untilMs: askedMs + forMs })
    }
    return said
  }
  return async (text, digest, clientAddress) => {
    const key = clientAddress === undefined ? digest : `${digest} ${clientAddress}`
    const known = kept.get(key)
    if (known !== undefined && monotonicMs() < known.untilMs) return known.said
    const joined = running.get(key)
    if (joined !== undefined) return joined
    if (running.size >= MAX_RUNNING) return deny('store_busy', { because: 'too many introspections are under way' })
    const asking = ask(key, text, clientAddress).finally(() => running.delete(key))
    running.set(key, asking)
    return asking
  }
}

async function introspect(
  text: string,
  clientAddress: string | undefined,
  { issuer, clientId, clientSecret, resource, fetch }: IntrospectionOptions,
): Promise<Introspected | Denied | FetchFailure> {
  const form = new URLSearchParams({ token: text, resource })
  if (clientAddress !== undefined) form.set('client_address', clientAddress)
  const answer = await within(TIMEOUT_MS, (signal) =>
    readJsonFrom(
      fetch(`${issuer.replace(/\/$/, '')}/oauth/introspect`, {
        method: 'POST',
        signal,
        redirect: 'manual',
        headers: {
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
          authorization: basicOf(clientId, clientSecret),
        },
        body: form.toString(),
      }),
      signal,
    ),
  )
  return 'failure' in answer ? answer : readAnswer(answer.value, resource)
}

/** Security: what was sent, a secret among it, may stand in the message of whatever failed; so it is not said. */
function wordsOf({ failure, wordless = failure }: FetchFailure): string {
  return wordless
}

function unavailable(failed: FetchFailure): Denied {
  return deny('store_unavailable', { of: 'introspection', because: wordsOf(failed) })
}

/** RFC 6749 §2.3.1: form-encoded before it is joined. */
function basicOf(id: string, secret: string): string {
  const encoded = (part: string) => new URLSearchParams({ '': part }).toString().slice(1)
  return `Basic ${btoa(`${encoded(id)}:${encoded(secret)}`)}`
}

function readAnswer(value: Claims | undefined, resource: string): Introspected | Denied | FetchFailure {
  const active = value === undefined ? undefined : claimOf(value, 'active')
  if (value === undefined || typeof active !== 'boolean') return { failure: 'its answer is no introspection' }
  if (!active) return deny('credential_unknown', { because: 'it is not active here, says Countersign' })

  const unread = (name: string) => ({ failure: `its answer has no ${name} that can be read` })
  const id = textClaim(value, 'jti')
  const subject = textClaim(value, 'sub')
  const audience = textClaim(value, 'aud')
  if (id === undefined) return unread('jti')
  if (subject === undefined) return unread('sub')
  if (audience !== resource) return unread('aud of this resource')
  const scope = optional(value, 'scope', textClaim)
  const clientId = optional(value, 'client_id', textClaim)
  const roles = optional(value, 'roles', textsClaim)
  const groups = optional(value, 'groups', textsClaim)
  const expiresAt = optional(value, 'exp', dateClaim)
  const notBefore = optional(value, 'nbf', dateClaim)
  const projects = claimOf(value, 'projects') === null ? null : textsClaim(value, 'projects')
  for (const [name, read] of Object.entries({
    scope,
    client_id: clientId,
    roles,
    groups,
    exp: expiresAt,
    nbf: notBefore,
  })) {
    if (read === undefined) return unread(name)
  }
  if (projects === undefined) return unread('projects')
  return {
    ...{ id, subject, audience, projects },
    clientId: clientId ?? undefined,
    scopes: scope?.split(' ') ?? [],
    roles: roles ?? [],
    groups: groups ?? [],
    expiresAt: expiresAt ?? null,
    notBefore: notBefore ?? null,
  }
}

/** null: it is not there; undefined: it cannot be read. */
function optional<Read>(
  value: Claims,
  name: string,
  read: (claims: Claims, name: string) => Read | undefined,
): Read | null | undefined {
  return Object.hasOwn(value, name) ? read(value, name) : null
}
