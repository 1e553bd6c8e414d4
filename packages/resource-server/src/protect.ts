import { isDenied, type MatchedRule } from './access-rule.ts'
import { type Allowed, type Circumstances, decide, reachRefused } from './decide.ts'
import { errorName } from './error-name.ts'
import { type CredentialHeaders, extractCredential, type Presented } from './extract-credential.ts'
import { type Address, parseAddress } from './networks.ts'
import type {
  ProtectAllowed,
  ProtectContinued,
  ProtectDenied,
  ProtectRecord,
  ShownCredential,
} from './protect-answer.ts'
import type { Believed, Resolve } from './protect-believed.ts'
import { compileProtection, type Protection, type ProtectOptions } from './protect-options.ts'
import { type AskedFor, askedFor, atDestination, type GuardedRequest } from './protect-request.ts'
import { refusalResponse } from './refusal-response.ts'
import { type Denied, deny } from './refusals.ts'

export type GuardCircumstances = {
  /** Where the request comes from, as the application knows it. Absent: what needs a network is refused. */
  readonly clientAddress?: string | undefined
}

/** Never rejects. `Continued` is `ProtectContinued` where the options say `absent: 'continue'`. */
export type Guard<Continued = never> = (
  request: GuardedRequest,
  circumstances?: GuardCircumstances,
) => Promise<ProtectAllowed | Continued | ProtectDenied>

/** What was found out of a request. `verdict` is what is answered. */
type Judged = {
  readonly asked: AskedFor | undefined
  readonly believed: Believed | undefined
  readonly verdict: Allowed | ProtectContinued | Denied
}

const CONTINUE: ProtectContinued = Object.freeze({ outcome: 'continue' })

/**
 * Makes the guard of an API that no proxy stands before: who calls, and may they? The same steps by the same functions as
 * Countersign itself: what is asked for, which rule, which one credential, whose it is, and `decide`.
 *
 * It believes what it is told to: tokens of `issuers` (by trust rules, and roles that their claims map to), what
 * `countersign` issued, keys of the application's own `store`, and `staticKeys`. Who resolves a credential is told by its
 * form, and no other is tried after it; what gives neither a role nor a scope gives no access.
 *
 * With `absent: 'continue'` a request without any machine credential is the application's own to judge, whatever it asks
 * for. Which scope a handler needs beyond `rules` is for it to ask. Access tokens that are JWTs are checked offline: a
 * revocation is not seen before they end.
 *
 * Throws `ProtectOptionsError`, with every problem, when the options cannot stand. The guard itself never rejects: what
 * goes wrong is a refusal, with 503 where a source cannot be asked and 500 for a fault.
 *
 * Security: this is the only place that answers `allow`, and `decide` the only one that says so. A credential that is
 * there and bad is refused, and never falls back to anything else. Answer what is not `allow` with its `response`.
 *
 * @example
 * const guard = protect({
 *   resource: { name: 'git', identifier: 'https://git.example.com' },
 *   issuers: [{ name: 'corp', issuer: 'https://idp.example.com', roleMappings: { ADMIN: ['git-admins'] } }],
 * })
 * const answer = await guard(new Request('https://git.example.com/api/repositories'))
 * if (answer.outcome === 'deny') console.log(answer.response.status, answer.code) // 401 credential_missing
 */
export function protect(options: ProtectOptions & { readonly absent?: 'refuse' }): Guard
export function protect(options: ProtectOptions): Guard<ProtectContinued>
export function protect(options: ProtectOptions): Guard<ProtectContinued> {
  const protection = compileProtection(options)
  return async (request, circumstances = {}) => {
    const judged = await judge(request, circumstances, protection).catch(broken)
    const answer = answerOf(judged, protection)
    protection.tellDecision(() => recordOf(judged, request, protection))
    return answer
  }
}

function broken(error: unknown): Judged {
  return { asked: undefined, believed: undefined, verdict: deny('internal_error', { because: errorName(error) }) }
}

async function judge(
  request: GuardedRequest,
  { clientAddress }: GuardCircumstances,
  protection: Protection,
): Promise<Judged> {
  const { resource, absent, sha256, now } = protection
  const presented = await presentedBy(request.headers, protection)
  if (presented.outcome === 'none' && absent === 'continue')
    return { asked: undefined, believed: undefined, verdict: CONTINUE }

  const asked = askedFor(request, resource)
  const refuse = (verdict: Denied, believed?: Believed): Judged => ({ asked, believed, verdict })
  if (isDenied(asked.matched)) return refuse(asked.matched)
  if (presented.outcome === 'deny') return refuse(presented)
  const address = addressOf(clientAddress)
  if (presented.outcome === 'none') {
    return {
      asked,
      believed: undefined,
      verdict: allowed(undefined, asked.matched, asked, circumstancesAt(now(), address), protection),
    }
  }

  const { text, kind: resolve } = presented
  const digested = sha256(text)
  const resolved = resolve({
    text,
    digest: typeof digested === 'string' ? digested : await digested,
    clientAddress: address && clientAddress,
  })
  const believed = resolved instanceof Promise ? await resolved : resolved
  if (isDenied(believed)) return refuse(believed)
  const circumstances = circumstancesAt(now(), address)
  const { caller, unreadable } = believed
  if (unreadable !== undefined) return refuse(reachRefused(caller, resource, circumstances) ?? unreadable, believed)
  return { asked, believed, verdict: allowed(believed, asked.matched, asked, circumstances, protection) }
}

/** The last step. Where a request writes elsewhere than it says, both have to be allowed. */
function allowed(
  believed: Believed | undefined,
  matched: MatchedRule,
  { destination }: AskedFor,
  circumstances: Circumstances,
  { resource }: Protection,
): Allowed | Denied {
  const verdict = decide(believed?.caller, resource, matched, circumstances)
  if (destination === undefined || isDenied(verdict)) return verdict
  if (isDenied(destination)) return destination
  const there = atDestination(decide(believed?.caller, resource, destination, circumstances))
  return isDenied(there) ? there : verdict
}

/** The one machine credential, with who resolves it. Static keys have no form: their digests are looked at. */
async function presentedBy(
  headers: CredentialHeaders,
  { resource, recognition, statics, sha256 }: Protection,
): Promise<Presented<Resolve>> {
  const formless = new Set<string>()
  const presented = extractCredential(headers, resource.sources, (text) => {
    const resolve = recognition.resolverOf(text)
    if (resolve === undefined) formless.add(text)
    return resolve
  })
  if (formless.size === 0 || statics.isEmpty) return presented
  const found = new Map<string, Believed>()
  for (const text of formless) {
    const believed = await statics.find(await sha256(text))
    if (believed !== undefined) found.set(text, believed)
  }
  if (found.size === 0) return presented
  return extractCredential(headers, resource.sources, (text) => {
    const believed = found.get(text)
    return believed === undefined ? recognition.resolverOf(text) : () => believed
  })
}

function addressOf(text: string | undefined): Address | undefined {
  return text === undefined ? undefined : parseAddress(text)
}

function circumstancesAt(now: Date, address: Address | undefined): Circumstances {
  // By a clock that tells no time nothing would ever expire.
  if (!Number.isFinite(now.getTime())) throw new RangeError('The clock tells no time.')
  return { now, listener: 'public', clientAddress: () => address }
}

/** All of it copies: what a handler does with them is not seen by the next request. */
function answerOf(
  { asked, believed, verdict }: Judged,
  { resource }: Protection,
): ProtectAllowed | ProtectContinued | ProtectDenied {
  const matched = asked === undefined || isDenied(asked.matched) ? undefined : asked.matched
  if (verdict.outcome === 'continue') return verdict
  if (verdict.outcome === 'deny') {
    const response = refusalResponse(verdict, resource.name, matched?.rule.require.scopes)
    return { ...verdict, detail: structuredClone(verdict.detail), response }
  }
  const { principal, rights, projects } = verdict
  return {
    outcome: 'allow',
    principal: { ...principal },
    scopes: new Set(rights.scopes),
    roles: new Set(rights.roles),
    projects: projects && [...projects],
    project: matched?.project,
    client: believed?.client,
    credential: believed && shownBy(believed),
    resource: resource.name,
  }
}

function shownBy({ kind, caller }: Believed): ShownCredential {
  const { id, expiresAt } = caller.credential
  return { kind, id, expiresAt: expiresAt && new Date(expiresAt) }
}

/** Copies here, too: what the hook does with them is seen by nobody. */
function recordOf(
  { asked, believed, verdict }: Judged,
  { method }: GuardedRequest,
  { resource, now }: Protection,
): ProtectRecord {
  const denied = verdict.outcome === 'deny' ? verdict : undefined
  return {
    at: new Date(now()),
    outcome: verdict.outcome,
    code: denied?.code,
    detail: structuredClone(denied?.detail ?? {}),
    principal: believed && { ...believed.caller.principal },
    credential: believed && shownBy(believed),
    resource: resource.name,
    method,
    path: asked?.path,
  }
}
