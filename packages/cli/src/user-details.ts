import type { User } from '@countersign/admin-api'
import { credentialLines, heldPermissions } from './holdings.ts'
import { moment } from './moment.ts'
import { pairText } from './pairs.ts'
import { all, type OnlineSession, unlessForbidden } from './session.ts'
import { type Cell, details, orNone } from './table.ts'

type Line = readonly [label: string, value: string | readonly string[]]

export function userState({ disabled }: Pick<User, 'disabled'>): Cell {
  return disabled ? { text: 'disabled', tone: 'bad' } : { text: 'enabled', tone: 'good' }
}

/** What they may, themselves and by their groups, and the tokens they have for it. */
export async function userHoldings(session: OnlineSession, { username, groups }: User): Promise<Line[]> {
  const { api, terminal } = session
  const permissions = await heldPermissions(session, { user: username }, groups)
  const tokens = await unlessForbidden(all((page) => api.tokens.list(username, page)))
  const lines = tokens && credentialLines(tokens, `countersign pat list --user ${username}`, terminal.now())
  return [
    ['permissions', orNone(permissions)],
    ['tokens', orNone(lines)],
  ]
}

export function printUser({ terminal, print }: OnlineSession, user: User, more: readonly Line[] = []): void {
  print(user, () =>
    details(terminal, [
      ['username', user.username],
      ['name', user.name],
      ['email', user.email ?? 'none'],
      ['state', userState(user)],
      ['roles', user.roles.join(', ') || 'none'],
      ['groups', user.groups.join(', ') || 'none'],
      ['links', orNone(user.links.map((link) => pairText(link, 'subject')))],
      ['password', user.has_password ? 'set' : 'none'],
      ['managed by', user.managed_by ?? 'hand'],
      ['made', moment(user.created_at, terminal.now())],
      ...more,
    ]),
  )
}
