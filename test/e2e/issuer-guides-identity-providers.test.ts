// The guides to identity providers: what each declares is made in a real app, word for word, and tokens as its platform makes them are
// let in. Their neighbours are not. Keys of the test stand in for the platform's.

import { expect, test } from 'bun:test'
import { declaredIn } from '../support/issuer-guide.ts'
import {
  AUDIENCE,
  FOREIGN,
  guide,
  missed,
  PERMISSION,
  REFUSED,
  SCOPE,
  type Words,
} from '../support/issuer-guide-rows.ts'

const BOT = { azp: 'release-bot', client_id: 'release-bot', sub: '7d1e7c1a-9d3b-4c55-8f13-0a4b6b1f2c3d' }

guide(
  'keycloak',
  [
    ['the client reads', 'GET /', ['keycloak'], 'client:nightly-report'],
    [
      'a machine of the group pushes',
      'POST /',
      ['keycloak', { ...BOT, realm_access: undefined, groups: ['/git-admins'] }],
      `workload:corp:${BOT.sub}`,
    ],
    ['a realm role of the name is as good', 'POST /', ['keycloak', BOT], `workload:corp:${BOT.sub}`],
    [
      'a machine of no group may nothing',
      'GET /',
      ['keycloak', { ...BOT, realm_access: { roles: ['offline_access'] } }],
      PERMISSION,
    ],
    [
      'a group of the name below another one gives nothing',
      'GET /',
      ['keycloak', { ...BOT, realm_access: undefined, groups: ['/partners/git-admins'] }],
      PERMISSION,
    ],
    [
      'a group that is called like the one here gives nothing',
      'GET /',
      ['keycloak', { ...BOT, realm_access: undefined, groups: ['forge-admins'] }],
      PERMISSION,
    ],
    ['another client of the realm', 'GET /', ['keycloak', { azp: 'another', client_id: 'another' }], REFUSED],
    ['the same client under another account', 'GET /', ['keycloak', { sub: BOT.sub }], missed('sub')],
    ['without the audience mapper', 'GET /', ['keycloak', { aud: 'account' }], AUDIENCE],
    ['an ID token', 'GET /', ['keycloak', { aud: 'nightly-report', typ: 'ID' }], REFUSED],
    ['a refresh token', 'GET /', ['keycloak', { typ: 'Refresh' }], REFUSED],
    ['another realm', 'GET /', ['keycloak', { iss: 'https://idp.example.com/realms/master' }], FOREIGN],
    ['a lightweight token, which has no sub', 'GET /', ['keycloak', { sub: undefined }], REFUSED],
  ],
  (scene) => {
    const forUs = 'https://auth.example.com'

    test('an assertion is for Countersign alone, so not while Keycloak adds account', async () => {
      const assertion = (aud: unknown) => scene().trade(scene().token('keycloak', { aud }))
      expect(await assertion(forUs)).toMatchObject({ scope: 'repo:read' })
      expect(await assertion([forUs, 'account'])).toEqual({ status: 401, code: 'assertion_refused' })
    })

    test('the profile at+jwt takes tokens with the type that the guide switches on', async () => {
      const { app } = scene()
      expect((await app.api('PATCH', '/api/v1/issuers/corp', { profile: 'at+jwt' })).status).toBe(200)
      const typed = scene().token('keycloak', { typ: undefined }, { typ: 'at+jwt' })
      expect(await scene().call(typed)).toMatchObject({ user: 'client:nightly-report' })
      expect(await scene().call(scene().token('keycloak'))).toMatchObject({ code: 'external_token_refused' })
      await app.api('PATCH', '/api/v1/issuers/corp', { profile: 'plain' })
    })
  },
)

const PERSON = {
  cid: '0oaDesktopApp4711xyz',
  uid: '00u1abcd',
  sub: 'alice@example.com',
  groups: ['Everyone', 'Editors'],
}

guide('okta', [
  ['the service app reads', 'GET /', ['okta', {}, { typ: undefined }], 'client:archive'],
  ['and writes nothing', 'PUT /a', ['okta'], SCOPE],
  ['a person writes by her group', 'PUT /a', ['okta', PERSON], 'workload:okta:alice@example.com'],
  [
    'a person of no group that is mapped may nothing',
    'GET /',
    ['okta', { ...PERSON, groups: ['Everyone'] }],
    PERMISSION,
  ],
  ['another app', 'GET /', ['okta', { cid: '0oaOther', sub: '0oaOther' }], missed('sub')],
  ['a person of another app', 'GET /', ['okta', { ...PERSON, cid: '0oaOther' }], missed('cid')],
  ['a machine in place of a person', 'GET /', ['okta', { ...PERSON, uid: undefined }], missed('uid')],
  ['another audience', 'GET /', ['okta', { aud: 'api://default' }], AUDIENCE],
  ['the server of the organization', 'GET /', ['okta', { iss: 'https://dev-1234567.okta.com' }], FOREIGN],
  ['a token that is for Okta alone', 'GET /', ['okta', {}, { typ: 'application/okta-internal-at+jwt' }], REFUSED],
  ['an ID token', 'GET /', ['okta', { nonce: 'n' }], REFUSED],
  ['a token that is bound to a key', 'GET /', ['okta', { cnf: { jkt: 'thumbprint' } }], REFUSED],
])

const APP = 'e1d8b6c3-4052-4c9f-b7ea-8d3c6f902b47'
const OTHER = { sub: APP, oid: APP, azp: '3daf7c8b-2e95-4f64-8a1b-9c7e4d608023' }
const OVERAGE = {
  roles: undefined,
  _claim_names: { groups: 'src1' },
  _claim_sources: { src1: { endpoint: 'https://graph.windows.net/x/getMemberObjects' } },
}

guide(
  'entra-id',
  [
    ['the application writes', 'PUT /a', ['entraV2', audienceOf(2)], 'client:archive'],
    [
      'another one with the app role reads',
      'GET /',
      ['entraV2', { ...audienceOf(2), ...OTHER }],
      `workload:entra:${APP}`,
    ],
    ['and writes nothing', 'PUT /a', ['entraV2', { ...audienceOf(2), ...OTHER }], SCOPE],
    [
      'one with another role is nobody',
      'GET /',
      ['entraV2', { ...audienceOf(2), ...OTHER, roles: ['Files.Write'] }],
      missed('roles'),
    ],
    [
      'one without a role is nobody',
      'GET /',
      ['entraV2', { ...audienceOf(2), ...OTHER, roles: undefined }],
      missed('roles'),
    ],
    [
      'a token for a person is nobody',
      'GET /',
      ['entraV2', { ...audienceOf(2), ...OTHER, roles: undefined, scp: 'Files.Read' }],
      missed('roles'),
    ],
    ['another API of the tenant', 'GET /', ['entraV2', { aud: '11111111-52b7-4e8a-9d64-7c1e2b3f4a5d' }], AUDIENCE],
    ['a token for Graph', 'GET /', ['entraV2', { aud: '00000003-0000-0000-c000-000000000000' }], AUDIENCE],
    [
      'the App ID URI is no audience of version 2',
      'GET /',
      ['entraV2', { aud: 'api://0f3a6c1d-52b7-4e8a-9d64-7c1e2b3f4a5d' }],
      AUDIENCE,
    ],
    ['a token of version 1', 'GET /', ['entraV1', audienceOf(1)], FOREIGN],
    ['an ID token', 'GET /', ['entraV2', { ...audienceOf(2), nonce: 'n' }], REFUSED],
    [
      'an ID token that was asked for without a nonce',
      'GET /',
      ['entraV2', { ...audienceOf(2), azp: undefined, azpacr: undefined }],
      REFUSED,
    ],
    [
      'another tenant',
      'GET /',
      ['entraV2', { iss: 'https://login.microsoftonline.com/99999999-9a7d-4f0b-8c3e-2d6a1e7f9b04/v2.0' }],
      FOREIGN,
    ],
    [
      'a managed identity, whose tokens live for a day',
      'GET /',
      ['entraV2', { ...audienceOf(2), exp: 1_893_456_000 + 86_700 }],
      REFUSED,
    ],
  ],
  (scene) => {
    const patch = (path: string, body: Words) => scene().app.api('PATCH', `/api/v1/${path}`, body)

    test('a managed identity is let in by the life that the guide names', async () => {
      await patch('issuers/entra', { max_lifetime_seconds: 90_000 })
      const daily = scene().token('entraV2', { ...audienceOf(2), exp: 1_893_456_000 + 86_700 })
      expect(await scene().call(daily)).toMatchObject({ user: 'client:archive' })
      await patch('issuers/entra', { max_lifetime_seconds: 7200 })
    })

    test('groups that were too many to list are an overage where groups are read, and nothing else', async () => {
      const many = () => scene().call(scene().token('entraV2', { ...audienceOf(2), ...OVERAGE }))
      expect(await many()).toMatchObject({ user: 'client:archive' })
      await patch('issuers/entra', { groups_claims: ['groups'] })
      expect(await many()).toMatchObject({ status: 403, code: 'groups_overage' })
      await patch('issuers/entra', { groups_claims: ['roles'] })
    })

    test('version 1 is an issuer of its own, with its own audiences', async () => {
      const { resources, ...version1 } = declaredIn('entra-id.md', 'version-1.yaml')
      expect(resources).toBeUndefined()
      await scene().declare(version1)
      const { audience_aliases: more } = declaredIn('entra-id.md', 'alias-1.yaml') as { audience_aliases: Words[] }
      const aliases = [{ issuer: 'entra', audience: audienceOf(2).aud }, ...more]
      expect((await patch('resources/files', { audience_aliases: aliases })).status).toBe(200)

      const call = (claims: Words) => scene().call(scene().token('entraV1', { signer: 'entra-v1', ...claims }))
      for (const version of [1, 2] as const) {
        expect(await call(audienceOf(version))).toMatchObject({ user: 'client:archive' })
      }
      const other = { ...audienceOf(1), appid: '3daf7c8b-2e95-4f64-8a1b-9c7e4d608023' }
      expect(await call(other)).toEqual({ status: 401, code: 'trust_rule_missing', claim: 'appid' })
      const withoutSlash = { ...audienceOf(1), iss: 'https://sts.windows.net/5b1f4c2e-9a7d-4f0b-8c3e-2d6a1e7f9b04' }
      expect(await call(withoutSlash)).toMatchObject({ code: 'credential_foreign' })
    })
  },
)

/** As tokens of each version say it for the API of the guide. */
function audienceOf(version: 1 | 2): { readonly aud: string } {
  const id = '0f3a6c1d-52b7-4e8a-9d64-7c1e2b3f4a5d'
  return { aud: version === 1 ? `api://${id}` : id }
}
