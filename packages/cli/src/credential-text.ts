import type { Credential, CredentialKind } from '@countersign/admin-api'
import { day, moment, momentOr } from './moment.ts'
import { narrowing, stateCell } from './narrowing.ts'
import { type Column, details } from './table.ts'
import type { Terminal } from './terminal.ts'

/** What people call each kind. */
export const KIND_WORDS: Record<CredentialKind, string> = {
  key: 'key',
  pat: 'token',
  at: 'access token',
  secret: 'client secret',
}

export function credentialColumns(now: Date): readonly Column<Credential>[] {
  return [
    ['id', (credential) => credential.id],
    ['owner', (credential) => credential.owner.id],
    ['name', (credential) => credential.name ?? ''],
    ['hint', (credential) => credential.hint],
    ['state', stateCell],
    ['rights', narrowing],
    ['created', (credential) => day(credential.created_at)],
    ['expires', (credential) => momentOr('never', credential.expires_at, now)],
    ['last used', (credential) => lastUse(credential, now)],
  ]
}

/** When it was last used, and from where. */
export function lastUse({ last_used_at, last_used_from }: Credential, now: Date): string {
  return `${momentOr('never', last_used_at, now)}${last_used_from === null ? '' : ` from ${last_used_from}`}`
}

export function ownerWord({ owner }: Pick<Credential, 'owner'>): string {
  return `${owner.kind}:${owner.id}`
}

/** Everything that is known of a credential, one line each. */
export function credentialDetails(terminal: Terminal, credential: Credential): string {
  const now = terminal.now()
  const by = (who: string | null) => (who === null ? '' : ` by ${who}`)
  const { revoked_at, revoked_reason: reason } = credential
  const revoked = revoked_at === null ? undefined : `${moment(revoked_at, now)}${by(credential.revoked_by)}`
  return details(terminal, [
    ['id', credential.id],
    ['kind', credential.kind],
    ['owner', ownerWord(credential)],
    ['name', credential.name ?? 'none'],
    ['hint', credential.hint],
    ['state', stateCell(credential)],
    ...(revoked === undefined ? [] : [['revoked', reason === null ? revoked : [revoked, reason]] as const]),
    ['resources', credential.resources ?? 'full'],
    ['scopes', credential.scopes ?? 'full'],
    ['projects', credential.projects ?? 'all'],
    ['networks', credential.networks ?? 'any'],
    ...(credential.not_before === null ? [] : [['starts', moment(credential.not_before, now)] as const]),
    ['expires', momentOr('never', credential.expires_at, now)],
    ['last used', lastUse(credential, now)],
    ['made', `${moment(credential.created_at, now)}${by(credential.created_by)}`],
    ...(credential.imported_from === null ? [] : [['imported', `begins with ${credential.imported_from}`] as const]),
    ...(credential.parent === null ? [] : [['made with', credential.parent] as const]),
    ['family', credential.family],
  ])
}
