import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createPublicKey, verify } from 'node:crypto'
import type { OpenedStore } from '../store/open.ts'
import { insertSigningKey, listSigningKeys } from '../store/signing-keys.ts'
import { change, HOST_ACTOR } from '../store/store.ts'
import { openTestStore } from '../store/testing/engines.ts'
import { KeyRing } from './key-ring.ts'
import { sealWith } from './seal.ts'
import { ensureSigningKey } from './signing-key.ts'

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const seal = sealWith(new Uint8Array(32).fill(1), random)
const now = new Date('2030-01-01T00:00:00Z')
const later = new Date('2030-01-02T00:00:00Z')

/** What a start does. */
async function loadSigningKeys(at: OpenedStore, by: typeof seal) {
  await ensureSigningKey(at, by)
  const stored = await listSigningKeys(at.reader)
  const ring = new KeyRing(() => stored, by)
  const { publicKeys } = ring
  return { publicKeys, signJwt: (typ: string, claims: object) => ring.signJwt(typ, { ...claims }, later) }
}

let clockSeconds = 0
let store: OpenedStore
beforeEach(async () => {
  clockSeconds = 0
  store = await openTestStore(() => new Date(now.getTime() + clockSeconds++ * 1000), random)
})
afterEach(() => store.close())

/** Header and claims of a compact JWS that the newest published key vouches for; else undefined. */
function verified(keys: Pick<KeyRing, 'publicKeys'>, jwt: string): { header: unknown; claims: unknown } | undefined {
  const [header = '', claims = '', signature = ''] = jwt.split('.')
  const key = createPublicKey({ key: { ...keys.publicKeys[0] }, format: 'jwk' })
  const signed = Buffer.from(`${header}.${claims}`)
  const isSigned = verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))
  const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString())
  return isSigned ? { header: decode(header), claims: decode(claims) } : undefined
}

describe('the signing key', () => {
  test('is made at the first start and kept', async () => {
    const made = await loadSigningKeys(store, seal)
    const again = await loadSigningKeys(store, seal)
    expect(again.publicKeys).toEqual(made.publicKeys)
    expect(made.publicKeys).toHaveLength(1)
  })

  test('signs what its published half verifies, under its key id and type', async () => {
    const keys = await loadSigningKeys(store, seal)
    expect(verified(keys, keys.signJwt('x+jwt', { sub: 'client:canister' }))).toEqual({
      header: { alg: 'ES256', typ: 'x+jwt', kid: keys.publicKeys[0]?.kid },
      claims: { sub: 'client:canister' },
    })
  })

  test('does not vouch for altered claims', async () => {
    const keys = await loadSigningKeys(store, seal)
    const [header, , signature] = keys.signJwt('x+jwt', { sub: 'client:canister' }).split('.')
    const forged = Buffer.from(JSON.stringify({ sub: 'client:other' })).toString('base64url')
    expect(verified(keys, `${header}.${forged}.${signature}`)).toBeUndefined()
  })

  test('is published by its public members alone', async () => {
    const keys = await loadSigningKeys(store, seal)
    expect(Object.keys(keys.publicKeys[0] ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  })

  test('rests in the database sealed, with an audit event of its making', async () => {
    await loadSigningKeys(store, seal)
    const [stored] = await listSigningKeys(store.reader)
    const opened = seal.open(stored?.privateSealed ?? '', `signing-key:${stored?.kid}`)
    expect(opened?.length).toBeGreaterThan(100)
    expect(seal.open(stored?.privateSealed ?? '', 'signing-key:another')).toBeUndefined()
    const events = await store.reader.selectFrom('audit_event').select(['action', 'noun_id']).execute()
    expect(events).toEqual([{ action: 'signing_key.create', noun_id: stored?.kid ?? '' }])
  })

  test('is named by its thumbprint', async () => {
    const { publicKeys } = await loadSigningKeys(store, seal)
    const [jwk] = publicKeys
    const members = `{"crv":"P-256","kty":"EC","x":"${jwk?.x}","y":"${jwk?.y}"}`
    expect(jwk?.kid).toBe(new Bun.CryptoHasher('sha256').update(members).digest('base64url'))
  })

  test('of another key-encryption key stops the start', async () => {
    await loadSigningKeys(store, seal)
    const other = sealWith(new Uint8Array(32).fill(2), random)
    await expect(loadSigningKeys(store, other)).rejects.toThrow('was sealed by another key-encryption key')
  })

  test('that was exchanged for another row’s stops the start', async () => {
    await loadSigningKeys(store, seal)
    const foreign = await openTestStore(() => now, random)
    await loadSigningKeys(foreign, seal)
    const [stolen] = await listSigningKeys(foreign.reader)
    await store.writer
      .updateTable('signing_key')
      .set({ private_sealed: stolen?.privateSealed ?? '' })
      .execute()
    await expect(loadSigningKeys(store, seal)).rejects.toThrow('was sealed by another key-encryption key')
    await foreign.close()
  })

  test('whose published half is not its own stops the start', async () => {
    await loadSigningKeys(store, seal)
    const foreign = await openTestStore(() => now, random)
    await loadSigningKeys(foreign, seal)
    const [stolen] = await listSigningKeys(foreign.reader)
    await foreign.close()
    for (const public_jwk of ['null', '{}', '[]', '"x"', '{', stolen?.publicJwk ?? '']) {
      await store.writer.updateTable('signing_key').set({ public_jwk }).execute()
      await expect(loadSigningKeys(store, seal)).rejects.toThrow()
    }
  })

  test('is one, though two nodes start at once', async () => {
    const [one, other] = await Promise.all([loadSigningKeys(store, seal), loadSigningKeys(store, seal)])
    expect(one.publicKeys).toEqual(other.publicKeys)
    expect(await listSigningKeys(store.reader)).toHaveLength(1)
  })

  test('that is newest signs; all that are not retired are published', async () => {
    const first = await loadSigningKeys(store, seal)
    const foreign = await openTestStore(() => now, random)
    await loadSigningKeys(foreign, seal)
    const [second] = await listSigningKeys(foreign.reader)
    await foreign.close()
    if (second === undefined) throw new Error('no key was made')
    const activeFrom = new Date(now.getTime() + 60_000)
    await change(store, HOST_ACTOR, (running) => insertSigningKey(running, { ...second, activeFrom }))

    const both = await loadSigningKeys(store, seal)
    expect(both.publicKeys.map(({ kid }) => kid)).toEqual([second.kid, first.publicKeys[0]?.kid ?? ''])
    expect(verified(both, both.signJwt('x+jwt', {}))?.header).toMatchObject({ kid: second.kid })

    await store.writer.updateTable('signing_key').set({ retired_at: 1 }).where('kid', '=', second.kid).execute()
    expect((await loadSigningKeys(store, seal)).publicKeys).toEqual(first.publicKeys)
  })
})
