// Keys that are read: what never answers holds nobody for ever.
import { beforeEach, describe, expect, test } from 'bun:test'
import { readKeys } from './read-keys.ts'
import { NOW, signingIssuer } from './testing/signing-issuer.ts'

const corp = await signingIssuer()
const never = () => new Promise<never>(() => {})

let now: Date
let failures: string[]
beforeEach(() => {
  now = NOW
  failures = []
})

const keysBy = (read: () => Promise<unknown>) =>
  readKeys({
    ...{ source: 'the keys of corp', read, algorithms: ['ES256'], timeoutMs: 5, now: () => now },
    onLoad: (loaded) => 'failure' in loaded && failures.push(loaded.failure),
  })

describe('a read that never answers', () => {
  test('is waited for no longer than agreed: then the keys are unavailable', async () => {
    expect(await keysBy(never).find('k1', 'ES256')).toBe('unavailable')
    expect(failures).toEqual(['it took longer than 5 ms'])
  })

  test('leaves the keys that were read before', async () => {
    let reads = 0
    const keys = keysBy(() => (reads++ === 0 ? Promise.resolve(corp.jwks) : never()))
    const first = await keys.find('k1', 'ES256')
    expect(first).toBeInstanceOf(CryptoKey)
    now = new Date(NOW.getTime() + 9000)
    expect(await keys.find('k1', 'ES256')).toBe(first)
    expect([reads, failures.length]).toEqual([2, 1])
  })

  test('is followed by another, which may answer', async () => {
    let reads = 0
    const keys = keysBy(() => (reads++ === 0 ? never() : Promise.resolve(corp.jwks)))
    expect(await keys.find('k1', 'ES256')).toBe('unavailable')
    now = new Date(NOW.getTime() + 2000)
    expect(await keys.find('k1', 'ES256')).toBeInstanceOf(CryptoKey)
  })
})

test('a read that fails is told in its own words, and without them', async () => {
  const loaded: unknown[] = []
  const read = () => Promise.reject(Object.assign(new Error('no such file: corp.json'), { code: 'ENOENT' }))
  const keys = readKeys({
    ...{ source: 'the keys of corp', read, algorithms: ['ES256'], now: () => now },
    onLoad: (set) => void loaded.push(set),
  })
  expect(await keys.find('k1', 'ES256')).toBe('unavailable')
  expect(loaded).toEqual([
    { failure: 'it could not be read: no such file: corp.json', wordless: 'it could not be read (ENOENT)' },
  ])
})
