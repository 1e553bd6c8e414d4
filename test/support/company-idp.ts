// The identity provider of a company: oidc-provider, which gives JWT access tokens with the groups of machines and people.
import type { Server } from 'node:http'
import { InMemory, quietly, signingKey } from '../rfc/reference-server.ts'
import { freePort } from './loopback.ts'

export type CompanyIdp = {
  readonly issuer: string
  /** What a machine fetches for itself, by `client_credentials`. */
  machineToken(clientId: string, resource?: string): Promise<string>
  /** What a person's app would have got for them, had they signed in to it. */
  personToken(accountId: string): Promise<string>
  stop(): void
}

export type CompanyMembers = {
  /** By client id. */
  readonly machines: Readonly<Record<string, readonly string[]>>
  /** By account. */
  readonly people: Readonly<Record<string, readonly string[]>>
  /** Identifiers of resources that it gives tokens for. */
  readonly resources: readonly string[]
}

const PORTAL = 'portal'
const SECRET = 'a-secret-of-a-test-that-is-long-enough'

export async function startCompanyIdp({ machines, people, resources }: CompanyMembers): Promise<CompanyIdp> {
  const { default: Provider, errors } = await quietly(() => import('oidc-provider'))
  const port = freePort()
  const issuer = `http://127.0.0.1:${port}`
  const ofResource = {
    scope: '',
    accessTokenFormat: 'jwt',
    accessTokenTTL: 600,
    jwt: { sign: { alg: 'ES256' } },
  }
  const clientOf = (id: string) => ({
    ...{ client_id: id, client_secret: SECRET, redirect_uris: [], response_types: [] },
    ...{ grant_types: ['client_credentials'], id_token_signed_response_alg: 'ES256' },
  })
  const configuration = {
    adapter: InMemory,
    clients: [...Object.keys(machines), PORTAL].map(clientOf),
    jwks: { keys: [await signingKey()] },
    responseTypes: [],
    ttl: { ClientCredentials: 600, AccessToken: 600 },
    extraTokenClaims: (_: unknown, { clientId, accountId }: { clientId: string; accountId?: string }) => ({
      groups: accountId === undefined ? machines[clientId] : people[accountId],
    }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resources[0],
        getResourceServerInfo(_: unknown, identifier: string) {
          if (!resources.includes(identifier)) throw new errors.InvalidTarget()
          return { ...ofResource, audience: identifier }
        },
      },
    },
  }
  const provider = await quietly(async () => new Provider(issuer, configuration))
  const server = await new Promise<Server>((resolve) => {
    const listening = provider.listen(port, '127.0.0.1', () => resolve(listening))
  })
  return {
    issuer,
    async machineToken(clientId, resource = resources[0] ?? '') {
      const answer = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${clientId}:${SECRET}`)}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource }),
      })
      const { access_token: token } = (await answer.json()) as { access_token?: string }
      if (token === undefined) throw new Error(`${clientId} got no token: ${answer.status}`)
      return token
    },
    async personToken(accountId) {
      const [audience = ''] = resources
      const client = await provider.Client.find(PORTAL)
      const token = new provider.AccessToken({ accountId, client, gty: 'authorization_code' })
      token.resourceServer = new provider.ResourceServer(audience, { ...ofResource, audience })
      return token.save()
    },
    stop: () => void server.close(),
  }
}
