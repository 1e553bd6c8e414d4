import type { App } from '../packages/server/src/index.ts'
import { makerAt } from './making.ts'
import { JWT_RESOURCE, OPAQUE_RESOURCE } from './reference.ts'

export type TokenStock = { readonly client: string; readonly secret: string; readonly keys: readonly string[] }

const RULES = [{ path: '/**', require: { scopes: ['files:read'] } }]

/** Makes two resources, whose access tokens are JWTs and opaque, and a client with a secret that reaches and introspects both. */
export async function stockTokens(app: App, bootstrapKey: string, keyCount = 0): Promise<TokenStock> {
  const make = makerAt(app, bootstrapKey)
  await make('/clients', { id: 'caller' })
  for (const identifier of [JWT_RESOURCE, OPAQUE_RESOURCE]) {
    const { host } = new URL(identifier)
    const format = identifier === JWT_RESOURCE ? 'jwt' : 'opaque'
    const name = `${format}-tokens`
    const said = { name, identifier, hosts: [host], scopes: ['files:read'], rules: RULES, introspectors: ['caller'] }
    await make('/resources', { ...said, access_token: { format, ttl_seconds: 86_400 } })
    await make('/permissions', { client: 'caller', resource: name, scopes: ['files:read'] })
  }
  const { secret = '' } = await make('/clients/caller/secrets', {})
  const keys: string[] = []
  while (keys.length < keyCount) keys.push((await make('/clients/caller/keys', {})).key ?? '')
  return { client: 'caller', secret, keys }
}
