// Random services, rights, keys and requests: the real app lets a request pass exactly when the plain reading of the
// law does, as the same caller and with the same scopes.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { invented } from '../attacks/vectors/credentials.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { passage } from './reference.ts'
import { type Asked, asked, KEY_NAMES, type Placement, SCOPES, type Scene, scene } from './scenes.ts'

const SERVICES = ['one', 'two']
type Wallet = ReadonlyMap<string, { readonly id: string; readonly key: string }>

test(
  'the server allows what the law allows, and nothing else',
  async () => {
    let passed = 0
    let refused = 0
    const property = fc.asyncProperty(
      scene,
      fc.array(asked, { minLength: 1, maxLength: 40, size: 'large' }),
      async (there, questions) => {
        const app = await startApp()
        const wallet = await build(app, there)
        for (const question of questions) {
          const expected = passage(there, question)
          const answer = await put(app, question, wallet)
          const { headers, status } = answer
          const scopes = headers.get('remote-scopes')
          const got = status !== 200 ? undefined : { by: headers.get('remote-credential'), scopes }
          const isNobody = expected?.as === 'nobody'
          expect({ question, got }).toEqual({
            question,
            got: expected && {
              by: isNobody ? 'none' : (wallet.get(expected.as)?.id ?? null),
              scopes: expected.scopes.join(',') || 'none',
            },
          })
          if (status === 200) passed++
          else refused++
        }
        await app.close()
      },
    )
    await fc.assert(property, { numRuns: 60 })
    // Neither side was idle.
    expect(passed).toBeGreaterThan(50)
    expect(refused).toBeGreaterThan(200)
  },
  PATIENCE_MS,
)

async function build(app: TestApp, { services, permissions, keys, owner }: Scene): Promise<Wallet> {
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await app.api(method, `/api/v1${path}`, body)
    if (answer.status > 204) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  await call('POST', '/groups', { name: 'team' })
  await call('POST', '/clients', { id: 'caller', groups: ['team'] })
  for (const [index, { host, ...service }] of services.entries()) {
    const name = SERVICES[index]
    const fixed = { name, identifier: `https://${name}.test`, hosts: [host], scopes: SCOPES }
    await call('POST', '/resources', { ...fixed, ...service })
  }
  for (const { holder, service, ...permission } of permissions) {
    const held = holder === 'client' ? { client: 'caller' } : { group: 'team' }
    await call('POST', '/permissions', { ...held, resource: SERVICES[service], ...permission })
  }
  // A key is narrowed only to what its owner could ever use: it can, for the moment.
  const forNow = await Promise.all(
    SERVICES.map((resource) => call('POST', '/permissions', { client: 'caller', resource, roles: ['for-now'] })),
  )
  const wallet = new Map<string, { id: string; key: string }>()
  for (const [index, { resources, state, ...narrowing }] of keys.entries()) {
    const { id, key } = await call('POST', '/clients/caller/keys', {
      ...narrowing,
      ...(resources && { resources: resources.map((one) => SERVICES[one]) }),
      ...(state === 'expired' && { expires_in_seconds: 60 }),
      ...(state === 'early' && { not_before: '2040-01-01T00:00:00Z' }),
    })
    if (state === 'revoked') await call('POST', `/credentials/${id}/revoke`, {})
    wallet.set(KEY_NAMES[index] ?? '', { id: String(id), key: String(key) })
  }
  for (const { id } of forNow) await call('DELETE', `/permissions/${id}`)
  if (owner === 'outside') await call('PATCH', '/clients/caller', { groups: [] })
  if (owner === 'disabled') await call('PATCH', '/clients/caller', { disabled: true })
  app.clock.advance(60_000)
  return wallet
}

function put(app: TestApp, question: Asked, wallet: Wallet): Promise<Response> {
  const { dialect, method, host, uri, from, placements, cors, destination } = question
  const headers: Record<string, string> = {}
  if (cors) Object.assign(headers, { Origin: 'https://app.test', 'Access-Control-Request-Method': 'PUT' })
  if (destination !== undefined) headers.Destination = destination
  for (const placement of placements) {
    const [name, value] = lineOf(placement, wallet)
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value
  }
  const asking = { method, host, uri, from, headers }
  return dialect === 'nginx' ? app.askNginx(asking) : app.ask(asking)
}

function lineOf({ at, shown }: Placement, wallet: Wallet): [name: string, value: string] {
  const others: Record<string, string> = { unknown: invented(7), foreign: 'somebody-elses', malformed: 'two words' }
  const text = wallet.get(shown)?.key ?? others[shown] ?? ''
  switch (at) {
    case 'bearer':
      return ['Authorization', `Bearer ${text}`]
    case 'basic':
      return ['Authorization', `Basic ${shown === 'malformed' ? '!' : btoa(`x:${text}`)}`]
    case 'api_key':
      return ['X-Api-Key', text]
    case 'own':
      return ['X-Own', text]
    case 'scheme':
      return ['Authorization', `Token ${text}`]
    case 'elsewhere':
      return ['Cookie', `session=${text}`]
  }
}
