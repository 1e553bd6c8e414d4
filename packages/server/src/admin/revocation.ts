import type { StoredCredential } from '../domain/credential.ts'
import { revokeCredential } from '../store/credentials.ts'
import { drawRevocationLine } from '../store/revocation-lines.ts'
import type { Change } from '../store/store.ts'
import { judgeIn } from './credential-state.ts'

/**
 * Revokes a credential and everything that it minted, and records both. Says whether it was live before.
 *
 * One that a line through another has revoked already, or that expired, is revoked all the same: its own line is what
 * reaches what it minted. Whether the caller may is not asked here.
 */
export async function revokeWithDescendants(
  change: Change,
  credential: StoredCredential,
  reason: string | null,
  detail: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const { status } = await judgeIn(change.db, credential, change.now)
  if (!(await revokeCredential(change, credential.id, reason))) return false
  await change.record('credential.revoke', 'credential', credential.id, detail)
  const descendants = `credential:${credential.id}`
  await drawRevocationLine(change, descendants, reason)
  await change.record('revocation_line.draw', 'revocation_line', descendants, detail)
  return status !== 'expired' && status !== 'revoked'
}
