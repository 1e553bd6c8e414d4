import type { LintedTrustRule, NewTrustRule, TrustRuleChange, TrustRule as TrustRuleWire } from '@countersign/admin-api'
import { checkTrustRule } from '@countersign/resource-server'
import type { ServerTrustRule, TrustTarget } from '../domain/trust-rule.ts'
import { findClient } from '../store/clients.ts'
import { findIssuer } from '../store/issuers.ts'
import type { Db } from '../store/store.ts'
import { findTrustRule, type TrustRuleWrite } from '../store/trust-rules.ts'
import { defined } from './defined.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { Rejected, rejectedField, rejectedFields, unended } from './problem.ts'
import { requireGroups, requireResources } from './references.ts'
import { toTrustRule } from './wire.ts'
import { write } from './write.ts'

export async function createTrustRule(deps: AdminDeps, by: Authorized, body: NewTrustRule): Promise<LintedTrustRule> {
  return write(deps, by, async ({ db, trustRules }) => {
    const rule = await acceptable(body, db, deps)
    await trustRules.insert(rule, body.managed_by)
    return describeTrustRule(db, rule.name)
  })
}

/** Only the fields sent change, and what comes of it is judged as a whole. */
export async function changeTrustRule(
  deps: AdminDeps,
  by: Authorized,
  name: string,
  body: TrustRuleChange,
): Promise<LintedTrustRule> {
  return write(deps, by, async ({ db, trustRules }) => {
    const before = await requireTrustRule(db, name)
    const rule = await acceptable({ ...toTrustRule(before), ...defined(body) }, db, deps)
    await trustRules.update(before, rule, Object.keys(body), body.managed_by)
    return describeTrustRule(db, name)
  })
}

export async function removeTrustRule(deps: AdminDeps, by: Authorized, name: string): Promise<void> {
  await write(deps, by, async ({ db, trustRules }) => trustRules.delete(await requireTrustRule(db, name)))
}

/** With what the linter has to say of it. */
export async function describeTrustRule(db: Db, name: string): Promise<LintedTrustRule> {
  const rule = await requireTrustRule(db, name)
  const issuer = await findIssuer(db, rule.issuer)
  const warnings = issuer === undefined ? [] : checkTrustRule(rule, issuer).warnings
  return { ...toTrustRule(rule), warnings: warnings.map((warning) => ({ ...warning })) }
}

async function requireTrustRule(db: Db, name: string): Promise<ServerTrustRule> {
  const rule = await findTrustRule(db, name)
  if (rule !== undefined) return rule
  throw new Rejected('not_found', 'There is no trust rule of this name. GET /api/v1/trust-rules lists those there are.')
}

type WantedTrustRule = Omit<TrustRuleWire, 'managed_by' | 'created_at'>

async function acceptable(wanted: WantedTrustRule, db: Db, deps: AdminDeps): Promise<TrustRuleWrite> {
  const { name, issuer: issuerName, match, mode, resources, scopes, projects } = wanted
  const issuer = await findIssuer(db, issuerName)
  if (issuer === undefined) {
    throw rejectedField('issuer', `there is no issuer ${issuerName}; make it with POST /api/v1/issuers`)
  }
  const { problems } = checkTrustRule({ match }, issuer)
  if (problems.length > 0)
    throw rejectedFields(problems.map(({ path, message }) => ({ path, message: unended(message) })))
  if (projects !== null && resources?.length !== 1) {
    throw rejectedField('resources', 'expected exactly one resource beside projects: a project is inside one resource')
  }
  if (resources !== null) await requireResources(db, deps, resources, (index) => `resources[${index}]`)
  return {
    ...{ name, issuer: issuerName, match, mode },
    description: wanted.description ?? '',
    as: await requireTarget(wanted.as, db),
    expiresAt: wanted.expires_at === null ? null : toWholeSeconds(wanted.expires_at),
    narrowing: { resources, scopes, projects },
  }
}

/** As it is kept: a moment later it would be another one. */
function toWholeSeconds(text: string): Date {
  return new Date(Math.floor(Date.parse(text) / 1000) * 1000)
}

async function requireTarget(as: WantedTrustRule['as'], db: Db): Promise<TrustTarget> {
  if ('client' in as) {
    if ((await findClient(db, as.client)) !== undefined) return { kind: 'client', id: as.client }
    throw rejectedField('as.client', `there is no client ${as.client}; make it with POST /api/v1/clients`)
  }
  if ('user' in as) return { kind: 'user' }
  return { kind: 'workload', groups: await requireGroups(db, as.workload.groups, 'as.workload.groups') }
}
