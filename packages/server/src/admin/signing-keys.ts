import type { Page, PageQuery, SigningKey, SigningKeyRotation } from '@countersign/admin-api'
import { retiresAt } from '../keys/rotation.ts'
import { findSigningKey, listSigningKeys, type StoredSigningKey } from '../store/signing-keys.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { Rejected } from './problem.ts'
import { pageOfAll } from './whole-list.ts'
import { write } from './write.ts'

/** The keys that are published, the one that signs last first. */
export async function pageOfKeys({ store }: AdminDeps, query: PageQuery): Promise<Page<SigningKey>> {
  const keys = described(await listSigningKeys(store.reader), store.clock())
  return pageOfAll(keys, query, (key) => `${key.active_from} ${key.created_at} ${key.kid}`, 'descending')
}

/** One key, also after it was retired: whoever finds a token can tell whether it was ours, and since when it is not. */
export async function requireSigningKey({ store }: AdminDeps, kid: string): Promise<SigningKey> {
  const known = await findSigningKey(store.reader, kid)
  if (known === undefined) {
    throw new Rejected(
      'not_found',
      'No key of this id ever signed here. GET /api/v1/signing-keys lists the published ones.',
    )
  }
  const published = described(await listSigningKeys(store.reader), store.clock()).find((key) => key.kid === kid)
  if (published !== undefined) return published
  return {
    ...{ kid, alg: 'ES256', state: 'retired' },
    created_at: known.createdAt.toISOString(),
    active_from: known.activeFrom.toISOString(),
    retires_at: known.retiredAt?.toISOString() ?? null,
  }
}

/** Publishes the key that signs next and answers when; or `now`, in place of all others. */
export async function rotateKeys(
  deps: AdminDeps,
  by: Authorized,
  { now: isReplacing }: SigningKeyRotation,
): Promise<SigningKey> {
  const { kid, keys, now } = await write(deps, by, async ({ db, now, signingKeys }) => {
    const kid = await (isReplacing ? signingKeys.replace() : signingKeys.rotate())
    return { kid, keys: await listSigningKeys(db), now }
  })
  const made = described(keys, now).find((key) => key.kid === kid)
  if (made === undefined) throw new Error('the key that was just published is not there')
  return made
}

function described(keys: readonly StoredSigningKey[], now: Date): SigningKey[] {
  // As `signJwt` of the key ring chooses: the oldest while the clock is behind them all.
  const active = keys.find(({ activeFrom }) => activeFrom <= now) ?? keys.at(-1)
  return keys.map((key) => ({
    kid: key.kid,
    alg: 'ES256',
    state: key === active ? 'active' : key.activeFrom > now ? 'published' : 'retiring',
    created_at: key.createdAt.toISOString(),
    active_from: key.activeFrom.toISOString(),
    retires_at: retiresAt(key, keys)?.toISOString() ?? null,
  }))
}
