import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { groupRefs, type HolderRef } from '../domain/credential.ts'
import type { ServerTrustRule } from '../domain/trust-rule.ts'
import { listClientsRequiring } from '../store/clients.ts'
import { retireId } from '../store/retired-ids.ts'
import type { Change } from '../store/store.ts'
import { deleteTrustRule, insertTrustRule, type TrustRuleWrite, updateTrustRule } from '../store/trust-rules.ts'
import { listUsersLinkedTo } from '../store/user-links.ts'
import { requireFreeName } from './free-name.ts'
import type { Guard } from './guard.ts'
import { endWhatWasMintedBy } from './issuer-writes.ts'
import { requireNamedByNone } from './named-by.ts'
import { Rejected } from './problem.ts'

/** Fields that say nothing of who is trusted. */
const FOR_PEOPLE: readonly string[] = ['description', 'managed_by']

/** Writes of trust rules: to have a subject stand for somebody is to make a credential for them. */
export class TrustRuleWrites {
  constructor(
    private readonly change: Change,
    private readonly guard: Guard,
  ) {}

  async insert(rule: TrustRuleWrite, managedBy: string | null): Promise<void> {
    await requireFreeName(this.change, 'trust_rule', rule.name)
    await this.#mayTrust(rule)
    await insertTrustRule(this.change, rule, managedBy)
    await this.change.record('trust_rule.create', 'trust_rule', rule.name, detailOf(rule))
  }

  async update(
    before: ServerTrustRule,
    after: TrustRuleWrite,
    fields: readonly string[],
    managedBy?: string | null,
  ): Promise<void> {
    const isForPeople = fields.every((field) => FOR_PEOPLE.includes(field))
    const trustsNobody =
      fields.every((field) => field === 'mode' || FOR_PEOPLE.includes(field)) && after.mode !== 'enforce'
    if (isForPeople || trustsNobody) await this.#mayAlterSubjectsOf(before)
    else {
      await this.#mayTrust(before)
      await this.#mayTrust(after)
    }
    await updateTrustRule(this.change, after, managedBy)
    await this.change.record('trust_rule.change', 'trust_rule', after.name, { fields, ...detailOf(after) })
    if (!isForPeople) await endWhatWasMintedBy(this.change, `rule_${after.name}`, 'the trust rule was changed')
  }

  /** A client that requires a rule which is gone gets no tokens, and nothing would say why. */
  async delete(rule: ServerTrustRule): Promise<void> {
    const clients = await listClientsRequiring(this.change.db, rule.name)
    requireNamedByNone(
      clients.map((id) => `client ${id}`),
      'set it to mode off',
    )
    await this.#mayAlterSubjectsOf(rule)
    await deleteTrustRule(this.change, rule.name)
    await retireId(this.change, 'trust_rule', rule.name)
    await this.change.record('trust_rule.delete', 'trust_rule', rule.name)
    await endWhatWasMintedBy(this.change, `rule_${rule.name}`, 'the trust rule was deleted')
  }

  async #mayTrust(rule: TrustRuleWrite): Promise<void> {
    if (!this.guard.hasScope('credentials:write')) {
      const says = 'Whoever it trusts acts as those whom it names: that takes the scope credentials:write too.'
      throw new Rejected('scope_missing', says)
    }
    if (rule.narrowing.resources?.includes(MANAGEMENT_RESOURCE)) {
      await this.guard.mayAlterManagement(`A trust rule that reaches ${MANAGEMENT_RESOURCE}`)
    }
    await this.#mayAlterSubjectsOf(rule)
  }

  async #mayAlterSubjectsOf(rule: TrustRuleWrite): Promise<void> {
    const linked = rule.as.kind === 'user' ? await listUsersLinkedTo(this.change.db, rule.issuer) : []
    const users = linked.map((id) => ({ kind: 'user', id }) as const)
    await this.guard.mayAlter('A trust rule that names these', [...holdersOf(rule), ...users])
  }
}

/** Whoever a rule has its subjects stand for, as far as it names them. */
export function holdersOf({ as }: Pick<TrustRuleWrite, 'as'>): HolderRef[] {
  if (as.kind === 'client') return [{ kind: 'client', id: as.id }]
  return as.kind === 'workload' ? groupRefs(as.groups) : []
}

function detailOf({ issuer, mode, as }: TrustRuleWrite) {
  return { issuer, mode, as: as.kind === 'client' ? `client:${as.id}` : as.kind }
}
