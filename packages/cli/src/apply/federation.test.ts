// Issuers, trust rules and what names them, in a declared file that is applied to a real server.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type RealServer, startRealServer } from '../testing/real-server.ts'

const FILE = `
name: platform
groups:
  - { name: readers }
issuers:
  - name: cluster
    issuer: https://k8s.example.com
    algorithms: [RS256, ES256]
    jwks_uri: https://k8s.example.com/keys
    kubernetes: { mode: jwks }
    group_mappings: { readers: [ops, dev] }
  - { name: corp, issuer: https://idp.example.com, allowed_clients: [b, a] }
resources:
  - name: forge
    identifier: https://forge.example.com
    scopes: [repo:read]
    rules: [{ path: /**, require: { scopes: [repo:read] } }]
    introspectors: [atlas]
    audience_aliases: [{ issuer: corp, audience: api://forge }]
clients:
  - { id: atlas, requires_workload: atlas }
users:
  - username: alice
    links:
      - { issuer: corp, subject: "2" }
      - { issuer: cluster, subject: "1" }
trust_rules:
  - name: atlas
    issuer: cluster
    match: { sub: "system:serviceaccount:prod:atlas" }
    as: { client: atlas }
    expires_at: 2035-01-31T12:00:00.500+01:00
    resources: [forge]
  - { name: people, issuer: corp, match: { sub: { in: [b, a] } }, as: { user: linked } }
  - { name: jobs, issuer: corp, match: { sub: { prefix: "job:nightly:" } }, as: { workload: { groups: [readers] } } }
permissions:
  - { client: atlas, resource: forge, scopes: [repo:read] }
`

let server: RealServer
beforeAll(async () => {
  server = await startRealServer()
})
afterAll(() => server.stop())

const apply = (text: string, options = '') =>
  server.run(`apply -f f.yaml ${options}`.trim(), { files: { 'f.yaml': text } })
const shown = async (line: string) => JSON.parse((await server.run(`${line} --json`)).out)

describe('a file with issuers and trust rules', () => {
  test('is made in an order in which each step is possible, a client before the rule that it requires', async () => {
    const made = await apply(FILE)
    expect({ code: made.code, out: made.out }).toEqual({
      code: 0,
      out: [
        ...['+ group readers', '+ issuer cluster', '+ issuer corp', '+ client atlas', '+ resource forge'],
        ...['+ user alice', '+ trust rule atlas', '+ trust rule people', '+ trust rule jobs'],
        ...['~ client atlas', '    requires_workload: none → atlas'],
        ...['+ permission client atlas at forge: repo:read', 'Done: 10 made, 1 changed.\n'],
      ].join('\n'),
    })
    expect(await shown('client show atlas')).toMatchObject({ requires_workload: 'atlas', managed_by: 'platform' })
  })

  test('applied again, it changes nothing, however the server orders and writes what it keeps', async () => {
    expect(await apply(FILE)).toMatchObject({ code: 0, out: 'Nothing to do; 10 things are as declared.\n' })
  })

  test('changes what it says otherwise, in those fields alone', async () => {
    const changed = FILE.replace('subject: "2"', 'subject: "3"').replace('api://forge', 'api://forge-2')
    const { code, out } = await apply(changed.replace('prefix: "job:nightly:"', 'prefix: "job:weekly:"'))
    expect({ code, out }).toEqual({
      code: 0,
      out: [
        '~ resource forge',
        '    audience_aliases: + corp=api://forge-2, - corp=api://forge',
        '~ user alice',
        '    links: + corp=3, - corp=2',
        '~ trust rule jobs',
        '    match: {"sub":{"prefix":"job:nightly:"}} → {"sub":{"prefix":"job:weekly:"}}',
        'Done: 3 changed; 7 things are as declared.\n',
      ].join('\n'),
    })
  })

  test('keys from another place take the place of those from one', async () => {
    const filed = FILE.replace('allowed_clients: [b, a]', 'jwks_uri: https://idp.example.com/keys')
    expect((await apply(filed)).code).toBe(0)
    expect((await apply(FILE)).code).toBe(0)
    expect(await apply(FILE, '--check')).toMatchObject({ code: 0 })
  })

  test('says what the linter warns of', async () => {
    const named = `${FILE.replace('\nclients:', '\nclients:\n  - { id: builder }')}`
      .replace(
        'resources:\n  - name',
        '  - { name: github, issuer: "https://token.actions.githubusercontent.com" }\nresources:\n  - name',
      )
      .replace(
        'permissions:',
        '  - { name: builds, issuer: github, match: { repository: octo/app }, as: { client: builder } }\npermissions:',
      )
    const { code, err } = await apply(named)
    expect(code).toBe(0)
    expect(err).toContain('trust rule builds: ')
    expect(err).toContain('(mutable_name)')
  })

  test('deletes what it no longer declares, whatever names it first, a rule after the client that requires it', async () => {
    const { code, out } = await apply('name: platform\n', '--prune --yes')
    expect(code).toBe(0)
    const gone = out.match(/^- (\w+ ?(rule)?)/gm)?.map((line) => line.trim())
    expect([...new Set(gone)]).toEqual([
      ...['- permission', '- user', '- client', '- trust rule', '- resource', '- issuer', '- group'],
    ])
    expect((await server.run('apply -f f.yaml --prune --check', { files: { 'f.yaml': 'name: platform' } })).code).toBe(
      0,
    )
  })
})

test('what trusts strangers, or names what is nowhere, is told with its line before anything is changed', async () => {
  const broken = `
name: broken
groups: [{ name: half }]
issuers:
  - { name: gitlab, issuer: "https://gitlab.com", group_mappings: { nowhere: [a] } }
  - { name: gitlab, issuer: "https://gitlab.com", jwks_uri: "https://a.example", jwks_file: /a }
resources:
  - name: web
    identifier: https://web.example.com
    rules: []
    audience_aliases: [{ issuer: elsewhere, audience: a }]
clients: [{ id: app, requires_workload: none-such }]
users: [{ username: bob, links: [{ issuer: elsewhere, subject: a }] }]
trust_rules:
  - name: all
    issuer: gitlab
    match: { sub: { prefix: "some_claim:x:" } }
    as: { client: nobody }
`
  const first = await apply(broken)
  expect(first.code).toBe(2)
  expect(first.err).toContain('issuers[1].name (line 6): is that of issuers[0] again')
  expect(first.err).toContain('issuers[1].jwks_file (line 6): expected at most one of jwks, jwks_uri, jwks_file')

  const { code, err } = await apply(broken.replace(/^.*jwks_file.*\n/m, ''))
  expect(code).toBe(2)
  for (const line of [
    'issuers[0].group_mappings.nowhere (line 5): there is no group nowhere',
    'resources[0].audience_aliases[0].issuer (line 10): there is no issuer elsewhere',
    'clients[0].requires_workload (line 11): there is no trust rule none-such',
    'users[0].links[0].issuer (line 12): there is no issuer elsewhere',
    'trust_rules[0].as.client (line 17): there is no client nobody',
    'trust_rules[0].match (line 16): GitLab signs for everybody',
  ]) {
    expect(err).toContain(line)
  }
  expect((await server.run('group show half')).code).toBe(3)
})
