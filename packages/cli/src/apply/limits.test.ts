// What a declared file leaves out, after somebody has set it by hand: limits stay, what gives goes.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type RealServer, startRealServer } from '../testing/real-server.ts'

const FILE = `
name: platform
groups: [{ name: readers }]
issuers: [{ name: corp, issuer: https://idp.example.com }]
resources: [{ name: web, identifier: https://web.example.com, scopes: [a:read], rules: [] }]
clients: [{ id: app }]
users: [{ username: alice }]
trust_rules: [{ name: app, issuer: corp, match: { sub: app }, as: { client: app } }]
`

const TIGHTENED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'group readers': { disabled: true },
  'issuer corp': {
    ...{ algorithms: ['ES256'], profile: 'at+jwt', max_lifetime_seconds: 600, tolerance_seconds: 0 },
    ...{ allowed_clients: ['job'], single_use_assertions: true, groups_claims: ['groups'], disabled: true },
    ca_file: '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
    kubernetes: { mode: 'jwks', api_server: 'https://k8s.example.com', token_file: null },
  },
  'resource web': {
    ...{ credential_header: 'x-web-key', access_token: { format: 'opaque', ttl_seconds: 60 }, disabled: true },
  },
  'client app': {
    ...{ grants: [], access_token_ttl_seconds: 60 },
    ...{ networks: ['10.0.0.0/8'], listener: 'internal', requires_workload: 'app', disabled: true },
  },
  'user alice': { links: [{ issuer: 'corp', subject: '7' }], disabled: true },
  'trust app': {
    ...{ mode: 'off', expires_at: '2035-01-31T12:00:00.000Z' },
    ...{ resources: ['web'], scopes: ['a:read'], projects: ['one'] },
  },
}

let server: RealServer
beforeAll(async () => {
  server = await startRealServer()
  expect((await apply(FILE)).code).toBe(0)
  for (const [noun, fields] of Object.entries(TIGHTENED)) await byHand(noun, fields)
})
afterAll(() => server.stop())

const apply = (text: string, options = '') =>
  server.run(`apply -f f.yaml ${options}`.trim(), { files: { 'f.yaml': text } })
const shown = async (what: string) => {
  const [noun, name] = what.split(' ')
  return JSON.parse((await server.run(`${noun} show ${name} --json`)).out)
}
async function byHand(what: string, fields: object) {
  const [noun, name] = what.split(' ')
  const { status } = await fetch(`${server.url}/api/v1/${noun === 'trust' ? 'trust-rule' : noun}s/${name}`, {
    method: 'PATCH',
    headers: { Authorization: `Bearer ${server.key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(fields),
  })
  expect([what, status]).toEqual([what, 200])
}

describe('what a file leaves out', () => {
  test.each(Object.keys(TIGHTENED))('of %s stays as tight as it was made by hand', async (what) => {
    expect(await apply(FILE)).toMatchObject({ code: 0, out: 'Nothing to do; 6 things are as declared.\n' })
    expect(await shown(what)).toMatchObject(TIGHTENED[what] ?? {})
  })

  test('goes, where it gives something, whoever gave it', async () => {
    await byHand('issuer corp', { group_mappings: { readers: ['x'] }, jwks_uri: 'https://elsewhere.example.com/keys' })
    await byHand('resource web', { audience_aliases: [{ issuer: 'corp', audience: 'api://web' }] })
    await byHand('client app', { groups: ['readers'], jwks_uri: 'https://elsewhere.example.com/keys' })
    expect((await apply(FILE)).out).toEndWith('Done: 3 changed; 3 things are as declared.\n')
    expect(await shown('issuer corp')).toMatchObject({ group_mappings: null, jwks_uri: null })
    expect(await shown('resource web')).toMatchObject({ audience_aliases: [] })
    expect(await shown('client app')).toMatchObject({ groups: [], jwks_uri: null })
  })
})

test('a rule that a client requires is not pruned, and the run says so before anything is changed', async () => {
  const without = FILE.replace(/^trust_rules.*\n/m, '')
  const said = 'requires trust rule app, which the file no longer declares'
  const { code, err } = await apply(without, '--prune --yes')
  expect([code, err]).toEqual([2, expect.stringContaining(`clients[0] (line 6): client app ${said}`)])
  const mine = FILE.replace(/^clients.*\n/m, '').replace(/^trust_rules.*\n/m, '')
  await byHand('client app', { managed_by: null })
  const other = await apply(mine, '--prune --yes')
  expect([other.code, other.err]).toEqual([2, expect.stringContaining(`client app ${said}`)])
  expect(await shown('trust app')).toMatchObject({ mode: 'off' })
})

test('what the file says, it lifts', async () => {
  const lifted = FILE.replace('{ id: app }', '{ id: app, adopt: true, requires_workload: null, networks: null }')
    .replace('{ username: alice }', '{ username: alice, links: [] }')
    .replace('as: { client: app }', 'as: { client: app }, mode: enforce, resources: null, scopes: null, projects: null')
  expect((await apply(lifted)).code).toBe(0)
  expect(await shown('client app')).toMatchObject({ requires_workload: null, networks: null, listener: 'internal' })
  expect(await shown('user alice')).toMatchObject({ links: [], disabled: true })
  expect(await shown('trust app')).toMatchObject({ mode: 'enforce', projects: null })
  const without = lifted.replace(/^trust_rules.*\n/m, '')
  expect((await apply(without, '--prune --yes')).out).toContain('- trust rule app\n')
})
