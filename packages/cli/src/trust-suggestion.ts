// What to write so that a token is believed, as far as the token itself tells.

import { fieldProblems, isReservedName, NewIssuer, NewTrustRule } from '@countersign/admin-api'
import {
  type Claims,
  checkTrustRule,
  dateClaim,
  isDenied,
  readExternalToken,
  suggestTrustRule,
  type TokenProfile,
  textClaim,
  type UnverifiedJwt,
  VERIFICATION_ALGORITHMS,
} from '@countersign/resource-server'
import type { Checked } from './body-file.ts'
import { UsageError } from './exit.ts'

export type SuggestedNames = { readonly issuer?: string; readonly name?: string; readonly client?: string }

export type Suggestion = {
  readonly platform: string
  readonly notes: readonly string[]
  readonly issuer: Pick<NewIssuer, 'name' | 'issuer' | 'algorithms' | 'profile' | 'kubernetes'> & {
    readonly max_lifetime_seconds?: number
  }
  /** Whether its keys have to be pinned, since its discovery document is nowhere, or out of reach. */
  readonly isPinned: boolean
  readonly trust_rule: Pick<NewTrustRule, 'name' | 'issuer' | 'match'> & { readonly as: { readonly client: string } }
}

const MAX_LIFETIME_SECONDS = 31 * 86_400

/** Security: the token is believed as it stands; no message quotes more of it than what goes into a rule. */
export function suggestionFor(token: UnverifiedJwt, names: SuggestedNames): Suggestion {
  for (const option of ['issuer', 'name', 'client'] as const) requireName(option, names[option])
  const { header, claims } = token
  const iss = textClaim(claims, 'iss')
  if (iss === undefined) throw unusable('it names no issuer (iss), by which its keys could be found.')
  if (!Object.hasOwn(VERIFICATION_ALGORITHMS, header.alg)) {
    throw unusable('it is signed with an algorithm that no issuer may have here: a shared secret, or none.')
  }
  const { platform, match, notes } = suggestTrustRule(claims)
  const isKubernetes = platform === 'kubernetes'
  const [problem] = checkTrustRule({ match }, { issuer: iss, isKubernetes }).problems
  if (problem !== undefined) throw unusable(`nothing in it makes a rule. ${problem.message}`)

  const profile = header.typ === 'at+jwt' ? 'at+jwt' : 'plain'
  const never = whyNeverBelieved(token, { issuer: iss, profile, isKubernetes })
  if (never !== undefined) throw unusable(`none like it is believed. ${capital(never)}.`)

  const lifetime = lifetimeOf(claims)
  const name = names.name ?? asName(labelOf(claims), 'workload')
  const issuer = names.issuer ?? asName(platform === 'unknown' ? hostOf(iss) : platform, 'issuer')
  // Whole hours: others that are as good may live a little longer than this one.
  const hours = lifetime === undefined || lifetime > MAX_LIFETIME_SECONDS ? undefined : Math.ceil(lifetime / 3600)
  const isPinned = isKubernetes || !/^https?:\/\//.test(iss)
  const newIssuer = acceptable(NewIssuer, {
    ...{ name: issuer, issuer: iss, algorithms: [header.alg], profile },
    ...(isKubernetes && { kubernetes: { mode: 'jwks' } }),
    ...(hours !== undefined && { max_lifetime_seconds: hours * 3600 }),
  })
  const as = { client: names.client ?? name }
  const rule = acceptable(NewTrustRule, { name, issuer, match, as })
  return {
    platform,
    notes: [...notes, ...(isPinned ? [PINNED] : []), ...notesOfLife(lifetime)],
    issuer: {
      ...{ name: issuer, issuer: iss, algorithms: newIssuer.algorithms, profile: newIssuer.profile },
      kubernetes: newIssuer.kubernetes,
      ...(hours !== undefined && { max_lifetime_seconds: hours * 3600 }),
    },
    isPinned,
    trust_rule: { name: rule.name, issuer: rule.issuer, match: rule.match, as },
  }
}

/** Why none like it is believed, however its issuer is registered. Of its dates and its audience the notes tell. */
function whyNeverBelieved(
  token: UnverifiedJwt,
  of: { readonly issuer: string; readonly profile: TokenProfile; readonly isKubernetes: boolean },
): string | undefined {
  const { nbf: _nbf, ...claims } = token.claims
  const facts = readExternalToken(
    { ...token, claims: { ...claims, iat: 1, exp: 61, aud: 'of a resource' } },
    {
      ...{ ...of, name: 'suggested', algorithms: [token.header.alg], allowedClients: null },
      ...{ maxLifetimeSeconds: MAX_LIFETIME_SECONDS, toleranceSeconds: 0 },
    },
  )
  return isDenied(facts) ? String(facts.detail.because) : undefined
}

function requireName(option: keyof SuggestedNames, name: string | undefined): void {
  if (name === undefined) return
  const { error } = NewTrustRule.shape.name.safeParse(name)
  if (error !== undefined) throw new UsageError(`--${option}: ${error.issues[0]?.message}.`)
}

function acceptable<Body>(schema: Checked<Body>, value: unknown): Body {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const problems = fieldProblems(result.error).map(({ path, message }) => `${path}: ${message}`)
  throw unusable(`${problems.join('; ')}.`)
}

const PINNED =
  'Its keys are pinned, since nobody outside may be able to fetch them. Of a cluster: kubectl get --raw /openid/v1/jwks'

function notesOfLife(seconds: number | undefined): string[] {
  if (seconds === undefined)
    return ['The token does not say how long it lives (iat, exp), so none like it is believed.']
  return seconds > MAX_LIFETIME_SECONDS
    ? ['It lives longer than 31 days, which no issuer may: have it ask for shorter ones.']
    : []
}

function lifetimeOf(claims: Claims): number | undefined {
  const [from, to] = [dateClaim(claims, 'iat'), dateClaim(claims, 'exp')]
  return from && to && to > from ? (to.getTime() - from.getTime()) / 1000 : undefined
}

/** What people call whose token it is: only a name for the rule, which asks for something else. */
function labelOf(claims: Claims): string {
  const subject = textClaim(claims, 'sub') ?? ''
  const known = ['repository', 'project_path', 'preferred_username', 'cid'].map((name) => textClaim(claims, name))
  return known.find((one) => one !== undefined) ?? subject.replace(/^system:serviceaccount:|^spiffe:\/\/[^/]*\//, '')
}

function hostOf(iss: string): string {
  return URL.canParse(iss) ? new URL(iss).hostname.replace(/\..*/, '') : ''
}

function asName(text: string, otherwise: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9._]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 40)
    .replace(/[^a-z0-9]+$/, '')
  return name === '' || isReservedName(name) ? otherwise : name
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function unusable(why: string): UsageError {
  return new UsageError(`--token-file: no rule can be made from this token: ${why}`)
}
