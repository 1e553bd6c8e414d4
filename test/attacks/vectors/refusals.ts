// How each refusal is reached by a request, and what its caller has to be told: the table of refusals, said once more
// by somebody else, so that it cannot change unseen.

import { expect } from 'bun:test'
import type { RefusalCode } from '@countersign/resource-server'
import { BURST } from '../../../packages/server/src/domain/holder-revocations.ts'
import { BOOTSTRAP_KEY, basicOf, type OAuthForm, PUBLIC_URL, tokenFor, withSecret } from '../../support/app.ts'
import { makeSigner, registerKeys, withKey as withClientKey } from '../../support/client-key.ts'
import { type PinnedIssuer, pinnedIssuer, register, trust } from '../../support/pinned-issuer.ts'
import { aMinuteLater, breakAt, withoutStore } from '../breaking.ts'
import type { Kind } from '../oracle.ts'
import type { Question, Stage } from '../stage.ts'
import { forged, invented } from './credentials.ts'
import { type Asked, basic, bearer, type Line } from './vector.ts'

export type ApiCall = {
  readonly method?: string
  readonly path?: string
  readonly lines: readonly Line[]
  readonly body?: unknown
}

export type OAuthPost = {
  readonly path?: string
  readonly form: OAuthForm
  readonly headers?: Readonly<Record<string, string>>
  /** The `error` of the answer. */
  readonly error: string
  readonly status: number
}

type Way = {
  /** Makes what is needed, and says what to ask the verify endpoints. */
  readonly verify?: (stage: Stage) => Question | Promise<Question>
  /** The same for the management API. */
  readonly api?: (stage: Stage) => ApiCall | Promise<ApiCall>
  /** The same for the OAuth endpoints. */
  readonly oauth?: (stage: Stage) => OAuthPost | Promise<OAuthPost>
  /** Breaks something while it is asked. */
  readonly during?: (stage: Stage, ask: () => Promise<void>) => Promise<void>
}
export type Refused = Way & { readonly kind: Kind; readonly says: string }
type Body = Record<string, unknown>

const CLUB = {
  name: 'club',
  identifier: 'https://club.example.com',
  hosts: ['club.example.com'],
  scopes: ['rooms:enter'],
  rules: [
    { path: '/users', require: { principals: ['user'] } },
    { path: '/networks', require: { networks: ['10.0.0.0/8'] } },
    { path: '/internal', require: { listener: 'internal' } },
    { path: '/scopes', require: { scopes: ['rooms:enter'] } },
    { path: '/roles', require: { roles: ['host'] } },
    { path: '/groups', require: { groups: ['staff'] } },
    { path: '/p/:project' },
    { path: '/**' },
  ],
}

/** Asks at the club, whose rules ask for everything, with a key of a client that has nothing but a permission there. */
const atClub = (uri: string, key: Body = {}, from = '192.0.2.1'): Way => ({
  async verify(stage) {
    await stage.make('/groups', { name: 'staff' })
    await stage.make('/resources', CLUB)
    await stage.make('/permissions', { client: 'canister', resource: 'club' })
    const made = await stage.newKey('canister', key)
    return { asks: { host: 'club.example.com', uri }, lines: [bearer(made.key)], from }
  },
})

/** A key of a service's client, and one of a client of the management API; `then` befalls each. */
const withKey = (body: Body, then: (stage: Stage, id: string, client: string) => unknown = () => undefined): Way => {
  const made = async (stage: Stage, client: string, resources?: string[]) => {
    const { id, key } = await stage.newKey(client, { ...body, ...(resources && { resources }) })
    await then(stage, id, client)
    return { lines: [bearer(key)] }
  }
  return {
    verify: (stage) => made(stage, 'canister'),
    async api(stage) {
      await makeOperator(stage)
      return made(stage, 'operator', ['countersign'])
    },
  }
}

async function makeOperator(stage: Stage, roles: string[] = ['auditor']): Promise<void> {
  await stage.make('/clients', { id: 'operator' })
  if (roles.length > 0) await stage.make('/permissions', { client: 'operator', resource: 'countersign', roles })
}

/** Calls the management API as a client with these roles there, by a key narrowed to `body`. */
const operating =
  (roles: string[], body: Body, call: Omit<ApiCall, 'lines'> = {}) =>
  async (stage: Stage): Promise<ApiCall> => {
    await makeOperator(stage, roles)
    const { key } = await stage.newKey('operator', body)
    return { ...call, lines: [bearer(key)] }
  }

const asking = (asks: Partial<Asked>): Way => ({ verify: ({ wallet }) => ({ asks, lines: [bearer(wallet.key)] }) })
const calling = (path: string): Way => ({ api: () => ({ path, lines: [bearer(BOOTSTRAP_KEY)] }) })
const showing = (...lines: readonly Line[]): Way => ({ verify: () => ({ lines }), api: () => ({ lines }) })
const showingBoth = (text: string): Way => showing(bearer(text))

const told = (kind: Kind, says: string, ...ways: readonly Way[]): Refused => Object.assign({ kind, says }, ...ways)
const bad = (...ways: readonly Way[]) => told('T401', 'The credential is not valid.', ...ways)
const cannotTell = (during: NonNullable<Way['during']>, ...ways: readonly Way[]) =>
  told('U503', 'The credential cannot be checked right now.', showingBoth(invented(1)), { during }, ...ways)

const client = (...ways: readonly Way[]) => told('T401', 'Client authentication failed.', ...ways)

async function aSecret(stage: Stage) {
  const { headers } = await withSecret(stage.test)
  return { headers }
}

async function aToken(stage: Stage): Promise<string> {
  const { headers } = await withSecret(stage.test)
  const token = await tokenFor(stage.test, headers)
  stage.oracle.keepSecret(token)
  return token
}

/** Posts to the token endpoint: `grant_type=client_credentials`, if nothing else is said. */
const posting = (sent: Partial<OAuthPost>, error: string, status: number): OAuthPost => ({
  form: { grant_type: 'client_credentials' },
  ...sent,
  error,
  status,
})

/** Shows a token of another issuer, once it was registered and `then` was done. */
const external = (token: (corp: PinnedIssuer) => string, then: (stage: Stage, corp: PinnedIssuer) => unknown): Way => ({
  async verify(stage) {
    const corp = pinnedIssuer(stage.test)
    await register(stage.test, corp)
    await then(stage, corp)
    const text = token(corp)
    stage.oracle.keepSecret(text)
    return { lines: [bearer(text)] }
  },
})

const AT_API = { resources: ['countersign'] }
const REVOKE = (stage: Stage, id: string) => stage.call('POST', `/credentials/${id}/revoke`, { reason: 'leaked' })

export const REFUSED: Readonly<Record<RefusalCode, Refused>> = {
  untrusted_proxy: told('F403', 'This address may not ask for decisions.', {
    verify: () => ({ peer: '203.0.113.9' }),
  }),
  request_malformed: told('R400', 'The request is not described in full.', asking({ method: 'get' })),
  target_malformed: told(
    'R400',
    'The request target is not acceptable.',
    asking({ uri: '/a/../b' }),
    calling('/clients/%zz'),
  ),
  target_ambiguous: told(
    'R400',
    'The request target is ambiguous.',
    asking({ host: 'intranet.example.com', uri: '/pub/a;b' }),
    calling('/clients/a%2fb'),
  ),
  destination_malformed: told('R400', 'The Destination is not acceptable.', asking({ method: 'MOVE' })),
  destination_host_refused: told('F403', 'The Destination is on another host.', {
    verify: ({ wallet }) => ({
      asks: { method: 'COPY' },
      lines: [bearer(wallet.key), ['Destination', 'https://evil.test/']],
    }),
  }),
  host_unknown: told('F403', 'No resource is protected at this host.', asking({ host: 'evil.test' })),
  rule_missing: told(
    'F403',
    'No rule allows this request.',
    asking({ host: 'intranet.example.com', uri: '/nowhere' }),
    calling('/nowhere'),
  ),

  credential_missing: told('N401', 'Authentication is required.', showing()),
  credential_malformed: told('R400', 'The credential is malformed.', showing(['Authorization', 'Bearer'])),
  credential_ambiguous: told('R400', 'Send one credential, not several.', showing(bearer('one'), bearer('two'))),

  credential_foreign: bad(showing(basic('alice:password'))),
  credential_mistyped: bad(showingBoth('cs_key_mistyped')),
  credential_unknown: bad(showingBoth(invented(1))),
  token_malformed: bad({
    async verify(stage) {
      const token = await aToken(stage)
      return { lines: [bearer(`${token.slice(0, -1)}=`)] }
    },
  }),
  token_unverified: bad({
    async verify(stage) {
      const [header, claims, signature = ''] = (await aToken(stage)).split('.')
      return { lines: [bearer(`${header}.${claims}.${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`)] }
    },
  }),
  external_token_refused: bad(
    external(
      (corp) => corp.token({ exp: undefined }),
      ({ test }) => trust(test, { as: { client: 'canister' } }),
    ),
  ),
  issuer_disabled: bad(
    external(
      (corp) => corp.token(),
      (stage) => stage.call('PATCH', '/issuers/corp', { disabled: true }),
    ),
  ),
  trust_rule_missing: bad(
    external(
      (corp) => corp.token(),
      () => undefined,
    ),
  ),
  groups_overage: told(
    'F403',
    'The token does not list the groups of its subject.',
    external(
      (corp) => corp.token({ _claim_names: { groups: 'src1' } }),
      async (stage) => {
        await stage.make('/groups', { name: 'crew' })
        await trust(stage.test, { as: { client: 'canister' } })
        await stage.call('PATCH', '/issuers/corp', { group_mappings: { crew: ['x'] } })
      },
    ),
  ),
  audience_refused: bad({
    verify: async (stage) => ({ asks: { host: 'forge.example.com', uri: '/a' }, lines: [bearer(await aToken(stage))] }),
  }),
  credential_kind_refused: bad(showingBoth(forged('z'.repeat(43), 'secret'))),
  credential_revoked: bad(withKey({}, REVOKE)),
  credential_not_yet_valid: bad(withKey({ not_before: '2035-01-01T00:00:00Z' })),
  credential_expired: bad(withKey({ expires_in_seconds: 60 }, ({ test }) => test.clock.advance(60_000))),
  owner_missing: bad(withKey({}, (stage, _, client) => stage.call('DELETE', `/clients/${client}`))),
  owner_disabled: bad(withKey({}, (stage, _, client) => stage.call('PATCH', `/clients/${client}`, { disabled: true }))),
  credential_network_refused: bad(withKey({ networks: ['10.0.0.0/8'] })),

  resource_disabled: told('F403', 'The resource is disabled.', {
    async verify(stage) {
      await stage.call('PATCH', '/resources/webdav', { disabled: true })
      return { lines: [bearer(stage.wallet.key)] }
    },
  }),
  client_address_unknown: told('F403', 'The client address is not known.', atClub('/networks', {}, 'unknown')),
  resource_not_granted: told(
    'S403',
    'The credential is not meant for this resource.',
    { verify: ({ wallet }) => ({ lines: [bearer(wallet.forgeOnly)] }) },
    { api: operating(['admin'], {}) },
  ),
  permission_missing: told(
    'S403',
    'No permission on this resource.',
    { verify: ({ wallet }) => ({ asks: { host: 'forge.example.com', uri: '/a' }, lines: [bearer(wallet.other)] }) },
    { api: operating([], AT_API) },
  ),
  project_not_granted: told('S403', 'The credential is not meant for this project.', {
    verify: ({ wallet }) => ({ asks: { host: 'forge.example.com', uri: '/b' }, lines: [bearer(wallet.confined)] }),
  }),
  project_not_captured: told(
    'S403',
    'The credential is confined to projects.',
    atClub('/', { resources: ['club'], projects: ['a'] }),
  ),
  principal_kind_refused: told('F403', 'This kind of principal may not do this.', atClub('/users')),
  network_refused: told('F403', 'Not from this network.', atClub('/networks')),
  listener_refused: told('F403', 'Not on this listener.', atClub('/internal')),
  scope_missing: told('S403', 'The credential lacks a required scope.', atClub('/scopes'), {
    api: operating(['auditor'], AT_API, { method: 'POST', path: '/groups', body: { name: 'new' } }),
  }),
  role_missing: told('S403', 'The credential lacks a required role.', atClub('/roles')),
  group_missing: told('S403', 'The principal is not in a required group.', atClub('/groups')),
  would_escalate: told('S403', 'This would give more than the caller may give.', {
    api: operating(
      ['admin'],
      { ...AT_API, scopes: ['permissions:write'] },
      {
        method: 'POST',
        path: '/permissions',
        body: { client: 'canister', resource: 'countersign', roles: ['admin'] },
      },
    ),
  }),
  minting_refused: told('F403', 'This credential makes no credentials.', {
    async api(stage) {
      await stage.make('/users', { username: 'alice' })
      const { token } = await stage.make('/users/alice/tokens', { resources: ['countersign'] })
      return {
        method: 'POST',
        path: '/me/tokens',
        lines: [bearer(String(token))],
        body: { resources: ['countersign'] },
      }
    },
  }),
  identity_too_large: told('F403', 'The identity does not fit into headers.', {
    async verify(stage) {
      const groups = Array.from({ length: 60 }, (_, i) => `${i}`.padStart(63, 'g'))
      for (const name of groups) await stage.make('/groups', { name })
      await stage.call('PATCH', '/resources/webdav', { groups: 'all' })
      await stage.call('PATCH', '/clients/canister', { groups })
      return { lines: [bearer(stage.wallet.key)] }
    },
  }),

  workload_required: client({
    async oauth(stage) {
      await register(stage.test, pinnedIssuer(stage.test))
      await trust(stage.test, { as: { client: 'canister' } })
      await stage.call('PATCH', '/clients/canister', { requires_workload: 'machine' })
      return posting(await aSecret(stage), 'invalid_client', 401)
    },
  }),
  client_unauthenticated: client({ oauth: () => posting({}, 'invalid_client', 401) }),
  client_method_refused: client({
    async oauth(stage) {
      await stage.call('PATCH', '/clients/canister', { token_endpoint_auth_methods: ['client_secret_post'] })
      return posting(await aSecret(stage), 'invalid_client', 401)
    },
  }),
  client_mismatch: client({
    async oauth(stage) {
      const { secret } = await withSecret(stage.test)
      return posting({ headers: basicOf('other', secret) }, 'invalid_client', 401)
    },
  }),
  assertion_refused: client({
    async oauth(stage) {
      const signer = await withClientKey(stage.test)
      return posting(
        { form: signer.form(signer.assertion({ aud: `${PUBLIC_URL}/oauth/token` })) },
        'invalid_client',
        401,
      )
    },
  }),
  assertion_replayed: client({
    async oauth(stage) {
      const { form } = await withClientKey(stage.test)
      const once = form()
      expect((await stage.test.oauth('/oauth/token', once)).status).toBe(200)
      return posting({ form: once }, 'invalid_client', 401)
    },
  }),
  client_throttled: told('R400', 'Too many attempts failed. Try again later.', {
    async oauth(stage) {
      const headers = basicOf('canister', 'guess')
      for (let tries = 0; tries < 50; tries++) {
        expect((await stage.test.oauth('/oauth/token', {}, { headers })).status).toBe(401)
      }
      // Of one second not all are kept.
      stage.test.clock.advance(1000)
      return posting({ headers }, 'invalid_client', 429)
    },
  }),
  revocations_throttled: told('U503', 'Too many tokens of this client are being revoked. Try again later.', {
    async oauth(stage) {
      const { headers } = await withSecret(stage.test)
      stage.test.clock.stopMonotonic()
      const revoking = async () => ({
        path: '/oauth/revoke',
        form: { token: await tokenFor(stage.test, headers) },
        headers,
      })
      for (let times = 0; times < BURST; times++) {
        const { path, form } = await revoking()
        expect((await stage.test.oauth(path, form, { headers })).status).toBe(200)
      }
      return { ...(await revoking()), error: 'temporarily_unavailable', status: 503 }
    },
  }),
  token_not_owned: told('R400', 'The token belongs to another client.', {
    async oauth(stage) {
      await stage.make('/clients', { id: 'thief' })
      const { headers } = await withSecret(stage.test, 'thief')
      return {
        path: '/oauth/revoke',
        form: { token: stage.wallet.key },
        headers,
        error: 'invalid_request',
        status: 400,
      }
    },
  }),
  client_ambiguous: told('R400', 'Authenticate the client in one way.', {
    async oauth(stage) {
      const { secret, headers } = await withSecret(stage.test)
      return posting({ headers, form: { client_id: 'canister', client_secret: secret } }, 'invalid_request', 400)
    },
  }),
  form_malformed: told('R400', 'The request is malformed.', {
    oauth: () => posting({ form: 'grant_type=a&grant_type=b' }, 'invalid_request', 400),
  }),
  grant_type_unsupported: told('R400', 'This grant type is not supported.', {
    async oauth(stage) {
      return posting({ ...(await aSecret(stage)), form: { grant_type: 'password' } }, 'unsupported_grant_type', 400)
    },
  }),
  grant_type_refused: told('R400', 'The client may not use this grant.', {
    async oauth(stage) {
      await stage.call('PATCH', '/clients/canister', { grants: [] })
      return posting(await aSecret(stage), 'unauthorized_client', 400)
    },
  }),
  target_refused: told('R400', 'The client has no such resource.', {
    async oauth(stage) {
      const form = { grant_type: 'client_credentials', resource: 'https://elsewhere.test' }
      return posting({ ...(await aSecret(stage)), form }, 'invalid_target', 400)
    },
  }),
  scope_refused: told('R400', 'The client may have none of these scopes.', {
    async oauth(stage) {
      const form = { grant_type: 'client_credentials', scope: 'admin' }
      return posting({ ...(await aSecret(stage)), form }, 'invalid_scope', 400)
    },
  }),

  store_unavailable: cannotTell((_, ask) => withoutStore(ask)),
  store_busy: cannotTell(async (stage, ask) => {
    const flood = Array.from({ length: 300 }, (_, i) => stage.ask('forward', { lines: [bearer(invented(i + 10))] }))
    await ask()
    await Promise.all(flood)
  }),
  revision_unconfirmed: cannotTell((_, ask) => aMinuteLater(() => withoutStore(ask)), {
    async oauth(stage) {
      // The secret is known here, and what it asks for is in memory: none of that counts while nobody confirms it.
      const { headers } = await withSecret(stage.test)
      const token = await tokenFor(stage.test, headers)
      const asking = { path: '/oauth/introspect', form: { token }, headers }
      expect((await stage.test.oauth(asking.path, asking.form, { headers })).body).toMatchObject({ active: true })
      return { ...asking, error: 'temporarily_unavailable', status: 503 }
    },
  }),
  keys_unavailable: told('U503', 'The credential cannot be checked right now.', {
    async oauth(stage) {
      // Refused before anything is connected to: it is no public address.
      const signer = makeSigner(stage.test)
      await registerKeys(stage.test, signer.id, { jwks_uri: 'https://127.0.0.1:1/jwks' })
      return posting({ form: signer.form() }, 'temporarily_unavailable', 503)
    },
  }),
  internal_error: told('E500', 'The request could not be decided.', showing(), {
    async during({ test }, ask) {
      const repair = breakAt(test, 'verify.decide', () => {
        throw new TypeError('undefined is not a function')
      })
      await ask()
      repair()
    },
  }),
}
