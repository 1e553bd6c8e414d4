// The reference that Countersign is compared with: oidc-provider, configured alike, its tokens in memory.
import type { Server } from 'node:http'
import { freePort } from '../support/loopback.ts'

type Stored = Record<string, unknown>
export type ReferenceClient = Readonly<Record<string, unknown>> & { readonly client_id: string }
/** By identifier: its scopes, and what its tokens look like. */
export type ReferenceResources = Readonly<Record<string, { scope: string; format: 'jwt' | 'opaque' }>>

export type Reference = { readonly url: string; stop(): void }

export async function startReference(
  clients: readonly ReferenceClient[],
  resources: ReferenceResources,
  introspectors: readonly string[],
  port: number = freePort(),
): Promise<Reference> {
  const { default: Provider, errors } = await quietly(() => import('oidc-provider'))
  const url = `http://127.0.0.1:${port}`
  const [defaultResource = ''] = Object.keys(resources)
  const scopes = Object.values(resources).flatMap(({ scope }) => scope.split(' '))
  const configuration = {
    adapter: InMemory,
    clients: clients.map((client) => ({ ...UNUSED, scope: scopes.join(' '), ...client })),
    jwks: { keys: [await signingKey()] },
    scopes,
    responseTypes: [],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    enabledJWA: { clientAuthSigningAlgValues: ['ES256'] },
    routes: { token: '/oauth/token', introspection: '/oauth/introspect', revocation: '/oauth/revoke' },
    ttl: { ClientCredentials: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_: unknown, { clientId }: { clientId: string }, token: { clientId: string }) =>
          token.clientId === clientId || introspectors.includes(clientId),
      },
      revocation: {
        enabled: true,
        // As it does by itself, but without saying on the console that it does.
        allowedPolicy(_: unknown, { clientId }: { clientId: string }, token: { clientId: string }) {
          if (token.clientId !== clientId) throw new errors.InvalidRequest()
          return true
        },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => defaultResource,
        getResourceServerInfo(_: unknown, identifier: string) {
          const resource = resources[identifier]
          if (resource === undefined) throw new errors.InvalidTarget()
          const { scope, format } = resource
          return {
            scope,
            audience: identifier,
            accessTokenTTL: 600,
            accessTokenFormat: format,
            jwt: { sign: { alg: 'ES256' } },
          }
        },
      },
    },
  }
  const provider = await quietly(async () => new Provider(url, configuration))
  const server = await new Promise<Server>((resolve) => {
    const listening = provider.listen(port, '127.0.0.1', () => resolve(listening))
  })
  return { url, stop: () => void server.close() }
}

const UNUSED = {
  redirect_uris: [],
  response_types: [],
  grant_types: ['client_credentials'],
  id_token_signed_response_alg: 'ES256',
}

/** It says on the console that it is meant for a newer Node, and what its defaults are: of no use to who reads a test. */
export async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { info, warn } = console
  Object.assign(console, { info: () => undefined, warn: () => undefined })
  try {
    return await work()
  } finally {
    Object.assign(console, { info, warn })
  }
}

export async function signingKey(): Promise<JsonWebKey> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const { privateKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  // Without key_ops: it would publish the public part as one that signs, which nobody may verify with. RFC 7517 §4.3
  const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', privateKey)
  return { kty, crv, x, y, d, alg: 'ES256', use: 'sig' } as JsonWebKey
}

const kept = new Map<string, Stored>()

/** What oidc-provider wants of a store. */
export class InMemory {
  readonly #model: string
  constructor(model: string) {
    this.#model = model
  }
  async upsert(id: string, stored: Stored): Promise<void> {
    kept.set(`${this.#model}:${id}`, stored)
  }
  async find(id: string): Promise<Stored | undefined> {
    return kept.get(`${this.#model}:${id}`)
  }
  async destroy(id: string): Promise<void> {
    kept.delete(`${this.#model}:${id}`)
  }
  async consume(): Promise<void> {}
  async revokeByGrantId(): Promise<void> {}
}
