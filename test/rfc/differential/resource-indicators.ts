// For which resource a token is. RFC 8707.
import { as, GRANT } from './asking.ts'
import { type Case, DAV, FORGE } from './case.ts'
import { NAMED, named, refused } from './differences.ts'

const target =
  (...resources: string[]): Case['asks'] =>
  (side) => ({
    ...as(side),
    form: [...Object.entries(GRANT), ...resources.map((resource) => ['resource', resource] as const)],
  })

export const resourceIndicators: Record<string, Case> = {
  'a resource with opaque tokens': { differs: NAMED, asks: target(DAV) },
  'a resource with JWTs': { differs: named('repo:read'), asks: target(FORGE) },
  'an unknown resource': { asks: target('https://nowhere.test') },
  'a relative resource': { asks: target('/files') },
  'a resource that is no URI': { asks: target('webdav') },
  'a resource with a fragment': { asks: target(`${DAV}#a`) },
  'a resource with an empty fragment': { asks: target(`${DAV}#`) },
  'a resource with a slash more': { asks: target(`${DAV}/`) },
  'an empty resource': { differs: NAMED, asks: target('') },
  'two resources': { asks: target(DAV, FORGE) },
  'the same resource twice': { differs: NAMED, asks: target(DAV, DAV) },
  'a scope of another resource': {
    differs: refused(
      'invalid_scope',
      'RFC 8707 §2.2: scopes are those of the resource that is asked for, and it has no such',
    ),
    asks: (s) => ({ ...as(s), form: { ...GRANT, resource: FORGE, scope: 'files:read' } }),
  },
  'scopes of two resources': {
    asks: (s) => ({ ...as(s), form: { ...GRANT, resource: FORGE, scope: 'files:read repo:read' } }),
  },
}
