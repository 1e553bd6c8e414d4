// What an upstream reads in an assertion that is rightly signed.
import { expect, test } from 'bun:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { type AssertionOptions, assertionVerifier } from './assertion.ts'

const ISSUER = 'https://auth.example.com'
const RESOURCE = 'https://webdav.example.com'
const NOW = new Date('2030-01-01T00:00:00Z')

test('an assertion that says nothing of projects reaches none', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const seconds = NOW.getTime() / 1000
  const signed = (projects: unknown) =>
    new SignJWT({ principal: 'user', ...(projects !== undefined && { projects }) })
      .setProtectedHeader({ alg: 'ES256', kid: 'k', typ: 'countersign-assertion+jwt' })
      .setIssuer(ISSUER)
      .setAudience(RESOURCE)
      .setSubject('alice')
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + 60)
      .sign(privateKey)
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] } as AssertionOptions['keys'] &
    object
  const verify = assertionVerifier({ issuer: ISSUER, resource: RESOURCE, keys, now: () => NOW })
  for (const [written, read] of [
    [undefined, []],
    ['all', []],
    [['app'], ['app']],
    [null, null],
  ]) {
    const headers = new Headers({ 'Countersign-Assertion': await signed(written) })
    expect(await verify(headers)).toMatchObject({ outcome: 'allow', projects: read })
  }
})
