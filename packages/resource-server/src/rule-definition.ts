// Access rules as they are written (the wire form, which is also the one that Countersign stores), and how they are compiled.

import type { AccessRule, Requirement } from './access-rule.ts'
import { parseMethod } from './method.ts'
import { isValidGroupReference, isValidRole } from './names.ts'
import { parseNetwork } from './networks.ts'
import { compileRulePath } from './rule-path.ts'
import { parseScope } from './scopes.ts'

/** An access rule as it is written. */
export type RuleDefinition = {
  methods?: string[] | undefined
  path: string
  require?: RequirementDefinition | undefined
}

export type RequirementDefinition = {
  public?: boolean | undefined
  principals?: ('user' | 'client' | 'workload')[] | undefined
  scopes?: string[] | undefined
  roles?: string[] | undefined
  groups?: string[] | undefined
  project?: 'any' | undefined
  networks?: string[] | undefined
  listener?: 'internal' | undefined
}

/** Something in a definition that cannot stand, and where. */
export type RuleProblem = { readonly path: string; readonly message: string }

export const NOTHING_ASKED: Requirement = {
  public: false,
  principals: [],
  scopes: [],
  roles: [],
  groups: [],
  project: 'captured',
  networks: [],
  listener: undefined,
}

/**
 * Compiles rules once, when they are written or loaded. Every problem is reported, not the first alone. `isRole` says
 * which names roles may have, where they are not those of Countersign.
 */
export function compileRules(
  definitions: readonly RuleDefinition[],
  declaredScopes: readonly string[],
  isRole: (name: string) => boolean = isValidRole,
): { rules: AccessRule[]; problems: RuleProblem[] } {
  const problems: RuleProblem[] = []
  const rules = definitions.flatMap((definition, index) => {
    const at = `rules[${index}]`
    const before = problems.length
    const methods = definition.methods?.map((method, position) => {
      if (parseMethod(method) === undefined) {
        problems.push({ path: `${at}.methods[${position}]`, message: 'is not a method; write it in capitals, as GET' })
      }
      return method
    })
    const path = compileRulePath(definition.path)
    if ('problem' in path) problems.push({ path: `${at}.path`, message: path.problem })
    const require = compileRequirement(definition.require ?? {}, { declaredScopes, isRole }, `${at}.require`, problems)
    if (problems.length > before || 'problem' in path) return []
    return [{ index, methods: methods && new Set(methods), path, require }]
  })
  return { rules, problems }
}

function compileRequirement(
  definition: RequirementDefinition,
  {
    declaredScopes,
    isRole,
  }: { readonly declaredScopes: readonly string[]; readonly isRole: (name: string) => boolean },
  at: string,
  problems: RuleProblem[],
): Requirement {
  const report = (field: string, message: string) => problems.push({ path: `${at}.${field}`, message })
  // `true` alone: whatever else stands there opens nothing.
  const isPublic = definition.public === true
  if (isPublic) {
    for (const field of ['principals', 'scopes', 'roles', 'groups', 'project'] as const) {
      if (definition[field] !== undefined) report(field, 'cannot stand beside "public", which asks for nobody')
    }
  }
  for (const scope of definition.scopes ?? []) {
    if (parseScope(scope) === undefined) report('scopes', `"${scope}" is not a scope; write noun:action, as files:read`)
    else if (!declaredScopes.includes(scope)) report('scopes', `"${scope}" is not among the scopes of the resource`)
  }
  for (const role of definition.roles ?? []) if (!isRole(role)) report('roles', `"${role}" is not a role name`)
  for (const group of definition.groups ?? []) {
    if (!isValidGroupReference(group)) report('groups', `"${group}" is not a group name`)
  }
  const networks = (definition.networks ?? []).flatMap((text) => {
    const network = parseNetwork(text)
    if (network === undefined) report('networks', `"${text}" is not a network; write it as 10.0.0.0/8`)
    return network ?? []
  })
  return {
    public: isPublic,
    principals: definition.principals ?? [],
    scopes: definition.scopes ?? [],
    roles: definition.roles ?? [],
    groups: definition.groups ?? [],
    project: definition.project ?? 'captured',
    networks,
    listener: definition.listener,
  }
}
