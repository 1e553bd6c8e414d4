import type { Credential } from '@countersign/admin-api'
import { permissionLine } from './commands/permission.ts'
import { momentOr } from './moment.ts'
import { all, type OnlineSession, unlessForbidden } from './session.ts'

/** What a client or user may, itself and by its groups, one line each; undefined where this key may not read it. */
export async function heldPermissions(
  { api }: OnlineSession,
  holder: { client: string } | { user: string },
  groups: readonly string[],
): Promise<string[] | undefined> {
  const held = async (holding: typeof holder | { group: string }, by = '') => {
    const permissions = await all((page) => api.permissions.list({ ...holding, ...page }))
    return permissions.map((permission) => `${permissionLine(permission)}${by}`)
  }
  const lines = [held(holder), ...groups.map((group) => held({ group }, `, by group ${group}`))]
  return (await unlessForbidden(Promise.all(lines)))?.flat()
}

/** The credentials that still count, one line each, and where the others are to be seen. */
export function credentialLines(credentials: readonly Credential[], listed: string, now: Date): string[] {
  const ended = credentials.filter(({ state }) => state === 'revoked' || state === 'expired')
  const lines = credentials
    .filter((credential) => !ended.includes(credential))
    .map(({ id, name, hint, state, last_used_at }) => {
      const used = momentOr('never', last_used_at, now)
      return `${id}  ${name ?? hint}  ${state.replaceAll('_', ' ')}; last used: ${used}`
    })
  return ended.length === 0 ? lines : [...lines, `${ended.length} revoked or expired: ${listed}`]
}
