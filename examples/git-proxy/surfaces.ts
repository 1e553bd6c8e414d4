// What there is to be done, by surface, and what each role may.

export const SCOPES = ['repos:read', 'repos:write', 'pushes:read', 'pushes:write', 'users:read', 'users:write'] as const
export type Scope = (typeof SCOPES)[number]

const READS = SCOPES.filter((scope) => scope.endsWith(':read'))

/** What may be in a user's API key: it reads, and writes at one surface alone. */
export const KEY_SCOPES: readonly Scope[] = [...READS, 'pushes:write']

const BY_ROLE: ReadonlyMap<string, readonly Scope[]> = new Map<string, readonly Scope[]>([
  ['ADMIN', SCOPES],
  ['WRITER', ['repos:read', 'pushes:read', 'pushes:write']],
  ['READER', READS],
])

export function scopesOf(roles: Iterable<string>): readonly Scope[] {
  return [...new Set([...roles].flatMap((role) => BY_ROLE.get(role) ?? []))]
}
