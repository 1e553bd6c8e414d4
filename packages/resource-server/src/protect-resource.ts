import type { AccessRule, AudienceAlias, ProtectedResource } from './access-rule.ts'
import type { CredentialSources } from './extract-credential.ts'
import { isReservedName, parseName } from './names.ts'
import { isRoleHere, type OptionProblem } from './protect-problems.ts'
import { compileRules, type RuleDefinition } from './rule-definition.ts'
import { expandScopes, parseScope, parseScopePattern } from './scopes.ts'

export type ProtectResourceOptions = {
  /** What it is called: the realm of challenges, and in logs. */
  readonly name: string
  /** The audience of its tokens: an absolute URI, byte for byte. */
  readonly identifier: string
  /** The scopes that it has. Omitted: each that a credential has counts, and rules can ask none. */
  readonly scopes?: readonly string[]
  /** Access rules as Countersign writes them; the first that matches decides. Omitted: whoever has a right here may all. */
  readonly rules?: readonly RuleDefinition[]
  /** What issuers that cannot name the identifier put into `aud`, by the issuer's name here. */
  readonly audienceAliases?: readonly AudienceAlias[]
  /** The only header that credentials are read from. Omitted: `Authorization` and `X-Api-Key`. */
  readonly credentialHeader?: string
  /** What becomes of a credential that is nobody's here: `reject` (the default), or `pass`, as if there were none. */
  readonly foreignCredentials?: 'reject' | 'pass'
}

export type ProtectResource = ProtectedResource & {
  readonly scopes: readonly string[] | undefined
  readonly sources: CredentialSources
}

const EVERYTHING: readonly RuleDefinition[] = [{ path: '/**' }]
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:[!"$-~]+$/
const TOKEN = /^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/
/** They are read anyway, or by others. */
const NO_OWN_HEADERS = ['authorization', 'x-api-key', 'cookie', 'proxy-authorization', 'host']

/** Prepares the resource; what cannot stand in it is reported. */
export function compileResource(
  options: ProtectResourceOptions,
  issuerNames: readonly string[],
  report: (problem: OptionProblem) => void,
): ProtectResource {
  const { name, identifier, scopes, audienceAliases = [], foreignCredentials: foreign = 'reject' } = options
  const reportAt = (path: string, message: string) => report({ path: `resource.${path}`, message })
  if (typeof name !== 'string' || parseName(name) === undefined || isReservedName(name)) {
    reportAt('name', 'expected a-z, 0-9 and . _ @ -, first a letter or digit, at most 63 characters, no reserved name')
  }
  if (typeof identifier !== 'string' || !URI.test(identifier)) {
    reportAt('identifier', 'expected an absolute URI, such as https://api.example.com: the audience of its tokens')
  }
  for (const [at, scope] of (scopes ?? []).entries()) {
    if (parseScope(scope) === undefined)
      reportAt(`scopes[${at}]`, `"${scope}" is not a scope; write noun:action, as files:read`)
  }
  for (const [at, { issuer, audience }] of audienceAliases.entries()) {
    if (!issuerNames.includes(issuer))
      reportAt(`audienceAliases[${at}].issuer`, `there is no issuer of the name ${issuer}`)
    if (typeof audience !== 'string' || audience === '') reportAt(`audienceAliases[${at}].audience`, 'expected a text')
  }
  if (foreign !== 'reject' && foreign !== 'pass') reportAt('foreignCredentials', 'expected "reject" or "pass"')
  const header = options.credentialHeader?.toLowerCase()
  if (header !== undefined && (!TOKEN.test(header) || NO_OWN_HEADERS.includes(header))) {
    reportAt('credentialHeader', 'expected the name of a header of its own, as X-Acme-Key')
  }
  return {
    ...{ name, identifier, scopes, audienceAliases, disabled: false },
    rules: compiledRules(options, reportAt),
    sources: { header, foreign },
  }
}

function compiledRules(
  { rules = EVERYTHING, scopes }: ProtectResourceOptions,
  reportAt: (path: string, message: string) => void,
): readonly AccessRule[] {
  if (rules.length === 0) reportAt('rules', 'expected at least one: without a rule that matches nothing is allowed')
  const compiled = compileRules(rules, scopes ?? [], isRoleHere)
  for (const { path, message } of compiled.problems) {
    const isUndeclared = scopes === undefined && path.endsWith('.scopes')
    reportAt(path, isUndeclared ? `${message}: name those that it has in resource.scopes` : message)
  }
  for (const { index, require } of compiled.rules) {
    if (require.listener === undefined) continue
    reportAt(`rules[${index}].require.listener`, 'cannot be told here: mount what is internal on a listener of its own')
  }
  return compiled.rules
}

/** Why what is given at the resource cannot be given; undefined: it can. */
export function whyNotGiven(given: readonly string[], declared: readonly string[] | undefined): string | undefined {
  const unknown = given.find((scope) => {
    if (declared === undefined) return parseScope(scope) === undefined
    return parseScopePattern(scope) === undefined || expandScopes([scope], declared).size === 0
  })
  if (unknown === undefined) return undefined
  return declared === undefined
    ? `"${unknown}" is not a scope; write noun:action, as files:read`
    : `"${unknown}" is none of the scopes of the resource`
}
