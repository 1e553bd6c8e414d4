import type { BelievedCredential } from '../domain/credential.ts'
import { revokeWithItsOwn } from '../store/revocation.ts'
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
  credential: BelievedCredential,
  reason: string | null,
  detail: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const { status } = await judgeIn(change.db, credential, change.now)
  if (!(await revokeWithItsOwn(change, credential, reason, detail))) return false
  return status !== 'expired' && status !== 'revoked'
}
