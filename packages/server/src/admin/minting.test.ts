import { describe, expect, test } from 'bun:test'
import { parseNetwork } from '@countersign/resource-server'
import { fieldBeyond, inherit, type Reach } from './minting.ts'

type Said = { resources?: string[]; scopes?: string[]; projects?: string[]; networks?: string[]; ends?: string }

function reach({ resources, scopes, projects, networks = [], ends }: Said): Reach {
  return {
    narrowing: { resources: resources ?? null, scopes: scopes ?? null, projects: projects ?? null },
    networks: networks.flatMap((text) => parseNetwork(text) ?? []),
    networkTexts: networks,
    expiresAt: ends === undefined ? null : new Date(ends),
  }
}

describe('reaching beyond the presented credential', () => {
  test.each<[wanted: Said, presented: Said, field: string | undefined]>([
    [{}, {}, undefined],
    [{ resources: ['a'] }, {}, undefined],
    [{ resources: ['a'] }, { resources: ['a', 'b'] }, undefined],
    [{ resources: ['a', 'c'] }, { resources: ['a', 'b'] }, 'resources'],
    [{}, { resources: ['a'] }, 'resources'],
    [{ scopes: ['x:read'] }, { scopes: ['x:read', 'x:write'] }, undefined],
    [{ scopes: ['x:read'] }, { scopes: ['*:read'] }, undefined],
    [{ scopes: ['x:y:read'] }, { scopes: ['x:*'] }, undefined],
    [{ scopes: ['*:read'] }, { scopes: ['*:read'] }, undefined],
    [{ scopes: ['x:*'] }, { scopes: ['*:read'] }, 'scopes'],
    [{ scopes: ['*:read'] }, { scopes: ['x:read'] }, 'scopes'],
    [{ scopes: ['x:write'] }, { scopes: ['*:read'] }, 'scopes'],
    [{}, { scopes: ['x:read'] }, 'scopes'],
    [{ projects: ['a'] }, { projects: ['a'] }, undefined],
    [{ projects: ['a/b'] }, { projects: ['a'] }, 'projects'],
    [{}, { projects: ['a'] }, 'projects'],
    [{ networks: ['10.1.0.0/16'] }, { networks: ['10.0.0.0/8'] }, undefined],
    [{ networks: ['10.0.0.0/8'] }, { networks: ['10.0.0.0/8', '192.0.2.0/24'] }, undefined],
    [{ networks: ['10.0.0.0/7'] }, { networks: ['10.0.0.0/8'] }, 'networks'],
    [{ networks: ['10.1.0.0/16', '192.0.2.0/24'] }, { networks: ['10.0.0.0/8'] }, 'networks'],
    [{ networks: ['::/8'] }, { networks: ['0.0.0.0/0'] }, 'networks'],
    [{}, { networks: ['10.0.0.0/8'] }, 'networks'],
    [{ ends: '2030-01-01' }, { ends: '2030-01-01' }, undefined],
    [{ ends: '2030-01-01' }, {}, undefined],
    [{ ends: '2030-01-02' }, { ends: '2030-01-01' }, 'expires_at'],
    [{}, { ends: '2030-01-01' }, 'expires_at'],
  ])('%j of %j: %s', (wanted, presented, field) => {
    expect(fieldBeyond(reach(wanted), reach(presented))).toBe(field)
    expect(fieldBeyond(inherit(reach({}), reach(presented)), reach(presented))).toBeUndefined()
  })

  test('what is said is kept, what is not is inherited', () => {
    const presented = reach({ resources: ['a', 'b'], scopes: ['x:read'], networks: ['10.0.0.0/8'], ends: '2030-01-01' })
    const inherited = inherit(reach({ resources: ['a'] }), presented)
    expect(inherited).toEqual({ ...presented, narrowing: { ...presented.narrowing, resources: ['a'] } })
  })
})
