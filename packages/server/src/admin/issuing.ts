import type { IssuedKey, IssuedSecret, IssuedToken, NewKey, NewSecret, NewToken } from '@countersign/admin-api'
import { expandScopes, formatCredential, hintOf, MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import { holdersFor, type OwnerRef, refText, type StoredCredential } from '../domain/credential.ts'
import { makeId } from '../domain/ids.ts'
import type { Resource } from '../domain/resource.ts'
import { findCredential } from '../store/credentials.ts'
import { findOwner } from '../store/owners.ts'
import { listPermissions } from '../store/permissions.ts'
import { listResources } from '../store/resources.ts'
import type { Db } from '../store/store.ts'
import { requireOwner } from './credentials.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { defaultExpiry, expiryAsked, latestExpiry, toWholeSeconds } from './expiry.ts'
import { earlier, inherit, type Reach } from './minting.ts'
import { allOf, rejectedField, rejectedFields } from './problem.ts'
import { requireNetworks, requireResources } from './references.ts'
import { toCredential } from './wire.ts'
import { write } from './write.ts'

/** Kinds that are made by a call of the management API: a client's keys and secrets, a user's personal access tokens. */
export type MadeKind = 'key' | 'pat' | 'secret'

type Wanted = NewKey | NewSecret | NewToken

/** Makes an API key of a client. The answer alone holds it. */
export async function createKey(deps: AdminDeps, by: Authorized, client: string, body: NewKey): Promise<IssuedKey> {
  const { stored, text } = await issue(deps, by, { kind: 'key', owner: { kind: 'client', id: client }, body })
  return { ...toCredential(stored, deps), key: text }
}

/** Makes a secret by which a client authenticates at the token endpoint. The answer alone holds it. */
export async function createSecret(
  deps: AdminDeps,
  by: Authorized,
  client: string,
  body: NewSecret,
): Promise<IssuedSecret> {
  const { stored, text } = await issue(deps, by, { kind: 'secret', owner: { kind: 'client', id: client }, body })
  return { ...toCredential(stored, deps), secret: text }
}

/** Makes a personal access token of a user. The answer alone holds it. */
export async function createToken(deps: AdminDeps, by: Authorized, user: string, body: NewToken): Promise<IssuedToken> {
  const { stored, text } = await issue(deps, by, { kind: 'pat', owner: { kind: 'user', id: user }, body })
  return { ...toCredential(stored, deps), token: text }
}

type Order = { readonly kind: MadeKind; readonly owner: OwnerRef; readonly body: Wanted }

async function issue(deps: AdminDeps, by: Authorized, { kind, owner, body }: Order) {
  const { text, digest, hint } = makeSecret(kind, deps)
  const stored = await write(deps, by, async ({ db, now, credentials }) => {
    await requireOwner(db, owner)
    credentials.requireMayAsk({ kind, owner }, body.resources)
    const reach = await reachAsked(deps, by, { kind, owner, body }, db, now)
    const id = makeId(kind, now, deps.store.random)
    const named = { id, kind, owner, name: body.name ?? '', hint, family: id, importedFrom: null, managedBy: null }
    await credentials.insert({ ...reach, ...named, notBefore: notBeforeAsked(body, reach.expiresAt) }, digest)
    return findCredential(db, id)
  })
  return { stored: requireWritten(stored), text }
}

/** How far the credential shall reach: as the body says, and what it leaves out as its owner, or whoever mints for itself. */
export async function reachAsked(
  deps: AdminDeps,
  by: Authorized,
  { kind, owner, body }: Order,
  db: Db,
  now: Date,
): Promise<Reach> {
  const presented = by.caller.known.stored
  const [narrowing, networks, expiry] = await allOf([
    () => narrowingAsked(body, db, deps),
    () => requireNetworks(body.networks ?? []),
    () => expiryAsked(body, now, kind, deps),
  ])
  const asked = { narrowing, ...networks, ...expiry }
  const reach: Reach = refText(owner) === refText(presented.owner) ? inherit(asked, presented) : asked
  if (body.scopes !== undefined) await requireDeclared(body.scopes, reach.narrowing.resources, owner, db, deps)
  const usual = asked.expiresAt === null ? defaultExpiry(now, kind, deps) : null
  return { ...reach, expiresAt: earlier(earlier(reach.expiresAt, usual), latestExpiry(now, kind, deps)) }
}

function notBeforeAsked({ not_before }: Wanted, expiresAt: Date | null): Date | null {
  if (not_before === undefined) return null
  const notBefore = toWholeSeconds(new Date(not_before))
  if (expiresAt !== null && notBefore >= expiresAt) {
    throw rejectedField('not_before', `expected a time before the end of its life (${expiresAt.toISOString()})`)
  }
  return notBefore
}

/** A new credential, what may be kept of it, and what may be shown of it later. */
export function makeSecret(kind: MadeKind, { store, sha256Hex }: AdminDeps) {
  const text = formatCredential(kind, store.random(32))
  return { text, digest: sha256Hex(text), hint: hintOf(text) }
}

export function requireWritten(stored: StoredCredential | undefined): StoredCredential {
  if (stored === undefined) throw new Error('what was just written is not there')
  return stored
}

async function narrowingAsked(body: Wanted, db: Db, deps: AdminDeps): Promise<Reach['narrowing']> {
  const { resources, scopes, projects } = body
  if (resources !== undefined) await requireResources(db, deps, resources, (index) => `resources[${index}]`)
  if (projects !== undefined && resources?.includes(MANAGEMENT_RESOURCE)) {
    throw rejectedField('projects', `${MANAGEMENT_RESOURCE} has no projects`)
  }
  return { resources: unique(resources), scopes: unique(scopes), projects: unique(projects) }
}

/** A scope that nothing within reach declares narrows the credential to nothing there. */
async function requireDeclared(
  scopes: readonly string[],
  resources: readonly string[] | null,
  owner: OwnerRef,
  db: Db,
  deps: AdminDeps,
): Promise<void> {
  const { management } = deps.directory
  const reached = resources === null ? await resourcesOf(owner, db) : await listResources(db, resources)
  if (resources?.includes(management.name)) reached.push(management)
  const declared = new Set(reached.flatMap((resource) => resource.scopes))
  const where = resources === null ? `any resource of ${owner.id}` : resources.join(', ')
  const known = declared.size === 0 ? 'none' : [...declared].join(', ')
  const problems = scopes.flatMap((scope, index) => {
    const message = `is no scope of ${where}; declared there: ${known}`
    return expandScopes([scope], declared).size > 0 ? [] : [{ path: `scopes[${index}]`, message }]
  })
  if (problems.length > 0) throw rejectedFields(problems)
}

/** What an un-narrowed credential of this owner reaches now: all but the management API, which has to be named. */
async function resourcesOf(owner: OwnerRef, db: Db): Promise<Resource[]> {
  const groups = (await findOwner(db, owner))?.groups ?? []
  const holders = holdersFor(owner, groups)
  const held = await Promise.all(holders.map((holder) => listPermissions(db, { holder })))
  const names = new Set(held.flat().map(({ resource }) => resource))
  return names.size === 0 ? [] : listResources(db, [...names])
}

function unique(list: readonly string[] | undefined): readonly string[] | null {
  return list === undefined ? null : [...new Set(list)]
}
