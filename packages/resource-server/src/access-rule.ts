import type { Network } from './networks.ts'
import type { PrincipalKind } from './principal.ts'
import { type Denied, deny } from './refusals.ts'
import type { RequestTarget } from './request-target.ts'
import { isEverything, matchRulePath, type RulePath } from './rule-path.ts'

/** What a rule asks of a caller beyond a live credential and a permission on the resource. Empty lists ask nothing. */
export type Requirement = {
  /** Anybody may pass; a permission is not needed. A credential that is shown is judged all the same. */
  readonly public: boolean
  readonly principals: readonly PrincipalKind[]
  /** All of them. */
  readonly scopes: readonly string[]
  /** Any of them. */
  readonly roles: readonly string[]
  /** Any of them. */
  readonly groups: readonly string[]
  /** `any`: a credential confined to projects passes although the path names none; the handler must look. */
  readonly project: 'captured' | 'any'
  readonly networks: readonly Network[]
  readonly listener: Listener | undefined
}

export type Listener = 'public' | 'internal'

/** One line of a resource's ordered rules. */
export type AccessRule = {
  /** Position in the resource's list, from 0; -1 for a rule that no list holds. */
  readonly index: number
  /** Undefined: every method. */
  readonly methods: ReadonlySet<string> | undefined
  readonly path: RulePath
  readonly require: Requirement
}

export type AudienceAlias = { readonly issuer: string; readonly audience: string }

/** What the decision needs to know of a protected resource (RFC 9728): its rules, its state and its names. */
export type ProtectedResource = {
  readonly name: string
  /** Its audience: an absolute URI (RFC 8707 §2). */
  readonly identifier: string
  /** What issuers that cannot name the identifier put into `aud` in its place, by the issuer's name here. */
  readonly audienceAliases?: readonly AudienceAlias[]
  readonly disabled: boolean
  readonly rules: readonly AccessRule[]
}

/** The rule that decides, and the project that its path captured. */
export type MatchedRule = { readonly rule: AccessRule; readonly project: string | undefined }

/** Says whether some rule looks at the path. Only then can two readings of one target differ in rights. */
export function looksAtPaths(rules: readonly AccessRule[]): boolean {
  return rules.some((rule) => !isEverything(rule.path))
}

/**
 * Finds the rule that decides `method` at `target`: the first that matches. No match is a refusal.
 *
 * Security: an ambiguous target (`;`, `%2f`, `//`) is refused where any rule looks at the path, because the
 * upstream may read another path than we did.
 */
export function ruleFor(resource: ProtectedResource, method: string, target: RequestTarget): MatchedRule | Denied {
  if (target.ambiguous && looksAtPaths(resource.rules)) return deny('target_ambiguous', { resource: resource.name })
  for (const rule of resource.rules) {
    if (rule.methods !== undefined && !rule.methods.has(method)) continue
    const match = matchRulePath(rule.path, target.segments)
    if (match !== undefined) return { rule, project: match.captures?.project }
  }
  return deny('rule_missing', { resource: resource.name, method })
}

export function isDenied(value: object): value is Denied {
  return 'outcome' in value && value.outcome === 'deny'
}
