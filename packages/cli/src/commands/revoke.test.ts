// Revoking many: of one owner, or whatever is old; what reaches everybody is asked for first.

import { expect, test } from 'bun:test'
import { ok, playApi } from '../testing/play-api.ts'

const api = playApi()
for (const path of ['/users/alice/revoke-credentials', '/clients/canister/revoke-credentials']) {
  api.answer(`POST ${path}`, ok({ revoked: 3 }))
}
api.answer('POST /credentials/revoke-older', ok({ revoked: 7 }))

test.each([
  ['revoke --user alice', '/users/alice/revoke-credentials', {}],
  [
    'revoke --user alice --created-before 90d --reason gone',
    '/users/alice/revoke-credentials',
    { created_before: '2029-10-03T12:00:00.000Z', reason: 'gone' },
  ],
  [
    'revoke --client canister --created-before 2029-12-01T00:00:00Z',
    '/clients/canister/revoke-credentials',
    { created_before: '2029-12-01T00:00:00Z' },
  ],
  [
    'revoke --all pat --created-before 1d --yes',
    '/credentials/revoke-older',
    { kind: 'pat', created_before: '2029-12-31T12:00:00.000Z' },
  ],
])('%s', async (line, path, body) => {
  const { code, out } = await api.run(line)
  expect(code).toBe(0)
  expect(out).toMatch(/^Revoked \d credentials( of (user|client) \w+)?, from the next request on\.\n$/)
  expect(api.sent).toMatchObject([{ method: 'POST', path, body }])
  expect(api.sent[0]?.body).toEqual(body as never)
})

test.each([
  ['at', 'access tokens'],
  ['secret', 'client secrets'],
])('revoke --all %s says what that is', async (kind, words) => {
  const { err } = await api.run(`revoke --all ${kind} --created-before 30d`, { answer: 'y' })
  expect(err).toContain(`All ${words} of everybody that were made before`)
  expect(api.sent[0]?.body).toMatchObject({ kind })
})

test.each(['at_01JABCDEFGHJKMNPQRSTVWXYZ0', 'jwk_dMckN9wdPWiJ-yq5UQaNtAOr_G4RdO-smC8ixUHimoQ'])(
  '%s is revoked by its id, and it is said that no record is kept of it',
  async (id) => {
    api.answer(`POST /credentials/${id}/revoke`, ok({ revoked: 1, credential: null }))
    const { code, out, err } = await api.run(`revoke ${id}`)
    expect({ code, out }).toEqual({ code: 0, out: `Revoked ${id}, from the next request on.\n` })
    expect(err).toContain('No record is kept of it')
    api.answer(`POST /credentials/${id}/revoke`, ok({ revoked: 0, credential: null }))
    expect((await api.run(`revoke ${id}`)).out).toBe(`${id} was revoked already.\n`)
  },
)

test.each(['cs_key_abc', 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln', 'jwk_cs_secret_abc'])(
  'a credential itself gets into no address: revoke %s',
  async (text) => {
    const { code, err } = await api.run(`revoke ${text}`)
    expect(code).toBe(2)
    expect(err).toContain('Expected the public id of a credential')
    expect(api.sent).toEqual([])
  },
)

test('revoking of everybody asks a person, and in a script wants --yes', async () => {
  const line = 'revoke --all key --created-before 30d'
  const refused = await api.run(line, { answer: 'n' })
  expect(refused.code).toBe(1)
  expect(refused.err).toContain('All API keys of everybody that were made before 2029-12-02T12:00:00Z (30 days ago)')
  expect(refused.err).toContain('Nothing was revoked.')
  expect(api.sent).toEqual([])
  const script = await api.run(line)
  expect(script.code).toBe(2)
  expect(script.err).toContain('If that is meant: --yes')
  expect(api.sent).toEqual([])
  expect((await api.run(line, { answer: 'y' })).code).toBe(0)
  expect(api.sent).toHaveLength(1)
})

test.each([
  ['revoke', 'Expected a credential id, --client <id>, --user <username> or --all <kind>.'],
  ['revoke --user alice --client canister', 'one of them, not both'],
  ['revoke pat_01J --user alice', 'one of them, not both'],
  ['revoke --user alice --family', '--family goes with a credential id alone'],
  ['revoke pat_01J --created-before 90d', 'not with a credential id'],
  ['revoke --all pat', '--all goes with --created-before'],
  ['revoke --all session --created-before 90d', 'Allowed choices are key, pat'],
  ['revoke --user alice --created-before yesterday', 'expected an age like 90d'],
])('%s is a mistake, and nothing is sent', async (line, says) => {
  const { code, err } = await api.run(line, { answer: 'y' })
  expect(code).toBe(2)
  expect(err).toContain(says)
  expect(api.sent).toEqual([])
})
