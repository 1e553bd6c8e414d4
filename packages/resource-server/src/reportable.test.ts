// What leaves the application for error trackers, and the question for the project after a look-up.
import { describe, expect, test } from 'bun:test'
import type { ProtectAllowed } from './protect-answer.ts'
import { reportable } from './reportable.ts'
import { ProjectRefused, requireProject } from './require-project.ts'

const ANSWER: ProtectAllowed = {
  ...{ outcome: 'allow', resource: 'git', client: undefined, project: undefined },
  principal: { kind: 'user', id: 'alice', name: 'Alice Liddell', email: 'alice@example.com' },
  ...{ scopes: new Set(['repos:read']), roles: new Set(['ADMIN']), projects: ['a'] },
  credential: { kind: 'own', id: 'k1', expiresAt: null },
}

describe('what is reportable', () => {
  test('is who and with what, and neither a name nor an e-mail', () => {
    expect(reportable(ANSWER)).toEqual({
      kind: 'user',
      id: 'alice',
      client: undefined,
      credential: 'k1',
      resource: 'git',
    })
  })

  const IDS: [string, boolean][] = [
    ['alice@example.com', false],
    ['corp:alice@example.co.uk', false],
    ['alice', true],
    ['github:repo:octo-org@123456/octo.repo@456789:ref:refs/heads/main', true],
    ['cluster:system:serviceaccount:prod:atlas', true],
    ['corp:spiffe://example.org/atlas', true],
  ]
  for (const [id, isTold] of IDS) {
    test(`the id ${id} ${isTold ? 'is' : 'is not'} told`, () => {
      const principal = { kind: 'client', id, name: id } as const
      expect(reportable({ ...ANSWER, principal }).id).toBe(isTold ? id : undefined)
    })
  }

  test('of nobody is nobody', () => {
    const nobody = { ...ANSWER, principal: { kind: 'anonymous' }, credential: undefined } as const
    expect(reportable(nobody)).toMatchObject({ kind: 'anonymous', id: undefined, credential: undefined })
  })
})

describe('a project', () => {
  test('that the caller may be at passes', () => {
    requireProject(ANSWER, 'a')
    requireProject({ ...ANSWER, projects: null }, 'b')
  })

  for (const projects of [['a'], []]) {
    test(`other than ${JSON.stringify(projects)} is refused, with the answer for the caller`, async () => {
      let thrown: unknown
      try {
        requireProject({ ...ANSWER, projects }, 'b')
      } catch (error) {
        thrown = error
      }
      if (!(thrown instanceof ProjectRefused)) throw new Error('passed')
      expect(thrown.denied).toMatchObject({
        code: 'project_not_granted',
        detail: { project: 'b', confined_to: projects },
      })
      expect([thrown.response.status, await thrown.response.text()]).toEqual([
        403,
        'The credential is not meant for this project.\n',
      ])
    })
  }
})
