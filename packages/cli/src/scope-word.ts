import type { Resource } from '@countersign/admin-api'
import { UsageError } from './exit.ts'

type ScopeDetails = Resource['scope_details']

/**
 * What scopes are for, each in one line: `files:read=files:Read files`. Surface and description may each be left out,
 * the colon between them not. Whether they are good is for the server to say.
 */
export function parseScopeDetails(texts: readonly string[] | undefined): ScopeDetails | undefined {
  return texts && Object.fromEntries(texts.map(parseScopeDetail))
}

function parseScopeDetail(text: string): [scope: string, detail: ScopeDetails[string]] {
  const [, scope, surface, description] = /^([^=]+)=([^:]*):(.*)$/s.exec(text)?.map((part) => part.trim()) ?? []
  if (!scope || (!surface && !description)) {
    throw new UsageError(
      '--describe-scope: expected "<scope>=<surface>:<description>", like "files:read=files:Read files".',
    )
  }
  return [scope, { ...(surface && { surface }), ...(description && { description }) }]
}

/** The scopes, those of a surface together in the order in which surfaces are first named; the others last. */
export function scopeLines({ scopes, scope_details }: Pick<Resource, 'scopes' | 'scope_details'>): readonly string[] {
  const surfaces = Map.groupBy(scopes, (scope) => scope_details[scope]?.surface)
  const others = surfaces.get(undefined) ?? []
  surfaces.delete(undefined)
  if (surfaces.size === 0 && !scopes.some((scope) => scope_details[scope] !== undefined)) return scopes

  const width = Math.max(...scopes.map((scope) => scope.length))
  const line = (scope: string) => `${scope.padEnd(width)}  ${scope_details[scope]?.description ?? ''}`.trimEnd()
  const grouped = [...surfaces].flatMap(([surface, its]) => [`${surface}:`, ...its.map((scope) => `  ${line(scope)}`)])
  if (grouped.length === 0) return others.map(line)
  return others.length === 0 ? grouped : [...grouped, 'other:', ...others.map((scope) => `  ${line(scope)}`)]
}
