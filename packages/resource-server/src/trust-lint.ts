// Which trust rules are refused when they are written, because they trust strangers, and which are warned of.

import type { TokenPolicy } from './issuer.ts'
import { isShared, type KnownPlatform, platformOfIssuer } from './known-issuers.ts'
import { isJudgedElsewhere, problemsOfClaim, type TrustProblem } from './trust-lint-values.ts'
import { type TrustWarning, textsAsked, warningsOf } from './trust-lint-warnings.ts'
import type { ClaimMatch, TrustRule } from './trust-rule.ts'
import { isScalar } from './trust-rule-condition.ts'

/** What the linter has to know of an issuer. */
export type LintedIssuer = Pick<TokenPolicy, 'issuer' | 'isKubernetes'>

export type TrustLint = {
  /** Why the rule must not be stored; empty: it may. */
  readonly problems: readonly TrustProblem[]
  readonly warnings: readonly TrustWarning[]
}

const MAX_CLAIMS = 32

/** Claims that say what a token is or how it came to be, of anybody alike. */
const SAY_NOT_WHO: ReadonlySet<string> = new Set([
  ...['typ', 'token_use', 'ver', 'idtyp', 'acr', 'amr', 'auth_time', 'azpacr', 'appidacr', 'email_verified'],
  ...['scope', 'scp', 'ref', 'ref_type', 'ref_protected', 'base_ref', 'head_ref', 'event_name', 'pipeline_source'],
  ...[
    'environment',
    'environment_protected',
    'runner_environment',
    'run_attempt',
    'run_number',
    'repository_visibility',
  ],
  ...['deployment_tier', 'build_branch', 'build_source', 'terraform_run_phase', 'branchName'],
])

/**
 * Judges a trust rule before it is stored: does it say whose tokens it means, in a way that strangers cannot imitate?
 *
 * Whether its issuer is the right one, and what it gives, is not judged. Problems are all there are, each at its path.
 *
 * Security: on an issuer that signs for everybody (GitHub, GitLab, …) a rule that pins no tenant trusts the whole world.
 *
 * @example
 * const { problems } = checkTrustRule({ match: { ref: 'refs/heads/main' } }, { issuer: 'https://gitlab.com', isKubernetes: false })
 * console.log(problems[0]?.path) // match
 */
export function checkTrustRule({ match }: Pick<TrustRule, 'match'>, issuer: LintedIssuer): TrustLint {
  const claims = Object.entries(match)
  const problems = [
    ...claims.flatMap(([claim, asked]) => problemsOfClaim(claim, asked)),
    ...(claims.length > MAX_CLAIMS ? [{ path: 'match', message: `Expected at most ${MAX_CLAIMS} claims.` }] : []),
  ]
  const asking = claims.filter(([claim]) => !isJudgedElsewhere(claim))
  // Of what is not understood nobody knows whom it would have named.
  if (asking.every(([claim, asked]) => problemsOfClaim(claim, asked).length === 0)) {
    const platform = platformOfIssuer(issuer.issuer)
    const shared = platform !== undefined && isShared(platform, issuer.issuer) ? platform : undefined
    const isTold = ([claim]: Asked[number]) => shared === undefined && claim === platform?.tenantId
    const unpinned = whyUnpinned(asking, shared, isTold)
    if (unpinned !== undefined) problems.push({ path: 'match', message: unpinned })
  }
  return { problems, warnings: problems.length > 0 ? [] : warningsOf(match, issuer) }
}

type Asked = readonly (readonly [string, ClaimMatch])[]

function whyUnpinned(
  asking: Asked,
  shared: KnownPlatform | undefined,
  isToldByIssuer: (one: Asked[number]) => boolean,
): string | undefined {
  if (asking.length === 0) return 'A rule that asks nothing would trust every token: name a sub.'
  const named = asking.filter((one) => namesSomebody(...one) && !isToldByIssuer(one))
  if (named.length === 0) {
    return 'Nothing in it says whose tokens are meant: name a sub, exactly or by {"prefix": "…"}, or the id of a subject or tenant.'
  }
  if (shared === undefined) return undefined
  const { title, ids, names, tenantSubject, examplePrefix } = shared
  const isPinned = named.some(([claim, asked]) =>
    claim === 'sub' ? textsAsked(asked).every((text) => tenantSubject.test(text)) : [...ids, ...names].includes(claim),
  )
  if (isPinned) return undefined
  const bySubject = examplePrefix === undefined ? 'its sub' : `a sub that begins like "${examplePrefix}"`
  return `${title} signs for everybody: pin your own by ${[bySubject, ...ids].join(' or ')}.`
}

/** Whether what is asked of a claim can tell one from another at all. */
function namesSomebody(claim: string, asked: ClaimMatch): boolean {
  if (SAY_NOT_WHO.has(claim) || typeof asked === 'boolean') return false
  if (isScalar(asked) || 'prefix' in asked) return true
  return 'in' in asked && asked.in.every((one) => typeof one !== 'boolean')
}
