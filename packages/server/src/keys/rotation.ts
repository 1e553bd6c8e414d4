import { listSigningKeys, retireSigningKey, type StoredSigningKey } from '../store/signing-keys.ts'
import { type Actor, type Change, HOST_ACTOR, type Store } from '../store/store.ts'
import type { Seal } from './seal.ts'
import { makeSigningKey } from './signing-key.ts'

/**
 * How long a key is published before it signs. Caches keep our key set for a minute and libraries often for ten: whoever
 * follows either knows the key by then.
 */
export const PUBLISH_LEAD_SECONDS = 600

/** The longest life of a token (a day), and an hour for clocks that differ: then nothing it signed is alive. */
export const RETIRE_AFTER_SECONDS = 86_400 + 3600

const DAY_SECONDS = 86_400

export type KeyMaintenance = {
  readonly store: Store
  readonly seal: Seal
  /** Runs one change, and returns when this node has taken it over. */
  readonly change: <T>(actor: Actor, work: (change: Change) => Promise<T>) => Promise<T>
  /** null: only by hand. */
  readonly rotationDays: number | null
}

/**
 * Publishes a key now that signs after the lead; the one before it signs until then and stays published until nothing
 * that it signed can be alive. Is a successor waiting already, that one is the answer.
 */
export async function rotateSigningKey(running: Change, seal: Seal): Promise<{ kid: string; activeFrom: Date }> {
  const [newest] = await listSigningKeys(running.db)
  if (newest !== undefined && newest.activeFrom > running.now) return newest
  const activeFrom = after(running.now, PUBLISH_LEAD_SECONDS)
  return { kid: await makeSigningKey(running, seal, activeFrom), activeFrom }
}

/**
 * Makes a key that signs from now on, and takes all others out of use at once: whatever they signed is refused from the
 * next request on. For a key that leaked, whose finder would sign what they like as long as it is believed.
 *
 * @returns The id of the new one.
 */
export async function replaceSigningKeys(running: Change, seal: Seal): Promise<string> {
  const leaked = await listSigningKeys(running.db)
  const kid = await makeSigningKey(running, seal, running.now)
  for (const key of leaked) await retire(running, key.kid)
  return kid
}

/** When a key is taken out of use, once it has a successor; undefined: it has none. `keys`: the one that signs last first. */
export function retiresAt(key: StoredSigningKey, keys: readonly StoredSigningKey[]): Date | undefined {
  const successor = keys[keys.findIndex(({ kid }) => kid === key.kid) - 1]
  return successor && after(successor.activeFrom, RETIRE_AFTER_SECONDS)
}

/** Rotates and retires what is due. Begins no change when nothing is: each node asks once a minute. */
export async function maintainSigningKeys({ store, seal, change, rotationDays }: KeyMaintenance): Promise<void> {
  const due = (keys: readonly StoredSigningKey[], now: Date) => ({
    rotation: rotationDays !== null && isRotationDue(keys, rotationDays, now),
    retired: keys.filter((key) => (retiresAt(key, keys) ?? NEVER) <= now),
  })
  const seen = due(await listSigningKeys(store.reader), store.clock())
  if (!seen.rotation && seen.retired.length === 0) return
  await change(HOST_ACTOR, async (running) => {
    // Another node may have done it meanwhile.
    const { rotation, retired } = due(await listSigningKeys(running.db), running.now)
    for (const { kid } of retired) await retire(running, kid)
    if (rotation) await rotateSigningKey(running, seal)
  })
}

async function retire(running: Change, kid: string): Promise<void> {
  await retireSigningKey(running, kid)
  await running.record('signing_key.retire', 'signing_key', kid)
}

const NEVER = new Date(8_640_000_000_000_000)

/** So that the successor begins to sign when the present one has done so for that long. */
function isRotationDue([newest]: readonly StoredSigningKey[], rotationDays: number, now: Date): boolean {
  if (newest === undefined) return true
  return after(newest.activeFrom, rotationDays * DAY_SECONDS - PUBLISH_LEAD_SECONDS) <= now
}

function after(moment: Date, seconds: number): Date {
  return new Date(moment.getTime() + seconds * 1000)
}
