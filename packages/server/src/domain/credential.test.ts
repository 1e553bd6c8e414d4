// What a line of revocation goes through.

import { expect, test } from 'bun:test'
import { type RevocationLine, revocationOf, type StoredCredential } from './credential.ts'
import { makeId } from './ids.ts'
import { newCredential } from './new-credential.ts'

const at = (seconds: number) => new Date(Date.UTC(2030, 0, 1) + seconds * 1000)
const idAt = (kind: string, seconds: number) => makeId(kind, at(seconds), (length) => new Uint8Array(length))

function credential(
  kind: StoredCredential['kind'],
  seconds: number,
  { revision = 5, ancestors = [] as string[] } = {},
): StoredCredential {
  const making = { now: at(seconds), revision, actor: { by: 'client:canister' } }
  const owner = { kind: 'client', id: 'canister' } as const
  return newCredential(making, { id: idAt(kind, seconds), kind, owner, name: '', hint: '', ancestors })
}

const line = (subject: string, reach: Partial<RevocationLine> = {}) => {
  const drawn = {
    subject,
    revision: 5,
    before: null,
    endsAt: null,
    at: at(100),
    by: 'client:ops',
    reason: null,
    ...reach,
  }
  return (asked: string) => (asked === subject ? drawn : undefined)
}

const isRevoked = (one: StoredCredential, drawn: ReturnType<typeof line>) => revocationOf(one, drawn) !== undefined

test('through a kind, of an age: what is older dies, and whatever that minted, whenever it did', () => {
  const through = line('kind:secret', { revision: 0, before: at(50) })
  const byOld = { ancestors: [idAt('secret', 49)] }
  expect(isRevoked(credential('secret', 49), through)).toBe(true)
  expect(isRevoked(credential('secret', 50), through)).toBe(false)
  expect(isRevoked(credential('at', 90, byOld), through)).toBe(true)
  expect(isRevoked(credential('at', 90, { ancestors: ['key_1', ...byOld.ancestors] }), through)).toBe(true)
  expect(isRevoked(credential('at', 90, { ancestors: [idAt('secret', 50)] }), through)).toBe(false)
  expect(isRevoked(credential('at', 40, { ancestors: [idAt('key', 10)] }), through)).toBe(false)
})

test('what minted something is named as the reason', () => {
  const ancestor = idAt('pat', 10)
  const found = revocationOf(credential('key', 90, { ancestors: [ancestor] }), line('kind:pat', { before: at(50) }))
  expect(found).toMatchObject({ of: `${ancestor}, which minted it`, by: 'client:ops' })
})

test('through an owner: what is made by a later change lives, a key of a client that is registered later too', () => {
  const through = line('client:canister')
  for (const kind of ['key', 'at', 'client_key'] as const) {
    expect(isRevoked(credential(kind, 90), through)).toBe(true)
    expect(isRevoked(credential(kind, 90, { revision: 6 }), through)).toBe(false)
  }
})

test('through a key of a client: it is dead for ever, also when it is registered later', () => {
  const key = credential('client_key', 90, { revision: 9 })
  expect(isRevoked(key, line(`credential:${key.id}`))).toBe(true)
  const other = credential('key', 90, { revision: 9 })
  expect(isRevoked(other, line(`credential:${other.id}`))).toBe(false)
})
