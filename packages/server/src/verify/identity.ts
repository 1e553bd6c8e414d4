import { type Allowed, ASSERTION_TYP, type Denied, deny, type Principal } from '@countersign/resource-server'
import { groupsOf, type KnownCaller } from '../authentication/known-credentials.ts'
import type { Resource } from '../domain/resource.ts'
import type { KeyRing } from '../keys/key-ring.ts'

/** What the upstream is told, written once for a caller's rights at a resource and revision. */
export type Identity = {
  /** All identity headers, never one of them empty, and `Cache-Control`. */
  readonly headers: Headers
  /** Past this moment it has to be written anew: its assertion would be too old. */
  readonly freshUntil: Date
  readonly writtenAt: Date
}

export type IdentityDeps = {
  readonly keys: Pick<KeyRing, 'signJwt'>
  /** The public URL: `iss` of assertions. */
  readonly issuer: string
  /** Host of the public URL, for the mail addresses of those who have none. */
  readonly issuerHost: string
  readonly sha256Hex: (text: string) => string
}

const ASSERTION_LIFE_MS = 60_000
/** An upstream gets an assertion that lives at least this long, or as long as the credential. */
const RENEW_BEFORE_MS = 30_000
/** nginx keeps response headers in a buffer of 4 KiB. */
const MAX_HEADER_BYTES = 3500
const MAX_SHARED_TEXTS = 1000
const NONE = 'none'

/**
 * Writes who passes: the identity headers, and the same facts signed.
 *
 * Security: every header is sent on every answer and none is empty: a header that is missing is one that the
 * client's own may stand in for.
 */
export class Identities {
  readonly #anonymous = new WeakMap<Resource, Identity>()
  /** One copy of what many identities say: a thousand copies would push each other out of the CPU's caches. */
  readonly #shared = new Map<string, string>()

  constructor(private readonly deps: IdentityDeps) {}

  identityOf(allowed: Allowed, caller: KnownCaller | undefined, resource: Resource, now: Date): Identity | Denied {
    const remembered =
      caller === undefined
        ? this.#anonymous.get(resource)
        : (caller.identities.get(allowed.rights) as Identity | undefined)
    // From when it was written: should the clock have gone back, an old assertion would live too long.
    if (remembered !== undefined && isFresh(remembered, now)) return remembered
    const identity = this.#write(allowed, caller, resource, now)
    if (!('headers' in identity)) return identity
    if (caller === undefined) this.#anonymous.set(resource, identity)
    else caller.identities.set(allowed.rights, identity)
    return identity
  }

  #write(allowed: Allowed, caller: KnownCaller | undefined, resource: Resource, now: Date): Identity | Denied {
    const facts = this.#factsOf(allowed, caller)
    const endsAtMs = Math.min(
      now.getTime() + ASSERTION_LIFE_MS,
      caller?.credential.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
    )
    facts['Countersign-Assertion'] = this.#assertion(allowed, caller, resource, now, endsAtMs)
    for (const [alias, name] of Object.entries(resource.headers)) facts[alias] = facts[name] ?? NONE
    let bytes = 0
    for (const [name, value] of Object.entries(facts)) bytes += name.length + value.length + 4
    if (bytes > MAX_HEADER_BYTES) return deny('identity_too_large', { bytes, most: MAX_HEADER_BYTES })
    facts['Cache-Control'] = 'no-store'
    return {
      headers: new Headers(facts),
      writtenAt: now,
      freshUntil: new Date(Math.min(endsAtMs, now.getTime() + RENEW_BEFORE_MS)),
    }
  }

  #factsOf(allowed: Allowed, caller: KnownCaller | undefined): Record<string, string> {
    const { principal } = allowed
    if (principal.kind === 'anonymous' || caller === undefined) {
      return {
        'Remote-User': 'anonymous',
        'Remote-Name': 'anonymous',
        'Remote-Email': 'anonymous',
        'Remote-Groups': 'anonymous',
        'Remote-Principal': 'anonymous',
        'Remote-Client': NONE,
        'Remote-Roles': NONE,
        'Remote-Scopes': NONE,
        'Remote-Project': NONE,
        'Remote-Credential': NONE,
        'Countersign-Expires': NONE,
      }
    }
    return {
      'Remote-User': subjectOf(principal),
      'Remote-Name': encodeValue(nameOf(principal)),
      'Remote-Email': this.#emailOf(principal),
      'Remote-Groups': this.#share(encodeList(groupsOf(caller))),
      'Remote-Principal': principal.kind,
      'Remote-Client': principal.kind === 'client' ? principal.id : NONE,
      'Remote-Roles': this.#share(encodeList([...allowed.rights.roles].sort())),
      'Remote-Scopes': this.#share(encodeList([...allowed.rights.scopes].sort())),
      'Remote-Project': allowed.projects === null ? '*' : encodeList(allowed.projects),
      'Remote-Credential': principal.kind === 'workload' ? 'jwt' : caller.credential.id,
      'Countersign-Expires': endOf(caller.credential.expiresAt),
    }
  }

  #share(text: string): string {
    const shared = this.#shared.get(text)
    if (shared !== undefined) return shared
    if (this.#shared.size >= MAX_SHARED_TEXTS) this.#shared.clear()
    this.#shared.set(text, text)
    return text
  }

  #emailOf(principal: Exclude<Principal, { kind: 'anonymous' }>): string {
    if (principal.kind === 'user' && principal.email !== undefined) return encodeValue(principal.email)
    // What a subject holds may be no part of an address.
    const local =
      principal.kind === 'workload' ? this.deps.sha256Hex(principal.id).slice(0, 32) : encodeURIComponent(principal.id)
    return `${local}@${principal.kind}s.${this.deps.issuerHost}`
  }

  /** Proves who passes and with which rights, to whoever trusts our keys. It does not prove which request. */
  #assertion(allowed: Allowed, caller: KnownCaller | undefined, resource: Resource, now: Date, endsAtMs: number) {
    const { principal, rights } = allowed
    const iat = Math.floor(now.getTime() / 1000)
    const claims = {
      iss: this.deps.issuer,
      aud: resource.identifier,
      sub: principal.kind === 'anonymous' ? 'anonymous' : subjectOf(principal),
      iat,
      exp: Math.max(Math.floor(endsAtMs / 1000), iat + 1),
      principal: principal.kind,
      ...(principal.kind === 'client' && { client_id: principal.id }),
      ...(principal.kind === 'user' && principal.email !== undefined && { email: principal.email }),
      ...(caller !== undefined && {
        name: nameOf(caller.principal),
        groups: groupsOf(caller),
        roles: [...rights.roles].sort(),
        scope: [...rights.scopes].sort().join(' '),
        projects: allowed.projects,
        credential: caller.credential.id,
      }),
    }
    return this.deps.keys.signJwt(ASSERTION_TYP, claims, now)
  }
}

function isFresh({ writtenAt, freshUntil }: Identity, now: Date): boolean {
  const nowMs = now.getTime()
  return nowMs >= writtenAt.getTime() && nowMs < freshUntil.getTime()
}

/** `client:canister`, `alice`, `workload:<issuer>:<sub>`: how `Remote-User` and `sub` name a principal. */
export function subjectOf(principal: Principal): string {
  switch (principal.kind) {
    case 'user':
      return encodeValue(principal.id)
    case 'client':
      return `client:${principal.id}`
    case 'workload':
      return `workload:${principal.issuer}:${encodeValue(principal.subject).replaceAll('/', '%2F')}`
    case 'anonymous':
      return 'anonymous'
  }
}

function nameOf(principal: Principal): string {
  if (principal.kind === 'workload') return principal.subject
  if (principal.kind === 'anonymous') return 'anonymous'
  return principal.name === '' ? principal.id : principal.name
}

/** `2030-01-31T12:00:00Z`: as an ISO 8601 instant in UTC and in seconds. */
function endOf(expiresAt: Date | null): string {
  return expiresAt === null ? 'never' : expiresAt.toISOString().replace(/\.\d+Z$/, 'Z')
}

/** Every byte outside printable ASCII, and `%`, as `%XX`: a header value that no proxy reads in two ways. */
export function encodeValue(text: string): string {
  let encoded = ''
  for (const byte of new TextEncoder().encode(text)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  // A value that begins or ends with a space loses it on the way.
  return encoded.replace(/^ | $/g, '%20')
}

function encodeList(members: readonly string[]): string {
  return members.length === 0 ? NONE : members.map((member) => encodeValue(member).replaceAll(',', '%2C')).join(',')
}
