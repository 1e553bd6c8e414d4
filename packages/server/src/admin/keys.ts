import type { IssuedKey, NewKey } from '@countersign/admin-api'
import { expandScopes, formatCredential, hintOf, MANAGEMENT_RESOURCE } from '@countersign/resource-server'
import type { Client } from '../domain/client.ts'
import { refText } from '../domain/credential.ts'
import { makeId } from '../domain/ids.ts'
import type { Resource } from '../domain/resource.ts'
import { findCredential } from '../store/credentials.ts'
import { listPermissions } from '../store/permissions.ts'
import { listResources } from '../store/resources.ts'
import type { Db } from '../store/store.ts'
import { requireClient } from './clients.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { expiryAsked, latestExpiry, toWholeSeconds } from './expiry.ts'
import { earlier, inherit, type Reach } from './minting.ts'
import { rejectedField, rejectedFields } from './problem.ts'
import { requireNetworks, requireResources } from './references.ts'
import { toCredential } from './wire.ts'
import { write } from './write.ts'

/** Makes an API key of a client. The answer alone holds it. */
export async function createKey(deps: AdminDeps, by: Authorized, clientId: string, body: NewKey): Promise<IssuedKey> {
  const secret = makeSecret(deps)
  const stored = await write(deps, by, async ({ db, now, credentials }) => {
    const client = await requireClient(db, clientId)
    const owner = { kind: 'client', id: client.id } as const
    const presented = by.caller.known.stored
    const isOwn = refText(owner) === refText(presented.owner)
    const asked = {
      narrowing: await narrowingAsked(body, db, deps),
      ...networksAsked(body),
      ...expiryAsked(body, now, deps),
    }
    const reach: Reach = isOwn ? inherit(asked, presented) : asked
    const expiresAt = earlier(reach.expiresAt, latestExpiry(now, deps))
    const notBefore = body.not_before === undefined ? null : toWholeSeconds(new Date(body.not_before))
    if (notBefore !== null && expiresAt !== null && notBefore >= expiresAt) {
      throw rejectedField('not_before', `expected a time before the key expires (${expiresAt.toISOString()})`)
    }
    if (body.scopes !== undefined) await requireDeclared(body.scopes, reach.narrowing.resources, client, db, deps)
    const id = makeId('key', now, deps.store.random)
    const { hint, digest } = secret
    const draft = {
      ...reach,
      expiresAt,
      notBefore,
      id,
      kind: 'key',
      owner,
      name: body.name ?? '',
      hint,
      family: id,
    } as const
    await credentials.insert(draft, digest)
    return findCredential(db, id)
  })
  if (stored === undefined) throw new Error('what was just written is not there')
  return { ...toCredential(stored, deps), key: secret.text }
}

/** A new key, what may be kept of it, and what may be shown of it later. */
export function makeSecret({ store, sha256Hex }: AdminDeps) {
  const text = formatCredential('key', store.random(32))
  return { text, digest: sha256Hex(text), hint: hintOf(text) }
}

async function narrowingAsked(body: NewKey, db: Db, deps: AdminDeps): Promise<Reach['narrowing']> {
  const { resources, scopes, projects } = body
  if (resources !== undefined) await requireResources(db, deps, resources, (index) => `resources[${index}]`)
  if (projects !== undefined && resources?.includes(MANAGEMENT_RESOURCE)) {
    throw rejectedField('projects', `${MANAGEMENT_RESOURCE} has no projects`)
  }
  return { resources: unique(resources), scopes: unique(scopes), projects: unique(projects) }
}

function networksAsked({ networks }: NewKey) {
  return requireNetworks(networks ?? [])
}

/** A scope that nothing within reach declares narrows the key to nothing there. */
async function requireDeclared(
  scopes: readonly string[],
  resources: readonly string[] | null,
  client: Client,
  db: Db,
  deps: AdminDeps,
): Promise<void> {
  const { management } = deps.directory
  const reached = resources === null ? await resourcesOf(client, db) : await listResources(db, resources)
  if (resources?.includes(management.name)) reached.push(management)
  const declared = new Set(reached.flatMap((resource) => resource.scopes))
  const where = resources === null ? `any resource of ${client.id}` : resources.join(', ')
  const known = declared.size === 0 ? 'none' : [...declared].join(', ')
  const problems = scopes.flatMap((scope, index) => {
    const message = `is no scope of ${where}; declared there: ${known}`
    return expandScopes([scope], declared).size > 0 ? [] : [{ path: `scopes[${index}]`, message }]
  })
  if (problems.length > 0) throw rejectedFields(problems)
}

/** What an un-narrowed key of this client reaches now: all but the management API, which has to be named. */
async function resourcesOf({ id, groups }: Client, db: Db): Promise<Resource[]> {
  const holders = [{ kind: 'client', id } as const, ...groups.map((group) => ({ kind: 'group', id: group }) as const)]
  const held = await Promise.all(holders.map((holder) => listPermissions(db, { holder })))
  const names = new Set(held.flat().map(({ resource }) => resource))
  return names.size === 0 ? [] : listResources(db, [...names])
}

function unique(list: readonly string[] | undefined): readonly string[] | null {
  return list === undefined ? null : [...new Set(list)]
}
