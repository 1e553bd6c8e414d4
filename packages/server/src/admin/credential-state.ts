import type { Revocation } from '@countersign/resource-server'
import {
  type BelievedCredential,
  type CredentialStatus,
  kindOf,
  type RevocationLine,
  refText,
  revocationOf,
} from '../domain/credential.ts'
import { findOwner } from '../store/owners.ts'
import { listRevocationLines } from '../store/revocation-lines.ts'
import type { Db } from '../store/store.ts'

export type JudgedCredential<Credential extends BelievedCredential = BelievedCredential> = {
  readonly credential: Credential
  readonly status: CredentialStatus
  readonly revocation: Revocation | undefined
}

/** Whether a credential works at `now`, in the order in which a decision judges it. Networks are not judged. */
export function judge<Credential extends BelievedCredential>(
  credential: Credential,
  lineThrough: (subject: string) => RevocationLine | undefined,
  ownerIsLive: boolean,
  now: Date,
): JudgedCredential<Credential> {
  const revocation = revocationOf(credential, lineThrough)
  const status = (): CredentialStatus => {
    if (revocation !== undefined) return 'revoked'
    if (credential.notBefore !== null && now < credential.notBefore) return 'not_yet_valid'
    if (credential.expiresAt !== null && now >= credential.expiresAt) return 'expired'
    return ownerIsLive ? 'live' : 'owner_disabled'
  }
  return { credential, status: status(), revocation }
}

/** The same from the database, for use inside a change: the directory may not have heard of another node's yet. */
export async function judgeIn<Credential extends BelievedCredential>(
  db: Db,
  credential: Credential,
  now: Date,
): Promise<JudgedCredential<Credential>> {
  const { kind, owner, family, ancestors } = credential
  const subjects = [
    refText(owner),
    `kind:${kind}`,
    `family:${family}`,
    ...[credential.id, ...ancestors].map((id) => `credential:${id}`),
    ...ancestors.map((id) => `kind:${kindOf(id)}`),
  ]
  const lines = new Map((await listRevocationLines(db, subjects)).map((line) => [line.subject, line]))
  const stored = await findOwner(db, owner)
  return judge(credential, (subject) => lines.get(subject), stored !== undefined && !stored.disabled, now)
}
