// The resolver of issued credentials over a real database: what is found, what is asked, and who wins a race.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { formatCredential, type IssuedKind, isDenied, Turns } from '@countersign/resource-server'
import { Directory } from '../directory/directory.ts'
import { Follower } from '../directory/follow.ts'
import { revisionSource } from '../directory/revision-source.ts'
import type { StoredCredential } from '../domain/credential.ts'
import { managementResource } from '../domain/management.ts'
import { newCredential } from '../domain/new-credential.ts'
import {
  credentialFinder,
  findCredential,
  insertCredential,
  type Lookup,
  revokeCredential,
} from '../store/credentials.ts'
import type { OpenedStore } from '../store/open.ts'
import { change, HOST_ACTOR } from '../store/store.ts'
import { chosenEngine, openPlace, type Place } from '../store/testing/engines.ts'
import { issuedKind } from './issued.ts'
import { KeptDigests } from './kept-digests.ts'
import { type KnownCredential, KnownCredentials } from './known-credentials.ts'
import type { Resolver } from './resolver.ts'
import { storedCredentials } from './stored.ts'
import { UnknownDigests } from './unknown-digests.ts'

const now = new Date('2030-01-01T00:00:00Z')
const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const sha256Hex = (text: string) => Bun.SHA256.hash(text, 'hex')
const newKey = (kind: IssuedKind = 'key') => formatCredential(kind, random(32))

let place: Place
let store: OpenedStore
let count = 0
beforeAll(async () => {
  place = await chosenEngine().makePlace()
  store = await openPlace(place, () => now, random)
})
afterAll(async () => {
  await store.close()
  await place.remove()
})

/** The parts as `app.ts` joins them; a test may stand between the resolver and the store. */
async function setUp(between: (found: Lookup) => Promise<Lookup> = async (found) => found) {
  const directory = new Directory(managementResource('http://127.0.0.1:8420'))
  const known = new KnownCredentials(100)
  const time = { nowMs: 0 }
  const unknown = new UnknownDigests(() => time.nowMs, 100)
  const forget = (ids: readonly string[] | undefined) => {
    known.forget(ids)
    if (ids === undefined || ids.length > 0) unknown.clear()
  }
  const follower = new Follower({
    ...{ directory, forget, source: revisionSource(store) },
    forgetTokens: () => known.forgetTokens(),
    monotonicMs: () => time.nowMs,
    onError: () => undefined,
  })
  await follower.confirm()
  const kept = new KeptDigests()
  const spent = { digests: 0, lookUps: 0 }
  const ask = { find: (digest: string) => credentialFinder(store.reader)(digest) }
  const find = storedCredentials({
    directory,
    known,
    unknown,
    async findByDigest(digest) {
      spent.lookUps++
      return between(await ask.find(digest))
    },
    lookUps: new Turns(),
    ahead: { digests: kept, lookUps: new Turns() },
    confirm: () => follower.confirm(),
  })
  const countedSha256Hex = (text: string) => {
    spent.digests++
    return sha256Hex(text)
  }
  const { recognise } = issuedKind(countedSha256Hex, find)
  const resolve: Resolver = (text) => {
    const found = recognise(text)
    if (found === undefined) throw new Error('it does not begin with cs_')
    return found(text)
  }
  /** A change of this node's own, as the management API makes it: it returns when the directory has taken it over. */
  const commit = async (work: Parameters<typeof change<void>>[2]) => {
    const { revision } = await change(store, HOST_ACTOR, work)
    await follower.reach(revision)
  }
  const create = async (key = newKey()) => {
    const id = `key_${++count}`
    await commit(async (running) => {
      await insertCredential(running, record(id, running.revision), sha256Hex(key))
      await running.record('credential.create', 'credential', id)
    })
    return { id, key }
  }
  const revoke = (id: string) =>
    commit(async (running) => {
      await revokeCredential(running, id, null)
      await running.record('credential.revoke', 'credential', id)
    })
  return { directory, known, unknown, kept, time, follower, resolve, spent, ask, create, revoke }
}

function record(id: string, revision: number): StoredCredential {
  const owner = { kind: 'client', id: 'canister' } as const
  return newCredential({ now, revision, actor: { by: 'countersign' } }, { id, kind: 'key', owner, name: '', hint: '' })
}

/** What a resolver said, as a word: `live`, `revoked` or the code of the refusal. */
async function said(answer: ReturnType<Resolver>): Promise<string> {
  const found = await answer
  if (isDenied(found)) return found.code
  return (found as KnownCredential).stored.revokedAt === null ? 'live' : 'revoked'
}

/** An answer of the store that arrives when the test lets it. */
function slowly() {
  const held: PromiseWithResolvers<void>[] = []
  const arrived = Promise.withResolvers<void>()
  return {
    between: async (found: Lookup) => {
      const gate = Promise.withResolvers<void>()
      held.push(gate)
      arrived.resolve()
      await gate.promise
      return found
    },
    /** Resolves once the store was read for the first time. */
    read: arrived.promise,
    release: () => {
      for (const gate of held.splice(0)) gate.resolve()
    },
    releaseAllFromNowOn() {
      this.release()
      held.push = (gate) => {
        gate.resolve()
        return 0
      }
    },
  }
}

describe('what a credential costs', () => {
  let it: Awaited<ReturnType<typeof setUp>>
  beforeEach(async () => {
    it = await setUp()
  })

  test('a known one: one digest, no look-up, no promise', async () => {
    const { key } = await it.create()
    expect(await said(it.resolve(key))).toBe('live')
    Object.assign(it.spent, { digests: 0, lookUps: 0 })
    expect(it.resolve(key)).not.toBeInstanceOf(Promise)
    expect(it.spent).toEqual({ digests: 1, lookUps: 0 })
  })

  const cheap: [what: string, text: () => string, code: string][] = [
    [
      'one with a wrong checksum',
      () => newKey().replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      'credential_mistyped',
    ],
    ['one that is cut off', () => newKey().slice(0, -1), 'credential_mistyped'],
    ['one of an unknown kind', () => newKey().replace('cs_key_', 'cs_koy_'), 'credential_mistyped'],
    ['a client secret', () => newKey('secret'), 'credential_kind_refused'],
  ]
  test.each(cheap)('%s: neither a digest nor a look-up', async (_, text, code) => {
    expect(await said(it.resolve(text()))).toBe(code)
    expect(it.spent).toEqual({ digests: 0, lookUps: 0 })
  })

  test('one that does not exist: one look-up, however often it is shown within half a second', async () => {
    const key = newKey()
    for (let n = 0; n < 20; n++) expect(await said(it.resolve(key))).toBe('credential_unknown')
    expect(it.spent.lookUps).toBe(1)
  })

  test('one that a hundred show at once: one look-up', async () => {
    const { key } = await it.create()
    const answers = await Promise.all(Array.from({ length: 100 }, () => said(it.resolve(key))))
    expect(new Set(answers)).toEqual(new Set(['live']))
    expect(it.spent.lookUps).toBe(1)
  })
})

describe('an outage of the store', () => {
  test('is 503 for a credential that has to be looked up, is not remembered, and costs known ones nothing', async () => {
    const it = await setUp()
    const { key: known } = await it.create()
    const { key: fresh } = await it.create()
    await it.resolve(known)
    const { find } = it.ask
    it.ask.find = () => Promise.reject(new Error('disk I/O error'))
    expect(await said(it.resolve(fresh))).toBe('store_unavailable')
    expect(await said(it.resolve(known))).toBe('live')
    it.ask.find = find
    expect(await said(it.resolve(fresh))).toBe('live')
  })

  test('while the directory is asked to catch up is 503, too', async () => {
    const it = await setUp()
    const { key } = await it.create()
    it.ask.find = async (digest) => ({
      ...(await credentialFinder(store.reader)(digest)),
      position: { revision: 1e9, stamp: '' },
    })
    const reach = it.follower.confirm
    it.follower.confirm = () => Promise.reject(new Error('disk I/O error'))
    expect(await said(it.resolve(key))).toBe('store_unavailable')
    it.follower.confirm = reach
  })

  test('that lets nobody wait any longer is 503', async () => {
    const slow = slowly()
    const it = await setUp(slow.between)
    const answers = Array.from({ length: 8 + 256 + 1 }, () => said(it.resolve(newKey())))
    expect(await answers.at(-1)).toBe('store_busy')
    slow.releaseAllFromNowOn()
    expect(new Set(await Promise.all(answers.slice(0, -1)))).toEqual(new Set(['credential_unknown']))
  })
})

describe('a look-up that was overtaken', () => {
  test('by a revocation is neither served nor kept', async () => {
    const slow = slowly()
    const it = await setUp(slow.between)
    const { id, key } = await it.create()
    const early = said(it.resolve(key))
    await slow.read
    await it.revoke(id)
    const late = said(it.resolve(key))
    slow.releaseAllFromNowOn()
    expect([await early, await late, await said(it.resolve(key))]).toEqual(['revoked', 'revoked', 'revoked'])
    expect(it.known.get(sha256Hex(key))?.stored.revokedAt).toEqual(now)
  })

  test('by the making of the key is made again', async () => {
    const slow = slowly()
    const it = await setUp(slow.between)
    const key = newKey()
    const early = said(it.resolve(key))
    await slow.read
    await it.create(key)
    const late = said(it.resolve(key))
    slow.releaseAllFromNowOn()
    expect([await early, await late, await said(it.resolve(key))]).toEqual(['live', 'live', 'live'])
  })

  test('by another change of a directory noun is read again, once', async () => {
    const slow = slowly()
    const it = await setUp(slow.between)
    const { key } = await it.create()
    const answer = said(it.resolve(key))
    await slow.read
    await it.create()
    slow.releaseAllFromNowOn()
    expect(await answer).toBe('live')
    expect(it.spent.lookUps).toBe(2)
  })

  test('again and again ends as "cannot tell", and nothing is kept', async () => {
    const it = await setUp(async ({ credential, position }) => {
      return { credential, position: { ...position, revision: position.revision - 1 } }
    })
    const { key } = await it.create()
    expect(await said(it.resolve(key))).toBe('store_busy')
    expect(it.spent.lookUps).toBe(5)
    expect(it.known.get(sha256Hex(key))).toBeUndefined()
  })

  test('by a database that lost its last changes is read again, though the revision is of the same number', async () => {
    const late: ((found: Lookup) => Lookup)[] = [
      ({ position, ...found }) => ({ ...found, position: { ...position, stamp: 'of another history' } }),
    ]
    const it = await setUp(async (found) => late.pop()?.(found) ?? found)
    const { key } = await it.create()
    expect(await said(it.resolve(key))).toBe('live')
    expect(it.spent.lookUps).toBe(2)
  })

  test('by nothing, but read what this node has not taken over yet, waits for the directory', async () => {
    const it = await setUp()
    const key = newKey()
    const elsewhere = await setUp()
    await elsewhere.create(key)
    expect(it.directory.revision).toBeLessThan(elsewhere.directory.revision)
    expect(await said(it.resolve(key))).toBe('live')
    expect(it.directory.revision).toBe(elsewhere.directory.revision)
  })
})

describe('what this node believes', () => {
  test('is corrected by a revocation at the next request', async () => {
    const it = await setUp()
    const { id, key } = await it.create()
    expect(await said(it.resolve(key))).toBe('live')
    await it.revoke(id)
    expect(await said(it.resolve(key))).toBe('revoked')
  })

  test('of a key that was unknown is corrected by its making at the next request', async () => {
    const it = await setUp()
    const key = newKey()
    expect(await said(it.resolve(key))).toBe('credential_unknown')
    await it.create(key)
    expect(await said(it.resolve(key))).toBe('live')
  })
})

// Each turn lets the slow answer arrive one step of the event loop later in the course of a change: whichever order
// the steps fall into, whoever asks after the change was acknowledged must see it.
describe('in every order of steps', () => {
  const STEPS = 160
  const after = async (steps: number, work: () => void) => {
    for (let step = 0; step < steps; step++) await undefined
    work()
  }

  test('nobody who asks after an acknowledged revocation is served', async () => {
    const served: number[] = []
    for (let step = 0; step < STEPS; step++) {
      const slow = slowly()
      const it = await setUp(slow.between)
      const { id, key } = await it.create()
      const early = it.resolve(key)
      await slow.read
      const late = it.revoke(id).then(() => said(it.resolve(key)))
      await after(step, () => slow.releaseAllFromNowOn())
      await early
      if ((await late) !== 'revoked' || (await said(it.resolve(key))) !== 'revoked') served.push(step)
    }
    expect(served).toEqual([])
  })

  test('nobody who asks with a key after its making was acknowledged is told that it is unknown', async () => {
    const refused: number[] = []
    for (let step = 0; step < STEPS; step++) {
      const slow = slowly()
      const it = await setUp(slow.between)
      const key = newKey()
      const early = it.resolve(key)
      await slow.read
      const late = it.create(key).then(() => said(it.resolve(key)))
      await after(step, () => slow.releaseAllFromNowOn())
      await early
      if ((await late) !== 'live' || (await said(it.resolve(key))) !== 'live') refused.push(step)
    }
    expect(refused).toEqual([])
  })
})

test('the record that was found is the one that was stored', async () => {
  const it = await setUp()
  const { id, key } = await it.create()
  const found = await it.resolve(key)
  expect((found as KnownCredential).stored).toEqual((await findCredential(store.reader, id)) as StoredCredential)
})

test('a flood of guesses holds up nobody who is known to be there, and whoever is not is told to come back, not that it is unknown', async () => {
  const hung = Promise.withResolvers<Lookup>()
  const it = await setUp(async (found) => (found.credential === undefined ? hung.promise : found))
  const [seen, unseen] = [await it.create(), await it.create()]
  it.kept.add(sha256Hex(seen.key))
  const guesses = Array.from({ length: 300 }, () => said(it.resolve(newKey())))
  expect(await said(it.resolve(seen.key))).toBe('live')
  expect(await said(it.resolve(unseen.key))).toBe('store_busy')
  hung.resolve(await it.ask.find('nothing'))
  const told = await Promise.all(guesses)
  expect(told.filter((one) => one === 'store_busy').length).toBe(300 - 264)
  expect(await said(it.resolve(unseen.key))).toBe('live')
})
