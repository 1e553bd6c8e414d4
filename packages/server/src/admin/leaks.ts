import type { LeakAnswer, LeakReport } from '@countersign/admin-api'
import { REFUSALS } from '@countersign/resource-server'
import { KnownCredential } from '../authentication/known-credentials.ts'
import { BOOTSTRAP_CLIENT } from '../domain/client.ts'
import type { BelievedCredential } from '../domain/credential.ts'
import { findClient, updateClient } from '../store/clients.ts'
import { findCredential } from '../store/credentials.ts'
import { isOver } from '../store/revocation.ts'
import type { Actor, Change } from '../store/store.ts'
import type { AdminDeps } from './deps.ts'
import { keptText } from './kept-text.ts'
import { Rejected } from './problem.ts'
import { revokeWithDescendants } from './revocation.ts'

const REPORT: Actor = { by: 'leak-report', credential: null }
const UNKNOWN: LeakAnswer = { outcome: 'unknown', id: null }

/**
 * Revokes a credential that leaked, with everything that it minted; disables the client of a bootstrap key.
 *
 * Security: neither an access rule nor the guard is asked. Whoever sends a credential has it, and so could do with it
 * whatever it may: to have it revoked is less than that, and it is what its owner would want. So possession is the
 * right, whoever the owner is, though nobody with role admin be left: `countersign admin-key` on the host remains.
 * All that happens here happens to what was sent whole, and to its descendants; nothing else can be named. What is sent
 * goes the way of a presented credential: no look-up before its form is right, few look-ups at a time, then 503.
 */
export async function reportLeak(deps: AdminDeps, { credential, found_at }: LeakReport): Promise<LeakAnswer> {
  const found = await deps.recogniseLeaked(credential)?.(credential)
  if (found === undefined) return UNKNOWN
  if (!(found instanceof KnownCredential)) {
    if (REFUSALS[found.code].status < 500) return UNKNOWN
    throw new Rejected(found.code, 'Whether it is known here cannot be told right now. Report it again in a moment.')
  }
  const { stored } = found
  // Where something was found is often an address that holds it.
  const foundAt = found_at && keptText(deps, found_at.replaceAll(credential, '…'))
  if (stored.kind === 'bootstrap') return disableBootstrap(deps, foundAt)
  // Not even a change is begun for what is dead: else one dead credential were enough to keep all nodes busy.
  const isRevoked = stored.revokedAt !== null || deps.directory.lineThrough(`credential:${stored.id}`) !== undefined
  if (isRevoked || isOver(stored, deps.store.clock())) return { outcome: 'dead', id: stored.id }
  const revoking = deps.revocations.run(stored, () =>
    deps.change(REPORT, (change) => revokeLeaked(change, stored, foundAt)),
  )
  if (typeof revoking === 'number') throw throttled(revoking)
  return { outcome: (await revoking) ? 'revoked' : 'dead', id: stored.id }
}

function throttled(waitMs: number): Rejected {
  const detail = 'Too many access tokens of its owner are being revoked: it still lives. Report it again in a moment.'
  return new Rejected('revocations_throttled', detail, undefined, { 'Retry-After': String(Math.ceil(waitMs / 1000)) })
}

async function revokeLeaked(change: Change, found: BelievedCredential, foundAt: string | undefined): Promise<boolean> {
  // An access token that is a JWT has no record: what it says of itself is all there is.
  const credential = (await findCredential(change.db, found.id)) ?? found
  const reason = foundAt === undefined ? 'leaked' : `leaked: ${foundAt}`
  return revokeWithDescendants(change, credential, reason, detailOf(foundAt))
}

async function disableBootstrap(deps: AdminDeps, foundAt: string | undefined): Promise<LeakAnswer> {
  const owner = { kind: 'client', id: BOOTSTRAP_CLIENT } as const
  if (deps.directory.owner(owner)?.disabled) return { outcome: 'dead', id: BOOTSTRAP_CLIENT }
  const wasLive = await deps.change(REPORT, async (change) => {
    const client = await findClient(change.db, BOOTSTRAP_CLIENT)
    if (client === undefined || client.disabled) return false
    await updateClient(change, { ...client, disabled: true })
    const detail = { fields: ['disabled'], disabled: true, ...detailOf(foundAt) }
    await change.record('client.change', 'client', BOOTSTRAP_CLIENT, detail)
    return true
  })
  return { outcome: wasLive ? 'revoked' : 'dead', id: BOOTSTRAP_CLIENT }
}

function detailOf(foundAt: string | undefined) {
  return { reason: 'leaked', ...(foundAt !== undefined && { found_at: foundAt }) }
}
