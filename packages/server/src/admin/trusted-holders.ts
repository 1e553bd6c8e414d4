// Whom trust rules bear on, for whoever is to change them, or the issuer that they believe.

import { type ClaimMatch, MANAGEMENT_RESOURCE, reaches } from '@countersign/resource-server'
import { groupRefs, type HolderRef } from '../domain/credential.ts'
import type { ServerTrustRule } from '../domain/trust-rule.ts'
import { listClientsRequiring } from '../store/clients.ts'
import type { Db } from '../store/store.ts'

type Rule = Pick<ServerTrustRule, 'name' | 'match' | 'as' | 'narrowing'>

/**
 * Those whom rules name: for whom their subjects stand, and the clients that get tokens only beside such a subject. Users
 * stand in the links of their issuer, and groups that its claims map to in its table.
 */
export async function holdersByRules(db: Db, rules: readonly Rule[]): Promise<HolderRef[]> {
  const requiring = await listClientsRequiring(
    db,
    rules.map(({ name }) => name),
  )
  return [...rules.flatMap(standInsOf), ...requiring.map((id) => ({ kind: 'client', id }) as const)]
}

function standInsOf({ as }: Rule): HolderRef[] {
  if (as.kind === 'client') return [{ kind: 'client', id: as.id }]
  return as.kind === 'workload' ? groupRefs(as.groups) : []
}

/** Whether whoever one of these rules trusts can be let into the management API, whatever they hold there now. */
export function reachManagement(rules: readonly Rule[]): boolean {
  return rules.some(({ narrowing }) => reaches(narrowing, MANAGEMENT_RESOURCE))
}

/**
 * Whether a subject could fit both rules, and stand as the first one says. Only what they ask of `sub` tells them apart for
 * certain: other claims may be lists, of which one member suffices.
 */
export function mayComeBefore(one: Pick<Rule, 'match'>, other: Pick<Rule, 'match'>): boolean {
  const [these, those] = [subjectsOf(one.match.sub), subjectsOf(other.match.sub)]
  // Nothing comes before a rule that names the subject but another such.
  if (those?.kind === 'exact' && these?.kind !== 'exact') return false
  if (these === undefined || those === undefined) return true
  if (those.kind === 'prefix') return these.texts.some((text) => meet(text, these.kind, those.texts[0]))
  const exact = new Set(those.texts)
  return these.texts.some((text) => exact.has(text))
}

function meet(text: string, kind: 'exact' | 'prefix', prefix = ''): boolean {
  return text.startsWith(prefix) || (kind === 'prefix' && prefix.startsWith(text))
}

/** What is asked of `sub`; undefined: nothing that names anybody. */
function subjectsOf(asked: ClaimMatch | undefined) {
  if (asked === undefined) return undefined
  if (typeof asked !== 'object') return { kind: 'exact', texts: [String(asked)] } as const
  if ('in' in asked) return { kind: 'exact', texts: asked.in.map(String) } as const
  return 'prefix' in asked ? ({ kind: 'prefix', texts: [asked.prefix] } as const) : undefined
}
