// What P8 does with the secrets of OAuth: shows them where they belong, and everywhere that people put them.
import { basicOf } from '../support/app.ts'
import { makeSigner, type SigningClient, showing } from '../support/client-key.ts'
import type { Exercise } from './traces.ts'

const GRANT = { grant_type: 'client_credentials' }
type Shown = { readonly name: string; readonly text: string }

/**
 * Client secrets, access tokens of both forms and client assertions: live, replaced, revoked, used up. Each is shown in
 * every way to the proxies' listener and to the OAuth endpoints. Returns the ids of the decisions.
 */
export async function workWithTokens(it: Exercise, host: string, issuer: string): Promise<(string | undefined)[]> {
  const { shown, headers } = await makeAll(it, host, issuer)
  const decisions: (string | undefined)[] = []
  for (const { name, text } of shown) {
    decisions.push(...(await it.asks(name, text)))
    decisions.push(...(await askFor(it, name, text, headers)), ...(await misplaceEverywhere(it, name, text)))
    await showToManagement(it, host, text)
  }
  return decisions
}

async function makeAll(it: Exercise, host: string, issuer: string) {
  const resource = `https://${host}`
  await it.call('POST', '/clients', { id: 'signer', name: 'Signer', groups: ['media'] })
  await it.call('PATCH', '/resources/webdav', { introspectors: ['canister'] })
  const newSecret = async (body: object = {}) => {
    const { id = '', secret = '' } = await it.call('POST', '/clients/canister/secrets', body)
    return { id, text: secret, headers: basicOf('canister', secret) }
  }
  const token = async (name: string, { headers }: { headers: Readonly<Record<string, string>> }) => {
    const { access_token } = await it.post('/oauth/token', { ...GRANT, resource }, headers)
    if (access_token === undefined) throw new Error(`${name} could not be had`)
    return { name, text: it.keep(name, access_token) }
  }
  const live = await newSecret({ name: 'live' })
  const old = await newSecret()
  const rotated = await it.call('POST', `/credentials/${old.id}/rotate`, { overlap_seconds: 0 })
  const revoked = await newSecret()
  const shown: Shown[] = [
    { name: 'a live client secret', text: live.text },
    { name: 'a client secret that was replaced', text: old.text },
    { name: 'its successor', text: rotated.secret ?? '' },
    { name: 'a revoked client secret', text: revoked.text },
  ]
  for (const format of ['jwt', 'opaque'] as const) {
    await it.call('PATCH', '/resources/webdav', { access_token: { format, ttl_seconds: 3600 } })
    const narrowed = await newSecret({ networks: ['127.0.0.0/8', '198.51.100.0/24'] })
    const doomed = format === 'jwt' ? revoked : await newSecret()
    const ended = await token(`a revoked access token (${format})`, live)
    shown.push(await token(`a live access token (${format})`, live))
    shown.push(await token(`an access token from elsewhere (${format})`, narrowed))
    shown.push(await token(`an access token of a revoked secret (${format})`, doomed), ended)
    await it.post('/oauth/introspect', { token: ended.text }, live.headers)
    await it.post('/oauth/revoke', { token: ended.text }, live.headers)
    await it.post('/oauth/introspect', { token: ended.text }, live.headers)
    await it.call('POST', `/credentials/${doomed.id}/revoke`, { reason: 'leaked' })
  }
  return { shown: [...shown, ...(await makeAssertions(it, resource, issuer))], headers: live.headers }
}

async function makeAssertions(it: Exercise, resource: string, issuer: string): Promise<Shown[]> {
  const signer = makeSigner({ clock: { now: new Date() } }, 'signer')
  const keys = { token_endpoint_auth_methods: ['private_key_jwt'], jwks: { keys: [signer.jwk] } }
  await it.call('PATCH', '/clients/signer', keys)
  const kept = (name: string, by: SigningClient, claims: object = {}) => ({
    name,
    text: it.keep(name, by.assertion({ aud: issuer, ...claims })),
  })
  const used = kept('a client assertion that was used', signer)
  const { access_token } = await it.post('/oauth/token', { ...signer.form(used.text), resource })
  if (access_token === undefined) throw new Error('an assertion was not taken')
  it.keep('an access token by an assertion', access_token)
  const stranger = makeSigner({ clock: { now: new Date() } }, 'signer')
  return [
    used,
    kept('a client assertion for somebody else', signer, { aud: 'https://elsewhere.example.com' }),
    kept('a client assertion by another key', stranger),
    kept('a client assertion that lives for too long', signer, { exp: Math.floor(Date.now() / 1000) + 864_000 }),
  ]
}

/** By a client that is believed: what it says is looked at one by one, and told to the operator. */
async function askFor(it: Exercise, name: string, text: string, headers: Readonly<Record<string, string>>) {
  const forms: Record<string, string>[] = [
    { grant_type: text },
    { ...GRANT, scope: text },
    { ...GRANT, scope: `files:read ${text}x` },
    { ...GRANT, resource: text },
    { ...GRANT, resource: `https://webdav.example.com/${text}` },
    { ...GRANT, client_id: text },
    { ...GRANT, [text]: text },
  ]
  const ids: (string | undefined)[] = []
  for (const form of forms) ids.push((await it.post('/oauth/token', form, headers, name)).decision)
  for (const path of ['/oauth/introspect', '/oauth/revoke']) {
    for (const token of [`${text}x`, ` ${text}`, text.slice(0, -1)]) {
      ids.push((await it.post(path, { token, token_type_hint: text }, headers, name)).decision)
    }
  }
  ids.push((await it.post('/oauth/introspect', { token: text, resource: text, scope: text }, headers, name)).decision)
  return ids
}

/** Where no credential belongs at the OAuth endpoints, and where people put them all the same. */
async function misplaceEverywhere(it: Exercise, name: string, text: string): Promise<(string | undefined)[]> {
  const basic = (user: string, password: string) => `Basic ${btoa(`${user}:${password}`)}`
  const ids: (string | undefined)[] = []
  const post = async (path: string, form: Record<string, string> | string, headers: Record<string, string> = {}) => {
    const { decision } = await it.post(path, form, headers, name)
    ids.push(decision)
  }
  const posted: [form: Record<string, string> | string, headers?: Record<string, string>][] = [
    [{ ...GRANT, client_id: 'canister', client_secret: text }],
    [{ ...GRANT, ...showing(text) }],
    [{ ...GRANT, client_id: text, client_secret: text }],
    [GRANT, { Authorization: `Bearer ${text}` }],
    [GRANT, { Authorization: basic('canister', text) }],
    [GRANT, { Authorization: basic(text, text) }],
    [GRANT, { Authorization: text }],
    [GRANT, { DPoP: text }],
    [{ ...GRANT, client_id: 'canister', client_secret: text }, { Authorization: basic('canister', text) }],
    [{ grant_type: text, scope: text, resource: text, client_id: 'canister' }],
    [{ ...GRANT, client_assertion_type: text, client_assertion: text }],
    [`grant_type=client_credentials&client_secret=${text}&client_secret=${text}`],
    [`${text}=${text}&%zz${text}`],
    [JSON.stringify({ ...GRANT, client_secret: text }), { 'Content-Type': 'application/json' }],
    [GRANT, { 'Content-Type': text }],
    [{ token: text, token_type_hint: text }, { Authorization: basic('canister', text) }],
    [{ token: `${text}x`, client_id: 'canister', client_secret: `${text}x` }],
  ]
  for (const path of ['/oauth/token', '/oauth/introspect', '/oauth/revoke']) {
    for (const [form, headers] of posted) await post(path, form, headers)
    await post(`${path}?client_secret=${text}&access_token=${text}`, GRANT)
    await post(`${path}/${text}`, GRANT)
  }
  return ids
}

/** People paste what they hold where its id belongs. */
async function showToManagement(it: Exercise, host: string, text: string): Promise<void> {
  const url = `https://${host}/films`
  await it.call('POST', '/explain', { method: 'GET', url, credential: text })
  await it.call('POST', '/explain', { method: 'GET', url: `${url}?token=${text}`, credential_id: text })
  await it.call('POST', '/leaks', { [text]: text, token: [text] })
  for (const path of [`/credentials/${text}`, `/clients/${text}/secrets`, `/decisions?credential=${text}`]) {
    await it.call('GET', path)
  }
  await it.call('POST', `/credentials/${text}/revoke`, { reason: 'leaked' })
  await it.call('POST', '/clients/canister/secrets', { secret: text, scopes: text, resources: [text] })
  await it.call('PATCH', '/clients/signer', { jwks: { keys: [{ kid: text, d: text }] }, jwks_uri: text })
  await it.call('GET', '/me', undefined, text)
}
