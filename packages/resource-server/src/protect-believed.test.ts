// What a source gives, and what of it counts at the resource: where nothing is left there is no access.
import { describe, expect, test } from 'bun:test'
import { grantFrom, NOT_NARROWED } from './protect-believed.ts'
import { rightsAtAnyProject } from './rights.ts'

const SCOPES = ['files:read', 'files:write']

describe('what is given', () => {
  type Row = [
    name: string,
    given: string[],
    narrowedTo: string[] | null,
    declared: string[] | undefined,
    left: string[],
  ]
  const ROWS: Row[] = [
    ['is a scope of the resource', ['files:read'], null, SCOPES, ['files:read']],
    ['is a pattern of its scopes', ['*:read'], null, SCOPES, ['files:read']],
    ['is nothing', [], null, SCOPES, []],
    ['is a scope of another resource', ['other:x'], null, SCOPES, []],
    ['is no scope', ['garbage'], null, SCOPES, []],
    ['is a pattern that stands for none', ['other:*'], null, SCOPES, []],
    ['is beside one of another', ['files:write', 'other:x'], null, SCOPES, ['files:write']],
    ['is a scope where none are declared', ['other:x'], null, undefined, ['other:x']],
    ['is no scope where none are declared', ['garbage'], null, undefined, []],
    ['is a scope of a resource that has none', ['files:read'], null, [], []],
    ['is narrowed to a scope that it has', SCOPES, ['files:read'], SCOPES, ['files:read']],
    ['is narrowed to one that it has not', ['files:read'], ['files:write'], SCOPES, []],
    ['is narrowed to one of another resource', ['files:read'], ['other:x'], SCOPES, []],
    ['is narrowed to nothing', ['files:read'], [], SCOPES, []],
  ]
  for (const [name, scopes, narrowedTo, declared, left] of ROWS) {
    const narrowing = { ...NOT_NARROWED, scopes: narrowedTo }
    const resource = { name: 'git', scopes: declared }
    for (const projects of [null, ['a']]) {
      const where = projects === null ? 'everywhere' : 'in a project'
      const outcome = left.length === 0 ? 'there is no access' : `${left.join()} is left`
      test(`${name}, ${where}: ${outcome}`, () => {
        const grant = grantFrom({ roles: [], scopes, projects }, narrowing, resource)
        expect(grant && [...(rightsAtAnyProject(grant)?.scopes ?? [])]).toEqual(left.length === 0 ? undefined : left)
      })
      test(`${name}, ${where}, beside a role: the role is left`, () => {
        const grant = grantFrom({ roles: ['ADMIN'], scopes, projects }, narrowing, resource)
        expect(grant && [...(rightsAtAnyProject(grant)?.roles ?? [])]).toEqual(['ADMIN'])
      })
    }
  }
})
