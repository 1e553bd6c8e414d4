import { groupRefs } from '../domain/credential.ts'
import type { ExternalIssuer } from '../domain/issuer.ts'
import { deleteIssuer, type IssuerWrite, insertIssuer, updateIssuer } from '../store/issuers.ts'
import { listResources } from '../store/resources.ts'
import { retireId } from '../store/retired-ids.ts'
import { drawRevocationLine } from '../store/revocation-lines.ts'
import type { Change } from '../store/store.ts'
import { listTrustRulesOf } from '../store/trust-rules.ts'
import { listUsersLinkedTo } from '../store/user-links.ts'
import { requireFreeName } from './free-name.ts'
import type { Guard } from './guard.ts'
import { requireNamedByNone } from './named-by.ts'
import { Rejected } from './problem.ts'
import { holdersOf } from './trust-rule-writes.ts'

/** What a token minted by a federated assertion lives at most. */
const MINTED_MS = 86_400_000

/**
 * Writes of issuers: whoever says with which keys tokens are signed can sign for everybody whom its rules name. So a change
 * is judged as if each of its rules were made anew.
 */
export class IssuerWrites {
  constructor(
    private readonly change: Change,
    private readonly guard: Guard,
  ) {}

  async insert(issuer: IssuerWrite, managedBy: string | null): Promise<void> {
    await requireFreeName(this.change, 'issuer', issuer.name)
    await this.#mayMap(issuer)
    await insertIssuer(this.change, issuer, managedBy)
    await this.change.record('issuer.create', 'issuer', issuer.name, { issuer: issuer.issuer })
  }

  async update(
    before: ExternalIssuer,
    after: IssuerWrite,
    fields: readonly string[],
    managedBy?: string | null,
  ): Promise<void> {
    // Who declares it, and that it is believed no longer, gives nobody anything.
    const isNarrowed = fields.every((field) => field === 'managed_by' || (field === 'disabled' && after.disabled))
    await this.#mayAlterSubjectsOf(before, !isNarrowed)
    if (!isNarrowed) await this.#mayMap(after)
    await updateIssuer(this.change, after, managedBy)
    await this.change.record('issuer.change', 'issuer', after.name, { fields, disabled: after.disabled })
    if (fields.some((field) => field !== 'managed_by'))
      await this.#endWhatItMinted(after.name, 'the issuer was changed')
  }

  async delete(issuer: ExternalIssuer): Promise<void> {
    await this.#requireUnnamed(issuer)
    await this.#mayAlterSubjectsOf(issuer, false)
    await deleteIssuer(this.change, issuer.name)
    await retireId(this.change, 'issuer', issuer.name)
    await this.change.record('issuer.delete', 'issuer', issuer.name)
    await this.#endWhatItMinted(issuer.name, 'the issuer was deleted')
  }

  /** Groups that hold rights at the management API, for the subjects whose claims say so. */
  async #mayMap({ groupMappings }: IssuerWrite): Promise<void> {
    const groups = Object.keys(groupMappings ?? {})
    if (groups.length > 0) await this.guard.mayAlter('Membership of these groups', groupRefs(groups))
  }

  async #mayAlterSubjectsOf({ name, groupMappings }: ExternalIssuer, gives: boolean): Promise<void> {
    const rules = await listTrustRulesOf(this.change.db, name)
    const linked = await listUsersLinkedTo(this.change.db, name)
    const users = linked.map((id) => ({ kind: 'user', id }) as const)
    const holders = [...rules.flatMap(holdersOf), ...users, ...groupRefs(Object.keys(groupMappings ?? {}))]
    if (gives && holders.length > 0 && !this.guard.hasScope('credentials:write')) {
      throw new Rejected(
        'scope_missing',
        'Its tokens stand for others: to change it takes the scope credentials:write too.',
      )
    }
    if (holders.length > 0) await this.guard.mayAlter('Changing this issuer', holders)
  }

  async #requireUnnamed({ name }: ExternalIssuer): Promise<void> {
    const { db } = this.change
    const rules = (await listTrustRulesOf(db, name)).map((rule) => `trust rule ${rule.name}`)
    const users = (await listUsersLinkedTo(db, name)).map((user) => `user ${user}`)
    const resources = (await listResources(db)).flatMap((resource) =>
      resource.audienceAliases.some(({ issuer }) => issuer === name) ? [`resource ${resource.name}`] : [],
    )
    requireNamedByNone([...rules, ...users, ...resources], 'disable it')
  }

  async #endWhatItMinted(name: string, reason: string): Promise<void> {
    await endWhatWasMintedBy(this.change, `issuer_${name}`, reason)
  }
}

/** Access tokens that were minted by a federated assertion name its rule and its issuer as their ancestors. */
export async function endWhatWasMintedBy(change: Change, ancestor: string, reason: string): Promise<void> {
  const subject = `credential:${ancestor}`
  await drawRevocationLine(change, subject, reason, { endsAt: new Date(change.now.getTime() + MINTED_MS) })
  await change.record('revocation_line.draw', 'revocation_line', subject, { reason })
}
