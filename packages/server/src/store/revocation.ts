import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import type { StoredCredential } from '../domain/credential.ts'
import { revokeCredential } from './credentials.ts'
import { drawRevocationLine, listRevocationLines } from './revocation-lines.ts'
import type { Change } from './store.ts'

/**
 * Revokes a credential and, by a line, whatever it minted. The line is all there is of an access token that is a JWT.
 * False: it was revoked before.
 */
export async function revokeWithItsOwn(
  change: Change,
  credential: StoredCredential,
  reason: string | null,
  detail: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const subject = `credential:${credential.id}`
  const isKept = await revokeCredential(change, credential.id, reason)
  const isFirst = isKept || (credential.kind === 'at' && (await listRevocationLines(change.db, [subject])).length === 0)
  if (!isFirst) return false
  await change.record('credential.revoke', 'credential', credential.id, detail)
  await drawRevocationLine(change, subject, reason, { endsAt: lineEnd(credential) })
  await change.record('revocation_line.draw', 'revocation_line', subject, detail)
  return true
}

/**
 * Revokes what no record is kept of, by a line that may go once that has expired. False: it was revoked before. Whether
 * there is such a thing is not asked.
 */
export async function revokeUnkept(
  change: Change,
  id: string,
  reason: string | null,
  endsAt: Date | null,
): Promise<boolean> {
  const subject = `credential:${id}`
  if ((await listRevocationLines(change.db, [subject])).length > 0) return false
  await change.record('credential.revoke', 'credential', id, { reason })
  await drawRevocationLine(change, subject, reason, { endsAt })
  await change.record('revocation_line.draw', 'revocation_line', subject, { reason })
  return true
}

/** An access token mints nothing, unless it is for the management API: then what it minted may live on for ever. */
function lineEnd({ kind, expiresAt, narrowing }: StoredCredential): Date | null {
  const mayMint = kind !== 'at' || narrowing.resources === null || narrowing.resources.includes(MANAGEMENT_RESOURCE)
  return mayMint ? null : expiresAt
}
