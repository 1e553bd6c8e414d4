// The keys that an application gives to its own users, kept in its own store.

import { errorName } from './error-name.ts'
import { parseNetwork } from './networks.ts'
import { BUILT_IN_GROUP, type Principal } from './principal.ts'
import { grantFrom, type Resolve, type ResourceScopes } from './protect-believed.ts'
import type { NoteFault } from './protect-faults.ts'
import { type Denied, deny } from './refusals.ts'

/** A key as the application keeps it: never its text. */
export type OwnCredential = {
  /** Public id: for logs, and for whoever revokes it. */
  readonly id: string
  /** Id of its owner. */
  readonly owner: string
  /** What it is narrowed to; null: whatever its owner may do. */
  readonly scopes: readonly string[] | null
  readonly projects: readonly string[] | null
  readonly notBefore?: Date | null
  /** null: never. */
  readonly expiresAt: Date | null
  /** null: it is not revoked. */
  readonly revokedAt: Date | null
  /** Where it may be used from (CIDR); absent or empty: anywhere. */
  readonly networks?: readonly string[]
}

/** Whoever a key belongs to, as things are now. Without a role and a scope it reaches nothing. */
export type OwnOwner = {
  readonly kind: 'user' | 'client'
  readonly id: string
  readonly name: string
  readonly email?: string | undefined
  readonly disabled: boolean
  /**
   * Each key brings them along whole, whatever scopes it is narrowed to: for a key that may only read, give what the roles
   * are worth as `scopes`, and no role.
   */
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
}

type Found<Row> = Row | undefined | Promise<Row | undefined>

export type OwnStoreOptions = {
  /** Finds a key, whatever its state, by the SHA-256 of its whole text in hexadecimal. */
  readonly findCredential: (digest: string) => Found<OwnCredential>
  readonly findOwner: (id: string) => Found<OwnOwner>
  /** What the application's keys begin with: `acme_`. Either this or `recognise`. */
  readonly prefix?: string
  /** Says by its form alone whether a text could be one of them. */
  readonly recognise?: (text: string) => boolean
}

/** Believes the application's own keys. What they may do is what their owner may do now, and no more than they say. */
export function ownStore(store: OwnStoreOptions, resource: ResourceScopes, noteFault: NoteFault): Resolve {
  const asked = askedBy(noteFault)
  return async ({ digest }) => {
    const credential = await asked(() => store.findCredential(digest))
    if (credential === undefined) return deny('credential_unknown')
    if (isOutage(credential)) return credential.outage
    const unreadable = whyUnreadable(credential)
    if (unreadable !== undefined) return refused(unreadable)
    const owner = await asked(() => store.findOwner(credential.owner))
    if (owner !== undefined && isOutage(owner)) return owner.outage
    if (owner === undefined) return deny('owner_missing', { credential: credential.id })
    const unreadableOwner = whyUnreadableOwner(owner)
    if (unreadableOwner !== undefined) return refused(unreadableOwner)

    const { id, scopes, projects, notBefore = null, expiresAt, revokedAt } = credential
    const networks = (credential.networks ?? []).map(parseNetwork)
    if (!networks.every((network) => network !== undefined)) return refused('networks (expected CIDR, as 10.0.0.0/8)')
    const narrowing = { resources: null, scopes, projects }
    return {
      kind: 'own',
      client: owner.kind === 'client' ? owner.id : undefined,
      caller: {
        principal: principalBy(owner),
        credential: { id, notBefore, expiresAt, narrowing, audience: null, networks },
        revocation: revokedAt === null ? undefined : { at: revokedAt, by: 'the application', reason: null, of: id },
        owner: { disabled: owner.disabled, networks: [] },
        groups: new Set([BUILT_IN_GROUP[owner.kind]]),
        grant: grantFrom({ roles: owner.roles, scopes: owner.scopes, projects: null }, narrowing, resource),
      },
    }
  }
}

function principalBy({ kind, id, name, email }: OwnOwner): Principal {
  return kind === 'user' ? { kind, id, name, email } : { kind, id, name }
}

type Outage = { readonly outage: Denied }

/** Security: what a database says when it fails may hold what it was asked, so none of it is told. */
function askedBy(noteFault: NoteFault): <Row>(ask: () => Found<Row>) => Promise<Row | undefined | Outage> {
  return async (ask) => {
    try {
      const found = await ask()
      noteFault(undefined)
      // Stores answer null where there is nothing.
      return found ?? undefined
    } catch (error) {
      noteFault(`it failed (${errorName(error)})`)
      return { outage: deny('store_unavailable', { of: 'store', because: 'the store of the application failed' }) }
    }
  }
}

function isOutage(found: object): found is Outage {
  return 'outage' in found
}

/** Security: a column that was not selected must not make a key that never ends, so a record that is none is a fault. */
function refused(member: string): Denied {
  return deny('internal_error', { of: 'store', because: `the store answered an unexpected ${member}` })
}

/** Which member of the record is not what was promised. */
function whyUnreadable(credential: OwnCredential): string | undefined {
  const { id, owner, scopes, projects, notBefore, expiresAt, revokedAt, networks } = credential
  if (!isText(id)) return 'id (expected a text)'
  if (!isText(owner)) return 'owner (expected a text)'
  if (scopes !== null && !areTexts(scopes)) return 'scopes (expected a list of texts, or null)'
  if (projects !== null && !areTexts(projects)) return 'projects (expected a list of texts, or null)'
  if (notBefore !== undefined && notBefore !== null && !isDate(notBefore)) return 'notBefore (expected a Date, or null)'
  if (expiresAt !== null && !isDate(expiresAt)) return 'expiresAt (expected a Date, or null)'
  if (revokedAt !== null && !isDate(revokedAt)) return 'revokedAt (expected a Date, or null)'
  return networks === undefined || areTexts(networks) ? undefined : 'networks (expected a list of texts)'
}

function whyUnreadableOwner({ kind, id, name, email, disabled, roles, scopes }: OwnOwner): string | undefined {
  if (kind !== 'user' && kind !== 'client') return 'kind of the owner (expected "user" or "client")'
  if (!isText(id)) return 'id of the owner (expected a text)'
  if (!isText(name)) return 'name of the owner (expected a text)'
  if (email !== undefined && typeof email !== 'string') return 'email of the owner (expected a text, or none)'
  if (typeof disabled !== 'boolean') return 'disabled of the owner (expected a boolean)'
  if (!areTexts(roles)) return 'roles of the owner (expected a list of texts)'
  return areTexts(scopes) ? undefined : 'scopes of the owner (expected a list of texts)'
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const areTexts = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === 'string')
const isDate = (value: unknown): boolean => value instanceof Date && Number.isFinite(value.getTime())
