import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import type { ServerTrustRule } from '../domain/trust-rule.ts'
import { listClientsRequiring } from '../store/clients.ts'
import { retireId } from '../store/retired-ids.ts'
import type { Change } from '../store/store.ts'
import {
  deleteTrustRule,
  findTrustRule,
  insertTrustRule,
  listTrustRulesOf,
  type TrustRuleWrite,
  updateTrustRule,
} from '../store/trust-rules.ts'
import { changedFields, lastFields } from './changed-fields.ts'
import { requireFreeName } from './free-name.ts'
import type { Guard } from './guard.ts'
import { endWhatWasMintedBy } from './issuer-writes.ts'
import { requireNamedByNone } from './named-by.ts'
import { Rejected } from './problem.ts'
import { holdersByRules, mayComeBefore, reachManagement } from './trusted-holders.ts'
import { toTrustRule } from './wire.ts'

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
    if (isForPeople) await this.#mayAlterSubjectsOf('A trust rule', [before])
    else {
      await this.#mayTrust(before)
      await this.#mayTrust(after)
    }
    await updateTrustRule(this.change, after, managedBy)
    const now = await findTrustRule(this.change.db, after.name)
    const changed = changedFields(toTrustRule(before), now === undefined ? {} : toTrustRule(now))
    await this.change.record('trust_rule.change', 'trust_rule', after.name, { fields, changed })
    if (!isForPeople) await endWhatWasMintedBy(this.change, `rule_${after.name}`, 'the trust rule was changed')
  }

  /** A client that requires a rule which is gone gets no tokens, and nothing would say why. */
  async delete(rule: ServerTrustRule): Promise<void> {
    const clients = await listClientsRequiring(this.change.db, [rule.name])
    requireNamedByNone(
      clients.map((id) => `client ${id}`),
      'set it to mode off',
    )
    await this.#mayTrust(rule)
    await deleteTrustRule(this.change, rule.name)
    await retireId(this.change, 'trust_rule', rule.name)
    await this.change.record('trust_rule.delete', 'trust_rule', rule.name, { was: lastFields(toTrustRule(rule)) })
    await endWhatWasMintedBy(this.change, `rule_${rule.name}`, 'the trust rule was deleted')
  }

  /**
   * To trust less is to trust otherwise: a subject that a rule lets go falls to any wider one that fits, from which it had
   * been taken.
   *
   * Security: else whoever may turn rules off would choose for whom their subjects stand.
   */
  async #mayTrust(rule: TrustRuleWrite): Promise<void> {
    if (!this.guard.hasScope('credentials:write')) {
      const says = 'Whoever it trusts acts as those whom it names: that takes the scope credentials:write too.'
      throw new Rejected('scope_missing', says)
    }
    await this.#mayReach('A trust rule', [rule])
    if (rule.mode !== 'enforce') return
    const wider = (await listTrustRulesOf(this.change.db, rule.issuer)).filter(
      (other) => other.name !== rule.name && other.mode === 'enforce' && mayComeBefore(rule, other),
    )
    await this.#mayReach('Changing what comes before a trust rule', wider)
  }

  async #mayReach(what: string, rules: readonly TrustRuleWrite[]): Promise<void> {
    if (reachManagement(rules)) await this.guard.mayAlterManagement(`${what} that reaches ${MANAGEMENT_RESOURCE}`)
    await this.#mayAlterSubjectsOf(what, rules)
  }

  /** Of rules of one issuer. */
  async #mayAlterSubjectsOf(what: string, rules: readonly TrustRuleWrite[]): Promise<void> {
    const holders = await holdersByRules(this.change.db, rules)
    const linkedTo = rules.find(({ as }) => as.kind === 'user')?.issuer
    await this.guard.mayAlter(`${what} that names these`, holders, linkedTo)
  }
}

function detailOf({ issuer, mode, as }: TrustRuleWrite) {
  return { issuer, mode, as: as.kind === 'client' ? `client:${as.id}` : as.kind }
}
