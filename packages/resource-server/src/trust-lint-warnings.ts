// What is accepted in a trust rule and yet trusts more, or for longer, than its writer may think.

import { GITHUB_IDS_SUBJECT, type KnownPlatform, platformOfIssuer, platformOfSubject } from './known-issuers.ts'
import type { LintedIssuer } from './trust-lint.ts'
import type { ClaimMatch, TrustRule } from './trust-rule.ts'
import { isScalar } from './trust-rule-condition.ts'

export const TRUST_WARNINGS = [
  'mutable_name',
  'any_ref',
  'pull_request',
  'stranger_event',
  'ref_unprotected',
  'claim_is_text',
  'whole_namespace',
  'default_service_account',
  'service_account_recreated',
  'whole_trust_domain',
] as const
export type TrustWarningCode = (typeof TRUST_WARNINGS)[number]

export type TrustWarning = { readonly code: TrustWarningCode; readonly message: string }

type Match = TrustRule['match']

/** Of a rule that has no problems. */
export function warningsOf(match: Match, issuer: LintedIssuer): readonly TrustWarning[] {
  const subjects = textsAsked(match.sub)
  const platform = platformOfIssuer(issuer.issuer) ?? platformOfSubject(subjects[0] ?? '')
  return [
    ...(platform === undefined ? [] : warningsOfNames(match, subjects, platform)),
    ...warningsOfPeople(match),
    ...(platform?.platform === 'github' ? warningsOfGitHub(match, subjects) : []),
    ...(platform?.platform === 'gitlab' ? warningsOfGitLab(match) : []),
    ...(issuer.isKubernetes || subjects.some(isServiceAccount) ? warningsOfKubernetes(match, subjects) : []),
    ...(subjects.some(isTrustDomain) && isPrefix(match.sub) ? [WHOLE_TRUST_DOMAIN] : []),
  ]
}

/** Every text that is asked for, or begun with. */
export function textsAsked(asked: ClaimMatch | undefined): readonly string[] {
  if (asked === undefined) return []
  if (isScalar(asked)) return [String(asked)]
  if ('prefix' in asked) return [asked.prefix]
  return 'in' in asked ? asked.in.map(String) : []
}

function isPrefix(asked: ClaimMatch | undefined): boolean {
  return typeof asked === 'object' && 'prefix' in asked
}

/** Whether it is asked for by its value. */
function isPinned(match: Match, claim: string): boolean {
  return textsAsked(match[claim]).length > 0
}

function warningsOfNames(match: Match, subjects: readonly string[], platform: KnownPlatform): TrustWarning[] {
  const { title, ids, names, hasNamedSubjects } = platform
  const hasIds = subjects.length > 0 && subjects.every((subject) => GITHUB_IDS_SUBJECT.test(subject))
  if (ids.some((id) => isPinned(match, id)) || (platform.platform === 'github' && hasIds))
    return textIdsOf(match, platform)
  const named = [
    ...(hasNamedSubjects && subjects.length > 0 ? ['sub'] : []),
    ...names.filter((name) => isPinned(match, name)),
  ]
  if (named.length === 0) return []
  const message =
    `${named.join(', ')} of ${title} says names. Who deletes or renames what bears the name sets it free for a stranger, ` +
    `who is trusted then: ask for ${ids.slice(0, 2).join(' and ')} as well.`
  return [{ code: 'mutable_name', message }]
}

/** GitHub and GitLab say ids and booleans as text. */
function textIdsOf(match: Match, { platform, title }: KnownPlatform): TrustWarning[] {
  if (platform !== 'github' && platform !== 'gitlab') return []
  return Object.entries(match).flatMap(([claim, asked]): TrustWarning[] => {
    const scalars = isScalar(asked) ? [asked] : 'in' in asked ? asked.in : []
    const other = scalars.find((scalar) => typeof scalar !== 'string')
    if (other === undefined) return []
    return [
      { code: 'claim_is_text', message: `${title} says ${claim} as text: write "${other}", or the rule fits nobody.` },
    ]
  })
}

const NAMES_OF_PEOPLE = ['email', 'preferred_username', 'upn', 'unique_name', 'username']

function warningsOfPeople(match: Match): TrustWarning[] {
  const named = NAMES_OF_PEOPLE.filter((claim) => isPinned(match, claim))
  if (named.length === 0 || isPinned(match, 'sub') || isPinned(match, 'oid')) return []
  const message = `${named.join(', ')} can be changed, often by its bearer, and be given to somebody else: ask for sub.`
  return [{ code: 'mutable_name', message }]
}

/** What anybody may cause in a public repository, and what runs on its default branch then. */
const STRANGER_EVENTS = [
  ...['pull_request_target', 'workflow_run', 'issues', 'issue_comment', 'discussion', 'discussion_comment'],
  ...['pull_request_review', 'pull_request_review_comment', 'fork', 'watch'],
]

function warningsOfGitHub(match: Match, subjects: readonly string[]): TrustWarning[] {
  const warnings: TrustWarning[] = []
  const events = textsAsked(match.event_name)
  const isWholly = (part: RegExp) => subjects.length > 0 && subjects.every((subject) => part.test(subject))
  const isConfined =
    ['ref', 'environment', 'job_workflow_ref', 'workflow_ref'].some((claim) => isPinned(match, claim)) ||
    isWholly(/:(ref|environment|job_workflow_ref|workflow_ref|pull_request)(:|$)/)
  if (!isConfined) {
    const message =
      'Any branch, tag and workflow of the repository is trusted, so everybody who can push one: ask for environment or ref, ' +
      'and for job_workflow_ref where a reusable workflow does the work.'
    warnings.push({ code: 'any_ref', message })
  }
  const isPulled = subjects.some((subject) => /:pull_request$/.test(subject)) || events.includes('pull_request')
  if (isPulled || (!isConfined && events.length === 0)) {
    const message =
      'Runs for pull requests are trusted, so whoever may open one from a branch decides what runs: ask for event_name ' +
      '"push" or for an environment, or give this rule nothing but what such a person may do.'
    warnings.push({ code: 'pull_request', message })
  }
  const strange = events.filter((event) => STRANGER_EVENTS.includes(event))
  if (strange.length > 0) {
    const message = `A run for ${strange.join(' or ')} has the rights of the repository and is started by strangers: leave it out of event_name.`
    warnings.push({ code: 'stranger_event', message })
  }
  if (events.length === 0 && !isWholly(/:pull_request$/)) {
    const message =
      'Runs that strangers start are trusted too (pull_request_target, issue_comment, workflow_run): they have the ref of the ' +
      'default branch. Ask for event_name, such as {"in": ["push", "workflow_dispatch"]}.'
    warnings.push({ code: 'stranger_event', message })
  }
  return warnings
}

function warningsOfGitLab(match: Match): TrustWarning[] {
  if (textsAsked(match.ref_protected).join() === 'true') return []
  const message =
    'Everybody who can push a branch or tag that the rule fits is trusted: protect it, and ask for ref_protected "true".'
  return [{ code: 'ref_unprotected', message }]
}

const isServiceAccount = (subject: string) => subject.startsWith('system:serviceaccount:')

function warningsOfKubernetes(match: Match, subjects: readonly string[]): TrustWarning[] {
  const warnings: TrustWarning[] = []
  if (isPrefix(match.sub)) {
    const message =
      'Whoever may create ServiceAccounts or Pods in the namespace is trusted: name each ServiceAccount in {"in": […]}.'
    warnings.push({ code: 'whole_namespace', message })
  }
  if (subjects.some((subject) => /^system:serviceaccount:[^:]+:default$/.test(subject))) {
    const message =
      'Every Pod of the namespace that names no ServiceAccount runs as "default": give the workload one of its own.'
    warnings.push({ code: 'default_service_account', message })
  }
  if (!isPinned(match, 'kubernetes.io.serviceaccount.uid')) {
    const message =
      'A ServiceAccount that is deleted and made again is the same to the rule. Where that must not be, ask for ' +
      'kubernetes.io.serviceaccount.uid as well.'
    warnings.push({ code: 'service_account_recreated', message })
  }
  return warnings
}

const isTrustDomain = (subject: string) => /^spiffe:\/\/[^/]+\/$/.test(subject)

const WHOLE_TRUST_DOMAIN: TrustWarning = {
  code: 'whole_trust_domain',
  message:
    'Every workload of the trust domain is trusted, also those that are registered later: name a path, as in spiffe://<domain>/ns/<namespace>/.',
}
