import {
  ACCESS_TOKEN_TYP,
  deny,
  formatCredential,
  formatNetwork,
  heldByBoth,
  hintOf,
  MAX_JWT_LENGTH,
  reachAtAnyProject,
  writeAccessTokenClaims,
} from '@countersign/resource-server'
import type { KnownCaller } from '../authentication/known-credentials.ts'
import { refText } from '../domain/credential.ts'
import { makeId } from '../domain/ids.ts'
import { newCredential } from '../domain/new-credential.ts'
import { insertAccessToken } from '../store/credentials.ts'
import { toDate, toSeconds } from '../store/store.ts'
import type { OAuthDeps } from './deps.ts'
import type { OAuthDenied } from './error-response.ts'

export type IssuedAccessToken = { readonly text: string; readonly expiresInSeconds: number }

export type TokenOrder = {
  /** Whom it stands for, at the resource that it is for. */
  readonly caller: KnownCaller
  readonly clientId: string
  readonly scopes: readonly string[]
  /** What it dies with beside what mints it. */
  readonly workload: readonly string[]
  /** As long as the client may have one; null: as the resource says. */
  readonly maxTtlSeconds: number | null
  readonly now: Date
}

/**
 * Makes an access token: as the resource wants it, a JWT (RFC 9068) of which no record is kept, or an opaque one.
 *
 * Security: it reaches no further and lives no longer than what mints it, and names that as its ancestor, so that it
 * dies with it. It counts as made by the next change: whatever is revoked after its rights were judged goes through it.
 * Read the revision before the first `await`.
 */
export async function issueAccessToken(order: TokenOrder, deps: OAuthDeps): Promise<IssuedAccessToken | OAuthDenied> {
  const { caller, clientId, scopes, workload, maxTtlSeconds } = order
  const { resource } = caller
  const { stored } = caller.known
  const { owner } = stored
  if (owner.kind === 'workload') throw new Error('a workload gets no tokens of its own')
  const iat = toSeconds(order.now)
  const ttlSeconds = Math.min(resource.accessToken.ttlSeconds, maxTtlSeconds ?? Number.POSITIVE_INFINITY)
  const exp = Math.min(
    iat + ttlSeconds,
    stored.expiresAt === null ? Number.POSITIVE_INFINITY : toSeconds(stored.expiresAt),
  )
  if (exp <= iat) return deny('credential_expired', { expired_at: toDate(exp).toISOString() })
  const id = makeId('at', order.now, deps.random)
  const revision = deps.directory.revision + 1
  const ancestors = [stored.id, ...stored.ancestors, ...workload]
  const expiresInSeconds = exp - iat

  if (resource.accessToken.format === 'jwt') {
    const permitted = permittedProjects(caller, scopes)
    const networks = networksOf(caller)
    if (networks === undefined) return deny('credential_network_refused', { of: 'owner' })
    const claims = writeAccessTokenClaims(
      {
        jti: id,
        subject: refText(owner),
        clientId,
        audience: resource.identifier,
        resource: resource.name,
        scopes,
        projects: stored.narrowing.projects,
        ...(permitted !== null && { permittedProjects: permitted }),
        networks,
        issuedAt: toDate(iat),
        expiresAt: toDate(exp),
        ancestors,
        revision,
      },
      deps.issuer,
    )
    const text = deps.keys.signJwt(ACCESS_TOKEN_TYP, claims, order.now)
    return text.length > MAX_JWT_LENGTH ? tooLong() : { text, expiresInSeconds }
  }

  const text = formatCredential('at', deps.random(32))
  const making = { now: order.now, revision, actor: { by: refText(owner) } }
  const credential = newCredential(making, {
    id,
    kind: 'at',
    owner,
    name: '',
    hint: hintOf(text),
    narrowing: { resources: [resource.name], scopes, projects: stored.narrowing.projects },
    audience: resource.identifier,
    networks: stored.networks,
    networkTexts: stored.networkTexts,
    expiresAt: toDate(exp),
    ancestors,
  })
  const kept = { credential, digest: deps.sha256Hex(text) }
  await insertAccessToken(deps.store, kept)
  deps.expect(kept.digest)
  return { text, expiresInSeconds }
}

/**
 * What whoever checks the token offline cannot ask: in which projects its owner's permissions give all of these scopes;
 * null: in all. Security: a scope that holds in some of them alone would be taken for one that holds in each.
 */
function permittedProjects({ grant }: KnownCaller, scopes: readonly string[]): readonly string[] | null {
  if (grant === undefined) return []
  if (grant.confined.length === 0) return null
  const reach = reachAtAnyProject(grant, { scopes, roles: [] })
  return reach === undefined ? [] : reach.projects
}

/**
 * Where it may be used from: what whoever checks the token offline would not know of its owner stands in it too.
 * Undefined: nowhere, which is not to be taken for a list that names nothing.
 */
function networksOf({ known, owner }: KnownCaller): readonly string[] | undefined {
  const { networks, networkTexts } = known.stored
  if (owner === undefined || owner.networks.length === 0) return networkTexts
  const both = networks.length === 0 ? owner.networks : heldByBoth(networks, owner.networks)
  return both.length === 0 ? undefined : both.map(formatNetwork)
}

/** Nobody would believe it: said to the client now, it does not have to be guessed from refusals later. */
function tooLong(): OAuthDenied {
  const says = `A token with these would be longer than ${MAX_JWT_LENGTH} characters. Ask for fewer, or have the resource issue opaque tokens.`
  return { ...deny('scope_refused', { because: 'too long' }), says }
}
