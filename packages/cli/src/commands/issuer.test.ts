// Issuers, trust rules and what names them, by the commands alone, at a real server.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { type RealServer, startRealServer } from '../testing/real-server.ts'
import type { World } from '../testing/test-terminal.ts'

let server: RealServer
let files: Record<string, string>
beforeAll(async () => {
  server = await startRealServer({ COUNTERSIGN_ISSUER_FILE_DIRS: '/etc/issuers' })
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const set = (jwk: object) => JSON.stringify({ keys: [{ ...jwk, kid: 'k1', alg: 'RS256', use: 'sig' }] })
  files = {
    'prod.json': set(publicKey.export({ format: 'jwk' })),
    'private.json': set(privateKey.export({ format: 'jwk' })),
  }
})
afterAll(() => server.stop())

async function done(line: string, world: World = {}): Promise<string> {
  const { code, out, err } = await server.run(line, { files, ...world })
  expect({ line, code, failure: code === 0 ? '' : err }).toEqual({ line, code: 0, failure: '' })
  return out
}
const json = async (line: string) => JSON.parse(await done(`${line} --json`))
const refusal = async (line: string) => {
  const { code, err } = await server.run(line, { files })
  expect({ line, code }).toEqual({ line, code: 2 })
  return err
}

describe('an issuer', () => {
  test('is registered with all that can be said of it, and shown', async () => {
    await done('group create git-admins')
    const said =
      'issuer create corp --issuer https://idp.example.com --algorithm RS256 --algorithm ES256 --profile at+jwt ' +
      '--jwks-uri https://idp.example.com/keys --max-lifetime 1h --tolerance 10s --allowed-client a --allowed-client b ' +
      '--ca-file /etc/issuers/ca.pem --groups-claim groups --group-mapping git-admins=x=1 --group-mapping git-admins=y ' +
      '--single-use'
    expect(await json(said)).toMatchObject({
      ...{ name: 'corp', issuer: 'https://idp.example.com', algorithms: ['RS256', 'ES256'], profile: 'at+jwt' },
      ...{ jwks: null, jwks_uri: 'https://idp.example.com/keys', max_lifetime_seconds: 3600, tolerance_seconds: 10 },
      ...{ allowed_clients: ['a', 'b'], ca_file: '/etc/issuers/ca.pem', groups_claims: ['groups'] },
      ...{ group_mappings: { 'git-admins': ['x=1', 'y'] }, single_use_assertions: true, disabled: false },
    })
    const shown = await done('issuer show corp')
    for (const line of [
      'keys              https://idp.example.com/keys',
      'git-admins = x=1, y',
      '60 minutes at most',
    ]) {
      expect(shown).toContain(line)
    }
    expect(await done('issuer list')).toMatch(/^corp +https:\/\/idp.example.com +https:.*keys +no +enabled$/m)
  })

  test('of a cluster has its keys pinned from a file here, or on the server', async () => {
    const made = await json(
      'issuer create prod --issuer https://k8s.internal --kubernetes jwks --jwks-file prod.json --algorithm RS256',
    )
    expect(made).toMatchObject({ jwks: { keys: [{ kid: 'k1' }] }, kubernetes: { mode: 'jwks', api_server: null } })
    expect(await done('issuer show prod')).toContain('pinned: k1')

    const asked = await json('issuer update prod --server-jwks-file /etc/issuers/prod.json')
    expect(asked).toMatchObject({ jwks: null, jwks_file: '/etc/issuers/prod.json' })
    const reviewed = await json(
      'issuer update prod --kubernetes token_review --api-server https://k8s.internal --token-file /etc/issuers/token',
    )
    expect(reviewed.kubernetes).toEqual({
      ...{ mode: 'token_review', api_server: 'https://k8s.internal', token_file: '/etc/issuers/token' },
    })
    const moved = await json('issuer update prod --api-server https://k8s-2.internal')
    expect(moved.kubernetes).toMatchObject({ mode: 'token_review', token_file: '/etc/issuers/token' })
    expect((await json('issuer update prod --kubernetes none')).kubernetes).toBeNull()
  })

  test('is changed only in what is named', async () => {
    const before = await json('issuer show corp')
    const after = await json('issuer update corp --allowed-client any --no-single-use --group-mapping none')
    expect(after).toEqual({ ...before, allowed_clients: null, single_use_assertions: false, group_mappings: {} })
    expect((await server.run('issuer update corp --allowed-client any')).err).toContain('It is so already')
    await done('issuer disable corp')
    expect(await done('issuer show corp')).toMatch(/state +disabled/)
    await done('issuer enable corp')
  })

  test('is not made with a private key, which is not sent', async () => {
    expect(await refusal('issuer create leaky --issuer https://a.example --jwks-file private.json')).toContain(
      'expected public keys',
    )
    expect((await server.run('issuer show leaky')).code).toBe(3)
  })

  test.each([
    ['issuer create x', 'Expected --issuer <uri>'],
    ['issuer create x --issuer https://a.example --jwks-uri https://a.example/k --jwks-file prod.json', 'one of them'],
    ['issuer create x --issuer https://a.example --algorithm HS256', 'a shared secret'],
    ['issuer create x --issuer https://a.example --api-server https://k.example', 'Expected --kubernetes'],
    ['issuer create x --issuer https://a.example --group-mapping admins', '<group>=<value>'],
    ['issuer update corp', 'Expected what to change'],
  ])('%s is not sent', async (line, why) => {
    expect(await refusal(line)).toContain(why)
  })

  test('both modes of Kubernetes are told apart where one is chosen', async () => {
    for (const verb of ['create', 'update']) {
      const help = (await done(`issuer ${verb} --help`)).replace(/\s+/g, ' ')
      expect(help).toContain('jwks: a token is believed by its signature, without asking the cluster, until it expires')
      expect(help).toContain('token_review: the API server is asked about each token as well, at most 10 seconds ago')
    }
  })
})

describe('a trust rule', () => {
  test('asks by texts, any of several, what is there, and what is no text', async () => {
    await done('client create nightly')
    const line =
      'trust create nightly --issuer corp --sub service-7 --claim azp=a --claim azp=b=c --claim-exists tid ' +
      '--claim verified:=true --client nightly --description Nightly~report'
    expect(await json(line)).toMatchObject({
      match: { sub: 'service-7', azp: { in: ['a', 'b=c'] }, tid: { exists: true }, verified: true },
      ...{ as: { client: 'nightly' }, mode: 'enforce', description: 'Nightly report', expires_at: null },
    })
    const shown = await done('trust show nightly')
    for (const text of ['azp = any of "a", "b=c"', 'tid is there', 'verified = true', 'client:nightly']) {
      expect(shown).toContain(text)
    }
    expect(await done('trust list --issuer corp')).toContain('nightly')
  })

  test('stands for a workload in groups or in none, or a linked user', async () => {
    const pods = 'trust create pods --issuer corp --sub-prefix pods:media: --workload-group git-admins --mode shadow'
    expect(await json(pods)).toMatchObject({
      ...{ match: { sub: { prefix: 'pods:media:' } }, as: { workload: { groups: ['git-admins'] } }, mode: 'shadow' },
    })
    const alone = await json('trust update pods --workload --mode enforce --expires-in 1d')
    expect(alone).toMatchObject({ as: { workload: { groups: [] } }, mode: 'enforce', expires_at: expect.any(String) })
    expect((await json('trust update pods --linked-user --expires-in never')).expires_at).toBeNull()
  })

  test('is narrowed, and no more', async () => {
    await done('resource create forge --identifier https://forge.example.com --scope repo:read')
    const narrowed = await json('trust update nightly --resource forge --scope repo:read --project team/app')
    expect(narrowed).toMatchObject({ resources: ['forge'], scopes: ['repo:read'], projects: ['team/app'] })
    const wide = await json('trust update nightly --resource any --scope any --project any')
    expect(wide).toMatchObject({ resources: null, scopes: null, projects: null })
  })

  test('that looks wider than it is meant is warned of, each time it is looked at', async () => {
    await done('issuer create github --issuer https://token.actions.githubusercontent.com')
    const line = 'trust create builds --issuer github --claim repository=octo/app --client nightly'
    const made = await server.run(line)
    expect(made).toMatchObject({ code: 0, out: 'Trust rule builds is made.\n' })
    expect(made.err).toMatch(/^Warning: .* \(mutable_name\)$/m)
    expect((await server.run('trust show builds')).err).toContain('Warning: ')
    await done('trust delete builds --yes')
  })

  test.each([
    ['trust create x --sub a --client nightly', 'Expected --issuer <name>'],
    ['trust create x --issuer corp --client nightly', 'Expected what it asks'],
    ['trust create x --issuer corp --sub a', 'Expected one of --client'],
    ['trust create x --issuer corp --sub a --client nightly --workload', 'Expected one of --client'],
    ['trust create x --issuer corp --sub a --sub-prefix b: --client nightly', 'Expected one thing of sub'],
    ['trust create x --issuer corp --claim sub --client nightly', '<name>=<value>'],
    ['trust create x --issuer corp --claim n:=null --client nightly', 'expected true, false or a number'],
    ['trust update nightly --resource any --resource forge', 'stands alone'],
    ['trust update nightly', 'Expected what to change'],
  ])('%s is not sent', async (line, why) => {
    expect(await refusal(line)).toContain(why)
  })
})

describe('what names issuers and rules', () => {
  test('a user is linked to subjects, and shown with them', async () => {
    await done('user create alice --link corp=a=1')
    const linked = await json('user update alice --link corp=2')
    expect(linked.links).toEqual([
      { issuer: 'corp', subject: '2' },
      { issuer: 'corp', subject: 'a=1' },
    ])
    expect(await done('user show alice')).toMatch(/links +corp=2\n +corp=a=1\n/)
    expect((await json('user update alice --remove-link corp=a=1 --remove-link corp=2')).links).toEqual([])
    expect(await refusal('user update alice --link corp')).toContain('--link: expected <issuer>=<subject>')
  })

  test('a client requires a workload, until it does no more', async () => {
    expect((await json('client update nightly --requires-workload nightly')).requires_workload).toBe('nightly')
    expect(await done('client show nightly')).toMatch(/needs workload +nightly/)
    expect((await json('client update nightly --name Nightly')).requires_workload).toBe('nightly')
    expect((await json('client update nightly --no-requires-workload')).requires_workload).toBeNull()
    expect((await json('client create other --requires-workload nightly')).requires_workload).toBe('nightly')
  })

  test('a resource is called otherwise by issuers', async () => {
    const made = await json(
      'resource create web --identifier https://web.example.com --audience-alias corp=api://web?a=b',
    )
    expect(made.audience_aliases).toEqual([{ issuer: 'corp', audience: 'api://web?a=b' }])
    expect(await done('resource show web')).toMatch(/audience aliases +corp=api:\/\/web\?a=b\n/)
    const line = 'resource update web --audience-alias corp=web --remove-audience-alias corp=api://web?a=b'
    expect((await json(line)).audience_aliases).toEqual([{ issuer: 'corp', audience: 'web' }])
    expect((await json('resource update web --add-host a.example.com')).audience_aliases).toHaveLength(1)
  })

  test('an issuer is deleted only when nothing names it', async () => {
    const named = await server.run('issuer delete corp --yes')
    expect(named.code).toBe(1)
    expect(named.err).toContain('trust rule nightly')
    const required = await server.run('trust delete nightly --yes')
    expect(required.code).toBe(1)
    expect(required.err).toContain('named by client other. Delete or change these first')
    for (const line of ['resource delete web', 'client delete other', 'trust delete nightly', 'trust delete pods']) {
      await done(`${line} --yes`)
    }
    await done('issuer delete corp --yes')
    expect((await server.run('issuer show corp')).code).toBe(3)
  })
})
