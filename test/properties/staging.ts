// A scene in the real app, and questions put to it.

import { IDENTITY_HEADERS } from '../attacks/oracle.ts'
import { invented } from '../attacks/vectors/credentials.ts'
import type { TestApp } from '../support/app.ts'
import { type Asked, KEY_NAMES, type Placement, SCOPES, type Scene } from './scenes.ts'

export const SERVICES = ['one', 'two']
export const OWNER_ID = 'caller'
export type Wallet = ReadonlyMap<string, { readonly id: string; readonly key: string }>

export async function callApi(app: TestApp, method: string, path: string, body?: unknown) {
  const answer = await app.api(method, `/api/v1${path}`, body)
  if (answer.status > 204) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** The path of the scene's owner. */
export function ownerPath({ owner }: Pick<Scene, 'owner'>): string {
  return `/${owner.kind}s/${OWNER_ID}`
}

/** Makes everything there is in the scene; then lets befall it what does. */
export async function build(app: TestApp, scene: Scene): Promise<Wallet> {
  const { services, permissions, keys, owner, group } = scene
  const call = (method: string, path: string, body?: unknown) => callApi(app, method, path, body)
  const isUser = owner.kind === 'user'
  await call('POST', '/groups', { name: 'team' })
  const named = isUser ? { username: OWNER_ID, roles: [] } : { id: OWNER_ID }
  await call('POST', `/${owner.kind}s`, { ...named, groups: ['team'] })
  for (const [index, { host, ...service }] of services.entries()) {
    const name = SERVICES[index]
    const fixed = { name, identifier: `https://${name}.test`, hosts: [host], scopes: SCOPES }
    await call('POST', '/resources', { ...fixed, ...service })
  }
  for (const { holder, service, ...permission } of permissions) {
    const held = holder === 'owner' ? { [owner.kind]: OWNER_ID } : { group: 'team' }
    await call('POST', '/permissions', { ...held, resource: SERVICES[service], ...permission })
  }
  // A credential is narrowed only to what its owner could ever use: it can, for the moment.
  const forNow = await Promise.all(
    SERVICES.map((resource) => call('POST', '/permissions', { [owner.kind]: OWNER_ID, resource, roles: ['for-now'] })),
  )
  const wallet = new Map<string, { id: string; key: string }>()
  for (const [index, { resources, state, ...narrowing }] of keys.entries()) {
    const { id, key, token } = await call('POST', `${ownerPath(scene)}/${isUser ? 'tokens' : 'keys'}`, {
      ...narrowing,
      ...(resources && { resources: resources.map((one) => SERVICES[one]) }),
      ...(state === 'expired' && { expires_in_seconds: 60 }),
      ...(state === 'early' && { not_before: isUser ? '2030-02-01T00:00:00Z' : '2040-01-01T00:00:00Z' }),
    })
    if (state === 'revoked') await call('POST', `/credentials/${id}/revoke`, {})
    wallet.set(KEY_NAMES[index] ?? '', { id: String(id), key: String(key ?? token) })
  }
  for (const { id } of forNow) await call('DELETE', `/permissions/${id}`)
  if (!owner.member) await call('PATCH', ownerPath(scene), { groups: [] })
  if (group === 'disabled') await call('PATCH', '/groups/team', { disabled: true })
  if (owner.swept === 'owner') await call('POST', `${ownerPath(scene)}/revoke-credentials`, {})
  if (owner.swept === 'kind') {
    const sweep = { kind: isUser ? 'pat' : 'key', created_before: '2040-01-01T00:00:00Z' }
    await call('POST', '/credentials/revoke-older', sweep)
  }
  if (owner.state === 'disabled') await call('PATCH', ownerPath(scene), { disabled: true })
  if (owner.state === 'deleted') await call('DELETE', ownerPath(scene))
  app.clock.advance(60_000)
  return wallet
}

/** Asks as a proxy does; what it shows is said in `lines`, or by the names of the scene's credentials. */
export function put(app: TestApp, question: Asked, shown: Wallet | readonly Line[]): Promise<Response> {
  const { dialect, method, host, uri, from, placements, cors, destination } = question
  const headers: Record<string, string> = {}
  if (cors) Object.assign(headers, { Origin: 'https://app.test', 'Access-Control-Request-Method': 'PUT' })
  if (destination !== undefined) headers.Destination = destination
  const lines = shown instanceof Map ? placements.map((one) => lineOf(one, shown)) : (shown as readonly Line[])
  for (const [name, value] of lines) headers[name] = name in headers ? `${headers[name]}, ${value}` : value
  const asking = { method, host, uri, from, headers }
  return dialect === 'nginx' ? app.askNginx(asking) : app.ask(asking)
}

type Line = readonly [name: string, value: string]

function lineOf({ at, shown }: Placement, wallet: Wallet): Line {
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

/** What a service is told of a caller, but for what is of the credential alone. Undefined: the request was refused. */
export function toldOf({ status, headers }: Response): Readonly<Record<string, string>> | undefined {
  if (status !== 200) return undefined
  const ofCredential = ['countersign-assertion', 'countersign-expires', 'remote-credential']
  const names = IDENTITY_HEADERS.filter((name) => !ofCredential.includes(name))
  return Object.fromEntries(names.map((name) => [name, headers.get(name) ?? '']))
}
