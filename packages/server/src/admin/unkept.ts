import type { OwnerRef } from '../domain/credential.ts'
import { idTime } from '../domain/ids.ts'
import { listClientsWithKey } from '../store/clients.ts'
import type { Db } from '../store/store.ts'

// What is revoked by its public id alone, since no record is kept of it.

const DAY_MS = 86_400_000
/** Nodes' clocks differ by no more. */
const SKEW_MS = 60_000
/** Tokens of other issuers, whose ids are made of what they say. */
const EXTERNAL = /^jwt_[0-9A-HJKMNP-TV-Z]{26}$/
const CLIENT_KEY = /^jwk_([A-Za-z0-9_-]{43})$/

/** `owners`: who may be altered by it; null: nobody can say. */
export type Unkept = { readonly owners: readonly OwnerRef[] | null }

/**
 * What an id can be that no record is kept of: an access token that is a JWT, or a key that a client has. Undefined: none,
 * or a token that has expired by now. Whether there ever was such a token, nobody can say.
 */
export async function findUnkept(db: Db, id: string, now: Date): Promise<Unkept | undefined> {
  const [, thumbprint] = CLIENT_KEY.exec(id) ?? []
  if (thumbprint !== undefined) return clientKey(db, thumbprint)
  if (EXTERNAL.test(id)) return { owners: null }
  const madeAt = id.startsWith('at_') ? idTime(id) : undefined
  if (madeAt === undefined || madeAt.getTime() > now.getTime() + SKEW_MS) return undefined
  // No access token lives longer.
  return madeAt.getTime() + DAY_MS + SKEW_MS < now.getTime() ? undefined : { owners: null }
}

/**
 * One that no client registers now may have been replaced after it leaked, while what it minted lives; or be among those
 * that some client publishes. Whose it is, nobody can say then.
 */
async function clientKey(db: Db, thumbprint: string): Promise<Unkept> {
  const { registered, isAnyElsewhere } = await listClientsWithKey(db, thumbprint)
  if (isAnyElsewhere || registered.length === 0) return { owners: null }
  return { owners: registered.map((id) => ({ kind: 'client', id }) as const) }
}
