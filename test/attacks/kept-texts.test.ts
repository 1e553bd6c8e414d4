// P8 Somebody pastes a credential where a text belongs: what is kept of texts holds none.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { formatCredential } from '@countersign/resource-server'
import { everythingKept } from '../../packages/server/src/store/testing/kept.ts'
import { Teardown } from '../support/teardown.ts'
import { Stage } from './stage.ts'

const PASTED = formatCredential('pat', crypto.getRandomValues(new Uint8Array(32)))
const FOREIGN = 'acme_a+/b=<cretsecretX1'
const DIGEST = { digest: 'a'.repeat(64), owner: 'client:canister' }
const TRUST_RULE = { name: 't', issuer: 'i', match: { sub: 'x' }, as: { client: 'canister' } }

const teardown = new Teardown()
let directory = ''
let stage: Stage
beforeAll(async () => {
  directory = await teardown.temporaryDirectory('kept')
  stage = await Stage.open({ COUNTERSIGN_DATA_DIR: directory, COUNTERSIGN_LOG_LEVEL: 'debug' })
  stage.oracle.keepSecret(PASTED)
  stage.oracle.keepSecret(FOREIGN)
  await stage.make('/users', { username: 'alice' })
  await stage.make('/groups', { name: 'readers' })
  await stage.call('POST', '/credentials/import', { prefix: 'acme_', digest: 'sha256', credentials: [DIGEST] })
})
afterAll(async () => {
  const events = JSON.stringify(await stage.call('GET', '/audit-events?limit=200'))
  await stage.close()
  stage.oracle.holdsNoSecret(
    [events, await everythingKept(directory), ...stage.test.logLines].join('\n'),
    'what is kept',
  )
  await teardown.run()
})

const described = { name: 'files', identifier: 'https://files.example', rules: [], scopes: ['a:b'] }

test.each<[field: string, method: 'POST' | 'PATCH', path: string, body: object]>([
  ['name', 'POST', '/clients', { id: 'named', name: PASTED }],
  ['name', 'PATCH', '/clients/canister', { name: `key ${PASTED}` }],
  ['name', 'POST', '/clients/canister/keys', { name: PASTED }],
  ['name', 'POST', '/clients/canister/secrets', { name: PASTED }],
  ['name', 'POST', '/users', { username: 'bob', name: PASTED }],
  ['name', 'PATCH', '/users/alice', { name: PASTED }],
  ['name', 'POST', '/users/alice/tokens', { name: PASTED }],
  [
    'credentials[0].name',
    'POST',
    '/credentials/import',
    { prefix: 'acme_', digest: 'sha256', credentials: [{ ...DIGEST, name: PASTED }] },
  ],
  ['description', 'POST', '/groups', { name: 'pasted', description: PASTED }],
  ['description', 'PATCH', '/groups/readers', { description: `for ${PASTED}` }],
  [
    'scope_details.a:b.description',
    'POST',
    '/resources',
    { ...described, scope_details: { 'a:b': { description: PASTED } } },
  ],
  ['description', 'POST', '/trust-rules', { ...TRUST_RULE, description: PASTED }],
  ['…', 'POST', '/groups', { name: 'pasted', [PASTED]: 'x' }],
  ['match.sub.…', 'POST', '/trust-rules', { ...TRUST_RULE, match: { sub: { prefix: 'x', [PASTED]: 1 } } }],
])('a credential at %s of %s %s is refused there, and not repeated', async (field, method, path, body) => {
  const { status, body: said } = await stage.test.api(method, `/api/v1${path}`, body)
  expect([status, said.code, said.problems]).toEqual([400, 'invalid_body', [expect.objectContaining({ path: field })]])
  stage.oracle.holdsNoSecret(JSON.stringify(said), 'the answer')
})

describe('a reason never hinders a revocation, and is kept without the credential', () => {
  const reason = `found ${PASTED} beside ${FOREIGN} there`
  const kept = 'found cs_… beside … there'
  const shown = (id: string) => stage.call('GET', `/credentials/${id}`)

  test('of one credential', async () => {
    const { id } = await stage.newKey()
    await stage.call('POST', `/credentials/${id}/revoke`, { reason })
    expect(await shown(id)).toMatchObject({ state: 'revoked', revoked_reason: kept })
  })

  test('of a family', async () => {
    const { id } = await stage.newKey()
    await stage.call('POST', `/credentials/${id}/revoke`, { reason, family: true })
    expect(await shown(id)).toMatchObject({ state: 'revoked', revoked_reason: kept })
  })

  test.each(['/clients/canister', '/users/alice'])('of all of %s', async (owner) => {
    const { id } = await stage.make(`${owner}/${owner.startsWith('/users') ? 'tokens' : 'keys'}`, {})
    await stage.call('POST', `${owner}/revoke-credentials`, { reason })
    expect(await shown(String(id))).toMatchObject({ state: 'revoked', revoked_reason: kept })
  })

  test('of all that are older', async () => {
    const { id } = await stage.make('/users/alice/tokens', {})
    const created_before = new Date(stage.test.clock.now.getTime() + 1000).toISOString()
    await stage.call('POST', '/credentials/revoke-older', { kind: 'pat', created_before, reason })
    expect(await shown(String(id))).toMatchObject({ state: 'revoked', revoked_reason: kept })
  })

  test('of a leaked one', async () => {
    const { id, key } = await stage.newKey()
    const { status } = await stage.test.api('POST', '/api/v1/leaks', { credential: key, found_at: reason }, null)
    expect(status).toBe(200)
    expect(await shown(id)).toMatchObject({ state: 'revoked', revoked_reason: `leaked: ${kept}` })
  })
})
