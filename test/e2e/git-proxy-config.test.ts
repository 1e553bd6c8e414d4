// The file of the example: each name in it is one that narrows or gives something, or the API does not start.
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ApiKeys } from '../../examples/git-proxy/api-keys.ts'
import { parseConfig } from '../../examples/git-proxy/config.ts'
import { People } from '../../examples/git-proxy/people.ts'
import { whoCalls } from '../../examples/git-proxy/who-calls.ts'
import { NOW, type SigningIssuer, signingIssuer } from '../../packages/resource-server/src/testing/signing-issuer.ts'
import { ROOT } from '../support/guide.ts'

const CONFIG = readFileSync(join(ROOT, 'examples/git-proxy/git-proxy.yaml'), 'utf8')
const CORP = '    issuer: https://idp.example.com\n'
const OPERATOR_KEY = '    client: operator\n'
/** With the partner that the file shows. */
const PARTNER = CONFIG.replaceAll(/^ {2}#(?=- | {2})/gm, '  ')

const withIn = (place: string, line: string) => CONFIG.replace(place, `${place}${line}\n`)

/** The callers of the API as this file has it, while its issuers are these. */
function callers(yaml: string, issuers: readonly SigningIssuer[] = []) {
  const who = whoCalls({
    config: parseConfig(yaml),
    people: new People([]),
    keys: new ApiKeys(),
    env: {},
    now: () => NOW,
    fetch: async (uri) => {
      const one = issuers.find(({ iss }) => uri.startsWith(iss))
      return Response.json(uri.endsWith('/jwks') ? one?.jwks : { issuer: one?.iss, jwks_uri: `${one?.iss}/jwks` })
    },
    log: () => undefined,
  })
  return async (token: string) => {
    const headers = { authorization: `Bearer ${token}` }
    const caller = await who(new Request('https://git.example.com/api/me', { headers }))
    return caller instanceof Response ? caller.status : [...(caller?.scopes ?? [])]
  }
}

describe('git-proxy.yaml', () => {
  test('is accepted as it stands, and with the partner that it shows', () => {
    expect(parseConfig(CONFIG).issuers).toHaveLength(1)
    expect(parseConfig(PARTNER).issuers).toMatchObject([{ name: 'corp' }, { name: 'partner', roleMappings: {} }])
    expect(() => callers(PARTNER)).not.toThrow()
  })

  const unknown: [place: string, name: string, yaml: string][] = [
    ['git-proxy.yaml', 'rolemappings', `${CONFIG}rolemappings: {}\n`],
    ['git-proxy.yaml', 'roleMappings', `${CONFIG}roleMappings: {}\n`],
    ['git-proxy.yaml', '__proto__', `${CONFIG}__proto__: {}\n`],
    ['issuers[0]', 'allowed_client', withIn(CORP, '    allowed_client: [deployer]')],
    ['issuers[0]', 'allowedClients', withIn(CORP, '    allowedClients: [deployer]')],
    ['issuers[0]', 'max_lifetime', withIn(CORP, '    max_lifetime: 60')],
    ['issuers[1].trust[0]', 'role', PARTNER.replace('roles: [READER]', 'role: [READER]')],
    ['static_keys[0]', 'role', withIn(OPERATOR_KEY, '    role: [READER]')],
    ['static_keys[0]', 'networks', withIn(OPERATOR_KEY, '    networks: [10.0.0.0/8]')],
  ]
  test.each(unknown)('at %s: there is no %s', (place, name, yaml) => {
    expect(() => parseConfig(yaml)).toThrow(`  ${place}: there is no ${name}; expected one of `)
  })

  test('says all that is wrong at once', () => {
    const yaml = withIn(CORP, '    allowed_client: [deployer]').replace('public_url', 'public_uri')
    expect(() => parseConfig(yaml)).toThrow(
      /there is no public_uri[\s\S]*there is no allowed_client;[\s\S]*public_url: /,
    )
  })

  test.each([
    ['', 'git-proxy.yaml: expected names with values'],
    ['- resource', 'git-proxy.yaml: expected names with values'],
    [CONFIG.replace(/^issuers:\n( .*\n)+/m, 'issuers: {}\n'), 'issuers: expected a list'],
    [CONFIG.replace(/^issuers:\n( .*\n)+/m, 'issuers:\n  - corp\n'), 'issuers[0]: expected names with values'],
    [withIn(CORP, '    allowed_clients:'), 'issuers[0]: allowed_clients has no value'],
    [withIn(CORP, '    allowed_clients: deployer'), 'issuers[0].allowedClients: expected a list'],
    [withIn(CORP, '    max_lifetime_seconds: 1h'), 'issuers[0].maxLifetimeSeconds: expected a number'],
    [CONFIG.replace('client: operator', 'client: 7'), 'staticKeys[0].principal'],
    [CONFIG.replace(/^resource:.*$/m, ''), 'resource.identifier'],
    [CONFIG.replace(/^public_url:.*$/m, ''), 'public_url: expected where browsers have the API'],
    [CONFIG.replace(/^public_url:.*$/m, 'public_url: git.example.com'), 'public_url: expected where'],
    [PARTNER.replace(/^ +role_mappings: \{\}\n/m, ''), 'issuers[1].role_mappings: expected a table of its own'],
  ])('which is not as expected stops the start (%#)', (yaml, problem) => {
    expect(() => callers(yaml)).toThrow(problem)
  })

  test('narrows an issuer by every name that it has', async () => {
    const corp = await signingIssuer()
    const token = (claims: object) =>
      corp.token({ groups: ['git-admins'], client_id: 'deployer', ...claims }, { typ: 'at+jwt' })
    const hour = { exp: NOW.getTime() / 1000 + 3600 }
    const [plain, narrow, short] = [
      callers(CONFIG, [corp]),
      callers(withIn(CORP, '    allowed_clients: [deployer]'), [corp]),
      callers(withIn(CORP, '    max_lifetime_seconds: 900'), [corp]),
    ]
    expect(await plain(await token({ client_id: 'other', ...hour }))).toContain('users:write')
    expect(await narrow(await token({ client_id: 'deployer' }))).toContain('users:write')
    expect(await narrow(await token({ client_id: 'other' }))).toBe(401)
    expect(await short(await token({}))).toContain('users:write')
    expect(await short(await token(hour))).toBe(401)
  })

  test("gives nothing for a partner's groups: what its clients may, its trust rules say", async () => {
    const [corp, partner] = [await signingIssuer(), await signingIssuer('https://idp.partner.example', 'p1')]
    const claims = { groups: ['git-admins'], client_id: 'reports' }
    const asked = callers(PARTNER, [corp, partner])
    const token = (issuer: SigningIssuer, sub: string) => issuer.token({ ...claims, sub }, { typ: 'at+jwt' })
    expect(await asked(await token(corp, 'anything'))).toContain('users:write')
    expect(await asked(await token(partner, 'reports'))).toEqual(['repos:read', 'pushes:read', 'users:read'])
    expect(await asked(await token(partner, 'anything'))).toBe(401)
  })
})
