// Keys in every state of theirs and of what they belong to, and what finding that out costs.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { type Made, Stage } from './stage.ts'
import { altered, invented } from './vectors/credentials.ts'
import { bearer } from './vectors/vector.ts'
import { lookUpsIn, workOf } from './work.ts'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.close())

const asWith = (key: string) => ({ lines: [bearer(key)] })
const passes = (key: string) => stage.expect('OK', undefined, 'forward', asWith(key))
const isRefused = async (key: string, kind: 'T401' | 'S403' | 'F403', code: string) => {
  await stage.expect(kind, code, 'forward', asWith(key))
  await stage.expect(kind, code, 'nginx', asWith(key))
}
/** Keys that have been used: what is known of them is held in memory. */
const hotKey = async (body: Record<string, unknown> = {}): Promise<Made> => {
  const made = await stage.newKey('canister', body)
  await passes(made.key)
  return made
}

describe('what a bad key costs', () => {
  const cost = (key: string) => workOf(() => stage.ask('forward', asWith(key)))

  test('OPQ-01 a well-formed wrong key costs one digest and one look-up by digest, wherever it is wrong', async () => {
    for (const at of [0, 21, 42]) {
      const work = await cost(altered(stage.wallet.key, at))
      expect([work.digests, lookUpsIn(work), work.queries.length]).toEqual([1, 1, 1])
    }
  })

  test('OPQ-03 a mistyped key costs neither digest nor look-up', async () => {
    for (const key of [stage.wallet.key.slice(0, -1), `${stage.wallet.key}0`, 'cs_key_', `cs_key_${'_'.repeat(49)}`]) {
      expect(await cost(key)).toEqual({ digests: 0, queries: [] })
    }
  })

  test('OPQ-04 the same unknown key again and again costs one look-up', async () => {
    const work = await workOf(async () => {
      for (let i = 0; i < 200; i++) await stage.ask('forward', asWith(invented(1)))
    })
    expect(lookUpsIn(work)).toBe(1)
  })

  test('OPQ-04 a flood of unknown keys waits in a bounded queue, the rest is told to come back, good keys pass', async () => {
    const { key } = await hotKey()
    const flood = Array.from({ length: 1000 }, (_, i) => stage.ask('forward', asWith(invented(i))))
    const work = await workOf(() => passes(key))
    expect(lookUpsIn(work)).toBe(0)
    const statuses = new Set<number>()
    let looked = 0
    for (const answer of await Promise.all(flood)) {
      stage.oracle.judge(answer, answer.status === 503 ? 'U503' : 'T401', 'forward')
      statuses.add(answer.status)
      if (answer.status === 401) looked++
    }
    expect([...statuses].sort()).toEqual([401, 503])
    expect(looked).toBeLessThanOrEqual(8 + 256)
  })

  test('OPQ-04 a thousand at once with one new key cost one look-up', async () => {
    const { key } = await stage.newKey()
    const work = await workOf(() => Promise.all(Array.from({ length: 1000 }, () => stage.ask('forward', asWith(key)))))
    expect(lookUpsIn(work)).toBe(1)
  })
})

describe('what happens to a key', () => {
  test('OPQ-07 a revoked key is refused from the next request on', async () => {
    const { id, key } = await hotKey()
    await stage.call('POST', `/credentials/${id}/revoke`, { reason: 'leaked' })
    await isRefused(key, 'T401', 'credential_revoked')
  })

  test('OPQ-07 all keys of a client at once, and a key made right after lives', async () => {
    const { key } = await hotKey()
    await stage.call('POST', '/clients/canister/revoke-credentials', { reason: 'leaked' })
    await isRefused(key, 'T401', 'credential_revoked')
    await passes((await stage.newKey()).key)
  })

  test('OPQ-09 OPQ-10 a key lives to its last millisecond and not into the next, with no clean-up running', async () => {
    const expiresAt = new Date(stage.test.clock.now.getTime() + 60_000)
    const { key } = await hotKey({ expires_at: expiresAt.toISOString() })
    const at = (ms: number) => {
      // The stage moves the clock by one second before it asks.
      stage.test.clock.now = new Date(expiresAt.getTime() + ms - 1000)
    }
    at(-1)
    await passes(key)
    at(0)
    await stage.expect('T401', 'credential_expired', 'forward', asWith(key))
    at(1)
    await stage.expect('T401', 'credential_expired', 'forward', asWith(key))
    stage.test.clock.advance(400 * 86_400_000)
    await isRefused(key, 'T401', 'credential_expired')
  })

  test('OPQ-10 a key is not valid before its time', async () => {
    const notBefore = new Date(stage.test.clock.now.getTime() + 3_600_000)
    const { key } = await stage.newKey('canister', { not_before: notBefore.toISOString() })
    await isRefused(key, 'T401', 'credential_not_yet_valid')
    stage.test.clock.now = notBefore
    await passes(key)
  })

  test('OPQ-11 the keys of a disabled client are refused, and live again with it', async () => {
    const { key } = await hotKey()
    await stage.call('PATCH', '/clients/canister', { disabled: true })
    await isRefused(key, 'T401', 'owner_disabled')
    await stage.call('PATCH', '/clients/canister', { disabled: false })
    await passes(key)
  })

  test('OPQ-11 the keys of a deleted client are refused, and its id is never given again', async () => {
    const { key } = await hotKey()
    await stage.call('DELETE', '/clients/canister')
    await isRefused(key, 'T401', 'owner_missing')
    const again = await stage.test.api('POST', '/api/v1/clients', { id: 'canister' })
    expect(again).toMatchObject({ status: 409, body: { code: 'id_retired' } })
    await isRefused(key, 'T401', 'owner_missing')
  })

  test('OPQ-23 a rotated key and its successor both live for the overlap, to the second', async () => {
    const old = await hotKey()
    const endsAt = stage.test.clock.now.getTime() + 600_000
    const rotated = await stage.make(`/credentials/${old.id}/rotate`, { overlap_seconds: 600 })
    await passes(String(rotated.key))
    await passes(old.key)
    stage.test.clock.now = new Date(endsAt - 1001)
    await passes(old.key)
    stage.test.clock.now = new Date(endsAt - 1000)
    await stage.expect('T401', 'credential_expired', 'forward', asWith(old.key))
    await passes(String(rotated.key))
  })

  test('OPQ-23 without an overlap the old key dies with the rotation', async () => {
    const old = await hotKey()
    const rotated = await stage.make(`/credentials/${old.id}/rotate`, { overlap_seconds: 0 })
    await isRefused(old.key, 'T401', 'credential_expired')
    await passes(String(rotated.key))
  })
})

describe('what happens to the rights of a key', () => {
  test('OPQ-13 a client that leaves a group loses what the group may', async () => {
    await stage.make('/groups', { name: 'media' })
    await stage.make('/permissions', { group: 'media', resource: 'webdav', scopes: ['files:read'] })
    await stage.make('/clients', { id: 'member', groups: ['media'] })
    const { key } = await stage.newKey('member')
    await passes(key)
    await stage.call('PATCH', '/clients/member', { groups: [] })
    await isRefused(key, 'S403', 'permission_missing')
  })

  test('OPQ-13 a permission that is taken away is gone at once', async () => {
    const { id } = await stage.make('/permissions', { client: 'other', resource: 'intranet', scopes: ['pages:read'] })
    const asked = { ...asWith(stage.wallet.other), asks: { host: 'intranet.example.com', uri: '/pub/page' } }
    await stage.expect('OK', undefined, 'forward', asked)
    await stage.call('DELETE', `/permissions/${id}`)
    await stage.expect('S403', 'permission_missing', 'forward', asked)
  })

  test('OPQ-14 a key never may more than its owner may now, whatever it was narrowed to', async () => {
    await stage.make('/clients', { id: 'falling' })
    const full = await stage.make('/permissions', {
      client: 'falling',
      resource: 'webdav',
      scopes: ['files:read', 'files:write'],
    })
    const { key } = await stage.newKey('falling', { scopes: ['files:read', 'files:write'] })
    const writing = { ...asWith(key), asks: { method: 'PUT' } }
    await stage.expect('OK', undefined, 'forward', writing)
    await stage.make('/permissions', { client: 'falling', resource: 'webdav', scopes: ['files:read'] })
    await stage.call('DELETE', `/permissions/${full.id}`)
    await stage.expect('S403', 'scope_missing', 'forward', writing)
    const { headers } = await passes(key)
    expect(headers.get('remote-scopes')).toBe('files:read')
  })

  test('OPQ-15 a disabled resource refuses every key', async () => {
    await passes(stage.wallet.key)
    await stage.call('PATCH', '/resources/webdav', { disabled: true })
    for (const key of [stage.wallet.key, stage.wallet.other, stage.wallet.reader]) {
      await isRefused(key, 'F403', 'resource_disabled')
    }
    await stage.call('PATCH', '/resources/webdav', { disabled: false })
    await passes(stage.wallet.key)
  })
})
