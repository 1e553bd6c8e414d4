// A server that says back what it was sent: the library's error holds no secret, in whatever spelling it came back.
import { expect, test } from 'bun:test'
import { type ClientAuthentication, clientSecretBasic, clientSecretPost, tokenSource } from '@countersign/client'

const SECRET = 'p@ss/w+rd %'
const ISSUER = 'https://auth.example.com'

async function errorOf(authentication: ClientAuthentication): Promise<unknown> {
  const fetch = async (_: unknown, init?: RequestInit) => {
    const authorization = new Headers(init?.headers).get('Authorization') ?? ''
    const said = `${init?.body} ${authorization} ${atob(authorization.replace(/^Basic /, ''))}`
    const error_description = `${said} ${said.replaceAll('+', '%20')} ${decodeURIComponent(said.replaceAll('+', ' '))}`
    return Response.json({ error: 'invalid_client', error_description }, { status: 401 })
  }
  const source = tokenSource({ issuer: ISSUER, clientId: 'canister', authentication, tokenEndpoint: ISSUER, fetch })
  return source.token().catch((error: unknown) => error)
}

test.each([
  ['in the body', clientSecretPost(SECRET)],
  ['as a password', clientSecretBasic(SECRET)],
])('a secret that was sent %s', async (_, authentication) => {
  const text = String(await errorOf(authentication))
  expect(text).toContain('[removed]')
  for (const spelling of [SECRET, 'p%40ss', '%2Fw%2Brd', 'w+rd', 'w%2Brd', btoa(`canister:${SECRET}`)]) {
    expect([text, text.includes(spelling)]).toEqual([text, false])
  }
})
