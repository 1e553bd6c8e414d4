import { MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { type BelievedCredential, refText } from '../domain/credential.ts'
import { revokeCredential } from './credentials.ts'
import { drawRevocationLine, listRevocationLines } from './revocation-lines.ts'
import type { Change } from './store.ts'

/**
 * Revokes a credential and, by a line, whatever it minted. The line is all there is of an access token that is a JWT.
 * False: it was revoked before.
 */
export async function revokeWithItsOwn(
  change: Change,
  credential: BelievedCredential,
  reason: string | null,
  detail: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const subject = `credential:${credential.id}`
  const isKept = await revokeCredential(change, credential.id, reason)
  const isFirst = isKept || (hasNoRecord(credential) && (await listRevocationLines(change.db, [subject])).length === 0)
  if (!isFirst) return false
  const told = { owner: refText(credential.owner), ...detail }
  await change.record('credential.revoke', 'credential', credential.id, told)
  await drawRevocationLine(change, subject, reason, { endsAt: lineEnd(credential) })
  await change.record('revocation_line.draw', 'revocation_line', subject, told)
  return true
}

/**
 * Revokes what no record is kept of, by its id alone. False: it was revoked before. Whether there is such a thing is not
 * asked.
 *
 * Security: the line stays for ever. By the id nobody can say whether it was a token for the management API, and what
 * such a one minted may be rotated, and then outlives it.
 */
export async function revokeUnkept(change: Change, id: string, reason: string | null): Promise<boolean> {
  const subject = `credential:${id}`
  if ((await listRevocationLines(change.db, [subject])).length > 0) return false
  await change.record('credential.revoke', 'credential', id, { reason })
  await drawRevocationLine(change, subject, reason)
  await change.record('revocation_line.draw', 'revocation_line', subject, { reason })
  return true
}

/** Whether its revocation would change nothing any more: it is an access token that has expired, and minted nothing. */
export function isOver(credential: BelievedCredential, now: Date): boolean {
  const endsAt = lineEnd(credential)
  return endsAt !== null && endsAt <= now
}

/** It may have none: access tokens that are JWTs, and tokens of other issuers. */
function hasNoRecord({ kind }: BelievedCredential): boolean {
  return kind === 'at' || kind === 'jwt'
}

/** As long as the longest access token lives. */
const MINTED_MS = 86_400_000

/**
 * When all that it minted is dead too; null: nobody can say. An access token mints nothing and a token of another issuer
 * mints access tokens, unless it is for the management API: what that minted may be rotated, and outlive it.
 */
function lineEnd({ kind, expiresAt, narrowing: { resources } }: BelievedCredential): Date | null {
  if (expiresAt === null || resources?.includes(MANAGEMENT_RESOURCE)) return null
  if (kind === 'jwt') return new Date(expiresAt.getTime() + MINTED_MS)
  return kind === 'at' && resources !== null ? expiresAt : null
}
