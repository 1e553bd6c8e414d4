import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { type OwnerRef, refText, type StoredCredential } from '../domain/credential.ts'
import { listCredentials } from '../store/credentials.ts'
import { listMembers } from '../store/groups.ts'
import { listPermissions } from '../store/permissions.ts'
import type { Db } from '../store/store.ts'
import { type Finding, fault, ok, warning } from './finding.ts'

const SOON_DAYS = 14
const DAY_MS = 86_400_000
const AT_MOST = 500
const NAMED = 5

/** Which keys and tokens end soon, and which open the management API for ever. */
export async function examineCredentials(db: Db, now: Date, hasBootstrapKey: boolean): Promise<Finding[]> {
  const soon = new Date(now.getTime() + SOON_DAYS * DAY_MS)
  const ending = await listCredentials(db, { endsBetween: [now, soon], exceptKind: 'at', limit: AT_MOST })
  const standing = ending.filter(({ revokedAt }) => revokedAt === null)
  const findings: Finding[] = []
  if (standing.length > 0) {
    const says = `${countOf(standing)} within ${SOON_DAYS} days: ${namesOf(standing)}.`
    findings.push(warning('credentials_ending', says, `countersign credentials expiring --within ${SOON_DAYS}d`))
  }

  const administrators = await listAdministrators(db)
  const keys: StoredCredential[] = []
  for (const owner of administrators) {
    const held = await listCredentials(db, { owner, exceptKind: 'at', limit: AT_MOST })
    keys.push(...held.filter((key) => opensManagement(key, now)))
  }
  const endless = keys.filter(({ expiresAt }) => expiresAt === null)
  if (endless.length > 0) {
    const says = `Administrators have ${endless.length === 1 ? 'a key that does' : `${endless.length} keys that do`} not end: ${namesOf(endless)}.`
    findings.push(
      warning(
        'admin_keys',
        says,
        'Make one that ends, and revoke the other: countersign key create countersign-admin --resource countersign --expires 90d, countersign revoke <id>',
      ),
    )
  }
  if (keys.length === 0 && !hasBootstrapKey) {
    findings.push(fault('admin_keys', 'No key opens the management API.', 'countersign admin-key'))
  }
  return findings.length > 0
    ? findings
    : [ok('credentials', `No key ends within ${SOON_DAYS} days, and those of administrators end.`)]
}

/** Users and clients with role admin, by themselves or by a group. */
async function listAdministrators(db: Db): Promise<OwnerRef[]> {
  const permissions = await listPermissions(db, { resource: MANAGEMENT_RESOURCE })
  const owners = new Map<string, OwnerRef>()
  for (const { holder, roles } of permissions) {
    if (!roles.includes('admin')) continue
    const members = holder.kind === 'group' ? await listMembers(db, holder.id) : [refText(holder)]
    for (const member of members) {
      const [kind, id] = member.split(/:(.*)/s)
      if ((kind === 'client' || kind === 'user') && id !== undefined) owners.set(member, { kind, id })
    }
  }
  return [...owners.values()]
}

/** A credential that names no resource reaches every one but the management API. */
function opensManagement({ narrowing, revokedAt, expiresAt }: StoredCredential, now: Date): boolean {
  if (revokedAt !== null || (expiresAt !== null && expiresAt <= now)) return false
  return narrowing.resources?.includes(MANAGEMENT_RESOURCE) === true
}

function countOf(credentials: readonly StoredCredential[]): string {
  const more = credentials.length === AT_MOST ? ' or more' : ''
  return `${credentials.length}${more} ${credentials.length === 1 ? 'credential ends' : 'credentials end'}`
}

/** By their ids and owners. Nothing of a secret is in them. */
function namesOf(credentials: readonly StoredCredential[]): string {
  const named = credentials.slice(0, NAMED).map(({ id, owner }) => `${id} of ${refText(owner)}`)
  const others = credentials.length - named.length
  return others > 0 ? `${named.join(', ')} and ${others} more` : named.join(', ')
}
