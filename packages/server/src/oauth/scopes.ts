import { deny, rightsAtAnyProject } from '@countersign/resource-server'
import type { KnownCaller } from '../authentication/known-credentials.ts'
import type { OAuthDenied } from './error-response.ts'

const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/

/**
 * What a token is granted of what was asked for: no more than its subject may have now. Nothing asked: all of that.
 *
 * @see RFC 6749 §3.3
 */
export function scopesOf(asked: string | undefined, { grant }: KnownCaller): readonly string[] | OAuthDenied {
  const permitted = [...((grant && rightsAtAnyProject(grant))?.scopes ?? [])].sort()
  if (asked !== undefined && !SCOPE.test(asked)) return deny('scope_refused', { because: 'malformed' })
  const wanted = asked?.split(' ')
  const granted = wanted === undefined ? permitted : permitted.filter((scope) => wanted.includes(scope))
  if (granted.length > 0) return granted
  const says = permitted.length === 0 ? 'It has none at this resource.' : `It may have: ${permitted.join(' ')}`
  return { ...deny('scope_refused', { asked: wanted ?? [], permitted }), says }
}
