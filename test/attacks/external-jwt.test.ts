// Tokens of other issuers: every attack on them, at the library.
import { afterAll, describe, expect, spyOn, test } from 'bun:test'
import { isDenied, parseJwt, REFUSALS, readExternalToken } from '@countersign/resource-server'
import { twinOf } from '../support/forging.ts'
import { askWithToken } from './external-library.ts'
import { EXTERNAL_JWT_VECTORS } from './vectors/external-jwt.ts'
import { ISSUERS, type IssuerName, Signing } from './vectors/external-world.ts'

const NOW = new Date('2030-01-01T00:00:00Z')
const signing = new Signing(() => NOW.getTime() / 1000)
const fetched = spyOn(globalThis, 'fetch')
afterAll(() => fetched.mockRestore())

describe('the library', () => {
  for (const { name, text, expected } of EXTERNAL_JWT_VECTORS) {
    test(name, async () => {
      expect(await askWithToken(text(signing), NOW)).toBe(expected)
      expect(fetched).not.toHaveBeenCalled()
    })
  }
})

test('every vector has a name of its own, and is refused as a bad credential or for want of a right', () => {
  const names = EXTERNAL_JWT_VECTORS.map(({ name }) => name)
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
  for (const { expected } of EXTERNAL_JWT_VECTORS) {
    if (expected !== 'OK') expect([401, 403]).toContain(REFUSALS[expected].status)
  }
})

test('the token of each issuer, as it stands, is believed', async () => {
  for (const by of Object.keys(ISSUERS) as IssuerName[]) {
    expect([by, await askWithToken(signing.token(by), NOW)]).toEqual([by, by === 'west' ? 'trust_rule_missing' : 'OK'])
  }
})

test('JWT-18 spelt anew, what a token is called stays the same', () => {
  const token = signing.token('corp')
  const [one, other] = [token, twinOf(token), signing.token('corp')].map((text) => {
    const jwt = parseJwt(text)
    return jwt && readExternalToken(jwt, ISSUERS.corp.policy)
  })
  expect(one !== undefined && isDenied(one)).toBe(false)
  expect(other).toEqual(one)
})
