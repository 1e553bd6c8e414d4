import { MANAGEMENT_RESOURCE, type RoleMappings } from '@countersign/resource-server'
import { groupRefs, type HolderRef } from '../domain/credential.ts'
import type { ExternalIssuer } from '../domain/issuer.ts'
import {
  deleteIssuer,
  findIssuer,
  type IssuerWrite,
  insertIssuer,
  listIssuersOf,
  updateIssuer,
} from '../store/issuers.ts'
import { listResources } from '../store/resources.ts'
import { retireId } from '../store/retired-ids.ts'
import { drawRevocationLine } from '../store/revocation-lines.ts'
import type { Change } from '../store/store.ts'
import { listTrustRulesOf } from '../store/trust-rules.ts'
import { isAnybodyLinkedTo, listUsersLinkedTo } from '../store/user-links.ts'
import { changedFields, lastFields } from './changed-fields.ts'
import { requireFreeName } from './free-name.ts'
import type { Guard } from './guard.ts'
import { requireNamedByNone } from './named-by.ts'
import { Rejected } from './problem.ts'
import { holdersByRules, reachManagement } from './trusted-holders.ts'
import { toIssuer } from './wire.ts'

const CHANGING = 'Changing this issuer'
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
    /** Of issuers that have no table of their own. */
    private readonly groupMappings: RoleMappings,
  ) {}

  async insert(issuer: IssuerWrite, managedBy: string | null): Promise<void> {
    await requireFreeName(this.change, 'issuer', issuer.name)
    await this.#mayBelieve(undefined, issuer)
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
    await this.#mayAlterSubjectsOf(before, CHANGING, !isNarrowed)
    if (!isNarrowed) await this.#mayBelieve(before, after)
    await updateIssuer(this.change, after, managedBy)
    const now = await findIssuer(this.change.db, after.name)
    const changed = changedFields(toIssuer(before), now === undefined ? {} : toIssuer(now))
    await this.change.record('issuer.change', 'issuer', after.name, { fields, changed })
    if (fields.some((field) => field !== 'managed_by'))
      await this.#endWhatItMinted(after.name, 'the issuer was changed')
  }

  async delete(issuer: ExternalIssuer): Promise<void> {
    await this.#requireUnnamed(issuer)
    await this.#mayAlterSubjectsOf(issuer, CHANGING, false)
    await deleteIssuer(this.change, issuer.name)
    await retireId(this.change, 'issuer', issuer.name)
    await this.change.record('issuer.delete', 'issuer', issuer.name, { was: lastFields(toIssuer(issuer)) })
    await this.#endWhatItMinted(issuer.name, 'the issuer was deleted')
  }

  /** Undefined `before`: there was none. */
  async #mayBelieve(before: ExternalIssuer | undefined, after: IssuerWrite): Promise<void> {
    await this.#mayMap(after)
    if (showsOwnToken(after) && (before === undefined || isAskedOtherwise(before, after))) {
      await this.guard.mayAlterManagement('Saying to whom our own token is shown')
    }
    // Tokens without a key id, and those of a key id that both have, are of neither from then on.
    for (const twin of await listIssuersOf(this.change.db, after.issuer)) {
      if (twin.name !== after.name) await this.#mayAlterSubjectsOf(twin, `Signing as issuer ${twin.name} does`, true)
    }
  }

  /** Groups that hold rights at the management API, for the subjects whose claims say so. */
  async #mayMap(issuer: IssuerWrite): Promise<void> {
    const groups = this.#mappedGroups(issuer)
    const table = issuer.groupMappings === null ? 'COUNTERSIGN_GROUP_MAPPINGS, which it takes,' : 'its table'
    await this.guard.mayAlter(`Membership of the groups of ${table}`, groups)
  }

  /** By the table that is in force. */
  #mappedGroups({ groupMappings }: IssuerWrite): HolderRef[] {
    return groupRefs(Object.keys(groupMappings ?? this.groupMappings))
  }

  async #mayAlterSubjectsOf(issuer: ExternalIssuer, what: string, gives: boolean): Promise<void> {
    const { db } = this.change
    const rules = await listTrustRulesOf(db, issuer.name)
    // Also who holds nothing by itself passes where a resource asks for no more than a workload, or a second factor.
    const isBelieved = rules.length > 0 || (await isAnybodyLinkedTo(db, issuer.name))
    if (gives && isBelieved && !this.guard.hasScope('credentials:write')) {
      const says = `${what} takes the scope credentials:write too: tokens of issuer ${issuer.name} stand for others.`
      throw new Rejected('scope_missing', says)
    }
    if (reachManagement(rules)) {
      await this.guard.mayAlterManagement(`${what}, whose tokens reach ${MANAGEMENT_RESOURCE},`)
    }
    const holders = [...(await holdersByRules(db, rules)), ...this.#mappedGroups(issuer)]
    await this.guard.mayAlter(what, holders, issuer.name)
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

function showsOwnToken({ kubernetes }: IssuerWrite): boolean {
  return (kubernetes?.tokenFile ?? null) !== null
}

/** Whether something else is shown, to another API server, or to one that is known by other certificates. */
function isAskedOtherwise(before: IssuerWrite, after: IssuerWrite): boolean {
  const told = ({ kubernetes, caFile }: IssuerWrite) =>
    [kubernetes?.mode, kubernetes?.apiServer, kubernetes?.tokenFile, caFile].join('\n')
  return told(before) !== told(after)
}

/** Access tokens that were minted by a federated assertion name its rule and its issuer as their ancestors. */
export async function endWhatWasMintedBy(change: Change, ancestor: string, reason: string): Promise<void> {
  const subject = `credential:${ancestor}`
  await drawRevocationLine(change, subject, reason, { endsAt: new Date(change.now.getTime() + MINTED_MS) })
  await change.record('revocation_line.draw', 'revocation_line', subject, { reason })
}
