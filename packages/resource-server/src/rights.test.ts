import { expect, test } from 'bun:test'
import { grantOf, rightsAtProject } from './rights.ts'

const UNNARROWED = { resources: null, scopes: null, projects: null }
const DECLARED = ['files:read', 'files:write']

test('projects that the same permissions hold in share one set of rights, however many are asked about', () => {
  const projects = Array.from({ length: 1000 }, (_, index) => `p${index}`)
  const everywhere = { id: 'perm_1', resource: 'webdav', scopes: ['files:read'], roles: [], projects: null }
  const confined = { id: 'perm_2', resource: 'webdav', scopes: ['files:write'], roles: [], projects }
  const grant = grantOf([everywhere, confined], UNNARROWED, DECLARED)
  if (grant === undefined) throw new Error('no grant')
  expect(new Set(projects.map((project) => rightsAtProject(grant, project))).size).toBe(1)
  expect([...(rightsAtProject(grant, 'p7')?.scopes ?? [])].sort()).toEqual(DECLARED)
  expect([...(rightsAtProject(grant, 'elsewhere')?.scopes ?? [])]).toEqual(['files:read'])
})
