// Keys of an issuer that are found by what it says of itself (OpenID Connect Discovery, RFC 8414).

import type { JwkSet, VerificationKeys } from './jwk-set.ts'
import { claimOf, textClaim } from './jwt.ts'
import { KEY_TIMEOUT_MS, type KeyClientOptions, type KeyFetching, loadedKeys } from './remote-keys.ts'
import { type FetchFailure, type KeyFetch, readJson, readJwkSet, within } from './remote-keys-fetch.ts'

export type DiscoveredKeysOptions = KeyClientOptions & KeyFetching & { readonly issuer: string }

/**
 * The keys of a registered issuer, found by its discovery document; kept and asked for anew like those at a `jwks_uri`,
 * and the document with them.
 *
 * Security: `issuer` is what was configured, never what a token says. The document has to name that very issuer, byte for
 * byte, and keys that come by https are not asked for without TLS.
 *
 * @example
 * const keys = discoveredKeys({ issuer: 'https://idp.example.com', fetch, algorithms: ['RS256'], now: () => new Date() })
 *
 * @see OpenID Connect Discovery 1.0 §4, RFC 8414 §3
 */
export function discoveredKeys(options: DiscoveredKeysOptions): VerificationKeys {
  const { issuer, timeoutMs = KEY_TIMEOUT_MS } = options
  return loadedKeys({
    ...options,
    source: issuer,
    load: () => within(timeoutMs, (signal) => discover(options, signal)),
  })
}

async function discover(options: DiscoveredKeysOptions, signal: AbortSignal): Promise<JwkSet | FetchFailure> {
  const { issuer, fetch } = options
  const [first = '', second = ''] = documentsOf(issuer)
  const found = await readDocument(first, fetch, signal)
  const document = 'failure' in found && found.status === 404 ? await readDocument(second, fetch, signal) : found
  if ('failure' in document) return { failure: `its discovery document: ${document.failure}` }
  const named = textClaim(document.value, 'issuer')
  if (named !== issuer) {
    return { failure: `its discovery document is of ${(named ?? 'nobody').slice(0, 200)}, not of ${issuer}` }
  }
  const uri = claimOf(document.value, 'jwks_uri')
  if (typeof uri !== 'string' || !isAsSafe(uri, issuer)) {
    return { failure: 'its discovery document names no jwks_uri by https' }
  }
  const set = await readJwkSet(uri, options, signal)
  return 'failure' in set ? { failure: `its keys at ${uri.slice(0, 200)}: ${set.failure}` } : set
}

async function readDocument(uri: string, fetch: KeyFetch, signal: AbortSignal) {
  const read = await readJson(uri, fetch, signal)
  if ('failure' in read) return read
  const { value } = read
  return value === undefined ? { failure: 'it is no JSON object', status: 200 } : { value }
}

/** Appended to the path, as OpenID Connect has it; and inserted before it, as RFC 8414 has it. */
function documentsOf(issuer: string): readonly string[] {
  const bare = issuer.replace(/\/$/, '')
  const [, origin = bare, path = ''] = /^([a-z]+:\/\/[^/]+)(.*)$/i.exec(bare) ?? []
  return [`${bare}/.well-known/openid-configuration`, `${origin}/.well-known/oauth-authorization-server${path}`]
}

function isAsSafe(uri: string, issuer: string): boolean {
  return uri.startsWith('https://') || (uri.startsWith('http://') && issuer.startsWith('http://'))
}
