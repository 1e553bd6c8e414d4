// The same requests to a running Countersign and to oidc-provider: where the answers differ, the case says why ours is
// right. A difference that no case names is a failure, and so is one that is named and not there.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { Teardown } from '../support/teardown.ts'
import { type ClientKey, clientKey } from './client-key.ts'
import { assertions } from './differential/assertions.ts'
import { type Case, DAV, type Facets, FORGE, type Sent, type Side } from './differential/case.ts'
import { clientAuthentication } from './differential/client-authentication.ts'
import { introspection } from './differential/introspection.ts'
import { resourceIndicators } from './differential/resource-indicators.ts'
import { revocation } from './differential/revocation.ts'
import { tokenRequests } from './differential/token-requests.ts'
import { startReference } from './reference-server.ts'

const CASES: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  'client authentication': clientAuthentication,
  assertions,
  'token requests': tokenRequests,
  'resource indicators': resourceIndicators,
  introspection,
  revocation,
}
const CLIENTS = ['canister', 'other', 'reader', 'idle', 'basic-only']
const SCOPES = { [DAV]: 'files:read files:write', [FORGE]: 'repo:read' }
const teardown = new Teardown()
let ours: Side
let theirs: Side

beforeAll(async () => {
  const server = await startCountersign(await teardown.temporaryDirectory('differential'))
  teardown.add(() => server.stop())
  const key = await clientKey('signer')
  const otherKey = await clientKey('signer')
  const secretOf = await settle(server, key)
  const registered = CLIENTS.map((client_id) => ({
    client_id,
    client_secret: secretOf[client_id],
    token_endpoint_auth_method: client_id === 'basic-only' ? 'client_secret_basic' : 'client_secret_post',
    ...(client_id === 'idle' && { grant_types: [] }),
  }))
  const signer = {
    client_id: 'signer',
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [key.publicJwk] },
  }
  const resources = {
    [DAV]: { scope: SCOPES[DAV], format: 'opaque' },
    [FORGE]: { scope: SCOPES[FORGE], format: 'jwt' },
  } as const
  const reference = await startReference([...registered, signer], resources, ['reader'])
  teardown.add(() => reference.stop())
  const common = { secretOf, key, otherKey }
  ours = sideAt(server.url, common)
  theirs = sideAt(reference.url, common)
}, 30_000)
afterAll(() => teardown.run())

/** The resources and clients; the secrets are those that Countersign made. */
async function settle(server: CountersignServer, key: ClientKey): Promise<Record<string, string>> {
  for (const [name, identifier, format] of [
    ['webdav', DAV, 'opaque'],
    ['forge', FORGE, 'jwt'],
  ] as const) {
    const scopes = SCOPES[identifier].split(' ')
    const body = { name, identifier, hosts: [`${name}.example.com`], scopes, rules: [], access_token: { format } }
    await server.make('/resources', { ...body, ...(name === 'webdav' && { introspectors: [] }) })
  }
  const secretOf: Record<string, string> = {}
  for (const id of [...CLIENTS, 'signer']) {
    await server.make('/clients', {
      id,
      ...(id === 'idle' && { grants: [] }),
      ...(id === 'basic-only' && { token_endpoint_auth_methods: ['client_secret_basic'] }),
      ...(id === 'signer' && { token_endpoint_auth_methods: ['private_key_jwt'], jwks: { keys: [key.publicJwk] } }),
    })
    if (id !== 'reader') {
      for (const [resource, scopes] of [
        ['webdav', SCOPES[DAV]],
        ['forge', SCOPES[FORGE]],
      ] as const) {
        await server.make('/permissions', { client: id, resource, scopes: scopes.split(' ') })
      }
    }
    secretOf[id] = String((await server.make(`/clients/${id}/secrets`, {})).secret)
  }
  const made = await server.call('PATCH', '/resources/webdav', { introspectors: ['reader'] })
  expect(made.status).toBe(200)
  return secretOf
}

function sideAt(issuer: string, common: Pick<Side, 'secretOf' | 'key' | 'otherKey'>): Side {
  const side: Side = {
    issuer,
    ...common,
    async tokenOf(client, resource = DAV) {
      const answer = await sendTo(issuer, {
        headers: { Authorization: `Basic ${btoa(`${client}:${common.secretOf[client]}`)}` },
        form: { grant_type: 'client_credentials', resource },
      })
      const { access_token } = (await answer.json()) as Record<string, unknown>
      if (typeof access_token !== 'string') throw new Error(`${issuer} gave no token: ${answer.status}`)
      return access_token
    },
    send: (sent) => sendTo(issuer, sent),
  }
  return side
}

let asks = 0
async function sendTo(
  issuer: string,
  { path = '/oauth/token', method = 'POST', query = '', headers, form = '' }: Sent,
) {
  const params = Array.isArray(form) ? form.map(([name, value]) => [name, value]) : (form as Record<string, string>)
  const body = typeof form === 'string' ? form : String(new URLSearchParams(params))
  return fetch(`${issuer}${path}${query}`, {
    method,
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      // Each from somewhere else, so that no throttle answers in place of the endpoint.
      'X-Forwarded-For': `192.0.2.${++asks % 250}`,
      ...headers,
    },
    ...(method !== 'GET' && { body }),
  })
}

async function facetsOf(side: Side, asks: (side: Side) => Sent | Promise<Sent>): Promise<Facets> {
  const answer = await sendTo(side.issuer, await asks(side))
  const text = await answer.text()
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true
  const body = (isJson ? JSON.parse(text) : {}) as Record<string, unknown>
  // Ours name their decision beside the error, so that a script shows it; RFC 6749 §5.2 lets clients pass over that.
  const members = Object.keys(body).filter((name) => name !== 'error_description' && name !== 'decision')
  return {
    status: answer.status,
    error: typeof body.error === 'string' ? body.error : null,
    challenge: answer.headers.get('www-authenticate')?.split(' ')[0] ?? null,
    cache: answer.headers.get('cache-control'),
    members: members.sort().join(' '),
    active: body.active,
    scope: body.scope,
  }
}

/** [ours, theirs] of each facet in which they differ. */
function differencesOf(one: Facets, other: Facets): Record<string, readonly [unknown, unknown]> {
  const facets = Object.keys(one) as (keyof Facets)[]
  const different = facets.filter((facet) => one[facet] !== other[facet])
  return Object.fromEntries(different.map((facet) => [facet, [one[facet], other[facet]]]))
}

for (const [group, cases] of Object.entries(CASES)) {
  describe(group, () => {
    for (const [name, { asks, differs }] of Object.entries(cases)) {
      test(differs === undefined ? `${name}: alike` : `${name}: ${differs.because}`, async () => {
        const found = differencesOf(await facetsOf(ours, asks), await facetsOf(theirs, asks))
        const { because: _, ...listed } = differs ?? { because: '' }
        expect(found).toEqual(listed)
      })
    }
  })
}
