// On either engine, by TEST_ENGINE.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { KeptDigests } from '../authentication/kept-digests.ts'
import { makeId } from '../domain/ids.ts'
import { newCredential } from '../domain/new-credential.ts'
import { insertCredential } from '../store/credentials.ts'
import type { OpenedStore } from '../store/open.ts'
import { change, HOST_ACTOR } from '../store/store.ts'
import { openTestStore } from '../store/testing/engines.ts'
import { learnDigests } from './learning-digests.ts'

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
let now = new Date('2030-01-01T00:00:00Z')
let store: OpenedStore
beforeEach(async () => {
  now = new Date('2030-01-01T00:00:00Z')
  store = await openTestStore(() => now, random)
})
afterEach(() => store.close())

async function keep(kind: 'key' | 'pat' | 'secret' | 'at', at = now): Promise<string> {
  const digest = Bun.SHA256.hash(random(32), 'hex')
  await change(store, HOST_ACTOR, async (running) => {
    const owner = { kind: 'client', id: 'canister' } as const
    const audience = kind === 'at' ? { audience: 'https://webdav.example.com', expiresAt: new Date('2031-01-01') } : {}
    const named = { id: makeId(kind, at, random), kind, owner, name: '', hint: '' }
    const credential = newCredential(running, { ...named, ...audience })
    await insertCredential(running, credential, digest)
  })
  return digest
}

test('what was there is learnt at first, then what was made since, though the clock of who made it is behind', async () => {
  const kept = new KeptDigests()
  const learn = learnDigests(store, kept)
  const first = [await keep('key'), await keep('pat'), await keep('secret')]
  expect(first.some((digest) => kept.mayHave(digest))).toBe(false)
  await learn()
  expect(first.every((digest) => kept.mayHave(digest))).toBe(true)

  now = new Date(now.getTime() + 10_000)
  const second = [await keep('key', new Date(now.getTime() - 50_000)), await keep('pat'), await keep('secret')]
  expect(second.some((digest) => kept.mayHave(digest))).toBe(false)
  await learn()
  expect(second.every((digest) => kept.mayHave(digest))).toBe(true)
})

test('access tokens are learnt too, and forgotten by turns', async () => {
  const kept = new KeptDigests()
  const learn = learnDigests(store, kept)
  const old = await keep('at')
  const key = await keep('key')
  const known = (digest: string) => kept.mayHave(digest)
  await learn()
  expect([old, key].map(known)).toEqual([true, true])
  const seen: boolean[] = []
  for (let turns = 0; turns < 3; turns++) {
    now = new Date(now.getTime() + 3_600_000)
    await learn()
    seen.push(known(old))
  }
  expect([seen, known(key), known(await keep('at'))]).toEqual([[true, true, false], true, false])
})
