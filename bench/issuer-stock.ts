import { createPublicKey, type KeyObject } from 'node:crypto'
import type { App } from '../packages/server/src/index.ts'
import { signedBy, type strangersKey } from '../test/support/forging.ts'
import { makerAt } from './making.ts'
import { HOST } from './seed.ts'

const ISS = 'https://idp.example.com'
const GROUP = 'media'
const LIFETIME_SECONDS = 3600

export type IssuerStock = {
  /** API keys of one client. */
  readonly keys: readonly string[]
  readonly publicKey: KeyObject
  /** Tokens of as many machines, none made twice; with another `kid` none is believed. */
  tokens(count: number, kid?: () => string): string[]
}

/** The key pair of an issuer, as `strangersKey` makes it. */
export type IssuerKeys = ReturnType<typeof strangersKey>

/**
 * Makes one resource that API keys of a client and tokens of another issuer reach alike, by the same group.
 *
 * `jwksUri` is asked for the keys; without it they are pinned.
 */
export async function stockIssuer(
  app: App,
  bootstrapKey: string,
  { privateKey, jwk }: IssuerKeys,
  { keyCount, jwksUri }: { readonly keyCount: number; readonly jwksUri?: string },
): Promise<IssuerStock> {
  const make = makerAt(app, bootstrapKey)
  const rules = [{ path: '/**', require: { scopes: ['files:read'] } }]
  await make('/resources', {
    name: 'webdav',
    identifier: `https://${HOST}`,
    hosts: [HOST],
    scopes: ['files:read'],
    rules,
  })
  await make('/groups', { name: GROUP })
  await make('/clients', { id: 'caller', groups: [GROUP] })
  await make('/permissions', { group: GROUP, resource: 'webdav', scopes: ['files:read'] })
  const from = jwksUri === undefined ? { jwks: { keys: [jwk] } } : { jwks_uri: jwksUri }
  await make('/issuers', { name: 'corp', issuer: ISS, algorithms: ['ES256'], ...from })
  const as = { workload: { groups: [GROUP] } }
  await make('/trust-rules', { name: 'machines', issuer: 'corp', match: { azp: 'machines' }, as })
  const keys: string[] = []
  while (keys.length < keyCount) keys.push((await make('/clients/caller/keys', {})).key ?? '')

  const now = Math.floor(Date.now() / 1000)
  const tokens = (count: number, kid = () => jwk.kid) =>
    Array.from({ length: count }, (_, index) =>
      signedBy(privateKey, { alg: 'ES256', kid: kid(), typ: 'JWT' }, claimsOf(index, now)),
    )
  return { keys, publicKey: createPublicKey(privateKey), tokens }
}

/** What a company's IdP says of a machine: some 630 characters of token. */
function claimsOf(index: number, now: number) {
  return {
    iss: ISS,
    sub: `machine-${index}`,
    aud: `https://${HOST}`,
    azp: 'machines',
    iat: now,
    exp: now + LIFETIME_SECONDS,
    jti: crypto.randomUUID(),
    scope: 'profile email',
    groups: ['backup-operators', 'media'],
    realm_access: { roles: ['default-roles-corp', 'offline_access', 'uma_authorization'] },
    preferred_username: 'service-account-machines',
    clientHost: '192.0.2.17',
  }
}
