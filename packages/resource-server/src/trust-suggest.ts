// The tightest sensible trust rule for a token that somebody holds in hand.

import { claimAt } from './claim-path.ts'
import type { Claims } from './jwt.ts'
import { textClaim, textsClaim } from './jwt.ts'
import { type KnownPlatform, type Platform, platformOfIssuer, platformOfSubject } from './known-issuers.ts'
import { problemsOfClaim } from './trust-lint-values.ts'
import type { ClaimScalar } from './trust-rule.ts'
import { isScalar } from './trust-rule-condition.ts'

export type TrustSuggestion = {
  readonly platform: Platform | 'kubernetes' | 'spiffe' | 'keycloak' | 'okta' | 'unknown'
  /** What a rule should ask. Empty: the token has nothing by which it could be told from others. */
  readonly match: Readonly<Record<string, ClaimScalar>>
  /** Why each claim is asked for, what was left out, and which audience the token has; sentences for people. */
  readonly notes: readonly string[]
}

type Chosen = Omit<TrustSuggestion, 'notes'> & { readonly notes: string[] }

/**
 * Suggests what a trust rule should ask, from the claims of one token: as little as tells this workload from all others,
 * by claims that nobody else can come to bear.
 *
 * Security: the claims are believed as they stand. Whoever shows the suggestion says so: a rule for a token that
 * somebody else sent in trusts somebody else.
 *
 * @example
 * const { match, notes } = suggestTrustRule({ iss: 'https://idp.example.com', sub: 'service-7', aud: 'https://api.example.com' })
 * console.log(match) // { sub: 'service-7' }
 */
export function suggestTrustRule(claims: Claims): TrustSuggestion {
  const { platform, match, notes } = choose(claims)
  return { platform, match, notes: [...notes, noteOfAudience(claims)] }
}

function choose(claims: Claims): Chosen {
  const subject = textClaim(claims, 'sub') ?? ''
  const known = platformOfIssuer(textClaim(claims, 'iss') ?? '') ?? platformOfSubject(subject)
  if (known?.suggested !== undefined) {
    const chosen = ofPlatform(claims, known, known.suggested)
    if (chosen !== undefined) return chosen
  }
  if (subject.startsWith('system:serviceaccount:')) return ofKubernetes(claims)
  if (subject.startsWith('spiffe://')) return bySubject(claims, 'spiffe', [], 'A SPIFFE ID names one workload.')
  if (isKeycloak(claims)) {
    const note =
      'sub is the account of the client, azp the client itself; the name in preferred_username can be changed.'
    return bySubject(claims, 'keycloak', ['azp'], note)
  }
  if (textClaim(claims, 'cid') !== undefined) {
    return bySubject(claims, 'okta', ['cid'], 'sub and cid are the client where no person takes part.')
  }
  return bySubject(claims, known?.platform ?? 'unknown', [], 'sub names one subject, exactly.')
}

/** By ids, as far as the token has them. Undefined: it has nothing of what says whose it is. */
function ofPlatform(claims: Claims, known: KnownPlatform, suggested: readonly string[]): Chosen | undefined {
  const { platform, title, ids, names } = known
  const notes: string[] = []
  const wanted = platform === 'github' ? narrowedOfGitHub(claims, suggested, notes) : suggested
  const match = pick(claims, wanted, notes)
  const pinned = [...ids, ...names, ...(platform === 'entra' ? ['sub'] : [])].filter((claim) => claim in match)
  if (pinned.length === 0) return undefined
  notes.unshift(`${title}: ${pinned.join(' and ')} ${pinned.length === 1 ? 'says' : 'say'} whose it is.`)
  if (!('sub' in match)) {
    notes.push('sub is left out: it is made of names, or of what changes with each run. The ids stay what they are.')
  }
  if (platform === 'gitlab' && match.ref_protected !== 'true') {
    notes.push('The ref is not protected: whoever can push it is trusted. Protect it, and suggest again.')
  }
  return { platform, match, notes }
}

/** An environment has rules of its own about who may use it, so it says more than the ref. */
function narrowedOfGitHub(claims: Claims, suggested: readonly string[], notes: string[]): readonly string[] {
  const event = textClaim(claims, 'event_name') ?? ''
  const isPulled = event.startsWith('pull_request')
  const workflow = textClaim(claims, 'job_workflow_ref')
  const isReusable = workflow !== undefined && workflow !== textClaim(claims, 'workflow_ref')
  const hasEnvironment = textClaim(claims, 'environment') !== undefined
  if (hasEnvironment)
    notes.push('environment is asked for in place of ref: its protection rules say which refs may use it.')
  if (isReusable) notes.push('job_workflow_ref pins the reusable workflow that did the work, at its ref.')
  if (isPulled) {
    notes.push(
      `event_name is ${event}: whoever opens a pull request decides what runs. Its ref is left out, since each has its own.`,
    )
  }
  const kept = suggested.filter((claim) => claim !== 'ref' || !(hasEnvironment || isPulled))
  return isReusable ? [...kept, 'job_workflow_ref'] : kept
}

function ofKubernetes(claims: Claims): Chosen {
  const chosen = bySubject(claims, 'kubernetes', [], 'sub names the ServiceAccount by namespace and name.')
  const uid = claimAt(claims, 'kubernetes.io.serviceaccount.uid')
  if (typeof uid === 'string') {
    chosen.notes.push(
      `A ServiceAccount that is deleted and made again has the same sub. To trust this one alone, ask for kubernetes.io.serviceaccount.uid "${uid}" as well.`,
    )
  }
  return chosen
}

/** A service account of Keycloak's client_credentials, whatever the realm is called. */
function isKeycloak(claims: Claims): boolean {
  return (
    textClaim(claims, 'preferred_username')?.startsWith('service-account-') === true &&
    textClaim(claims, 'azp') !== undefined
  )
}

function bySubject(claims: Claims, platform: Chosen['platform'], more: readonly string[], note: string): Chosen {
  const notes = [note]
  const match = pick(claims, ['sub', ...more], notes)
  if (!('sub' in match))
    notes.push('The token has no sub that a rule could ask for: name by hand what tells it from others.')
  return { platform, match, notes }
}

/** The claims of those names which the token has, as it says them. What a rule may not ask is left out, and noted. */
function pick(claims: Claims, names: readonly string[], notes: string[]): Record<string, ClaimScalar> {
  const match: Record<string, ClaimScalar> = {}
  for (const name of names) {
    const value = claimAt(claims, name)
    if (!isScalar(value)) continue
    const [problem] = problemsOfClaim(name, value)
    if (problem === undefined) match[name] = value
    else notes.push(`${name} is left out. ${problem.message}`)
  }
  return match
}

function noteOfAudience(claims: Claims): string {
  const audience = textClaim(claims, 'aud')
  const audiences = audience === undefined ? (textsClaim(claims, 'aud') ?? []) : [audience]
  if (audiences.length === 0) return 'The token has no aud, so no resource takes it: ask for one where it is issued.'
  const said = audiences.map((one) => JSON.stringify(one)).join(', ')
  return `Its aud is ${said}: the identifier of the resource, or one of its audience_aliases for this issuer. A rule does not ask about it.`
}
