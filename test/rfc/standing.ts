// What the tests of each RFC stand on: the real app, with one client that has a secret.
import { afterEach, beforeEach, expect } from 'bun:test'
import {
  type Answer,
  type OAuthForm,
  type OAuthSent,
  startApp,
  type TestApp,
  withSecret,
  withWebdav,
} from '../support/app.ts'

export const WEBDAV = 'https://webdav.example.com'
export const GRANT = { grant_type: 'client_credentials' }
/** Well formed, and of nobody. */
export const NOBODYS_SECRET = 'cs_secret_0000000000000000000000000000000000000000000000000'

export type Standing = {
  readonly test: TestApp
  /** The Authorization header of `canister`, whose secret has the public id `secretId`. */
  readonly basic: Readonly<Record<string, string>>
  readonly secret: string
  readonly secretId: string
  /** Posts to the token endpoint as `canister`, if no other headers are given. */
  token(form?: OAuthForm, sent?: OAuthSent): Promise<Answer>
  post(path: string, form: OAuthForm, sent?: OAuthSent): Promise<Answer>
  /** Reads a public document. */
  read(path: string): Promise<Answer>
  /** Makes or changes a noun of the management API. */
  admin(method: 'POST' | 'PATCH', path: string, body: object): Promise<Record<string, unknown>>
}

/** A fresh one before each test. */
export function standing(): Standing {
  let now: Standing
  beforeEach(async () => {
    now = await stand()
  })
  afterEach(() => now.test.close())
  return new Proxy({} as Standing, { get: (_, name: keyof Standing) => now[name] })
}

async function stand(): Promise<Standing> {
  const test = await startApp()
  await withWebdav(test)
  const { id: secretId, secret, headers: basic } = await withSecret(test)
  const post: Standing['post'] = (path, form, sent = {}) => test.oauth(path, form, { headers: basic, ...sent })
  return {
    test,
    basic,
    secret,
    secretId,
    post,
    token: (form = GRANT, sent = {}) => post('/oauth/token', form, sent),
    read: (path) => test.oauth(path, '', { method: 'GET' }),
    async admin(method, path, body) {
      const answer = await test.api(method, `/api/v1${path}`, body)
      if (answer.status !== 200 && answer.status !== 201) throw new Error(JSON.stringify(answer.body))
      return answer.body
    },
  }
}

/** What an error answer is: this status and `error`, a sentence in the characters allowed, nothing else. */
export function expectError({ status, headers, body }: Answer, expected: { status: number; error: string }): void {
  expect({ status, error: body.error }).toEqual(expected)
  expect(Object.keys(body).sort()).toEqual(['error', 'error_description'])
  expect(String(body.error_description)).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
  expect(headers.get('content-type')).toBe('application/json')
  expect(headers.get('cache-control')).toBe('no-store')
}

export const INVALID_CLIENT = { status: 401, error: 'invalid_client' }
export const INVALID_REQUEST = { status: 400, error: 'invalid_request' }

/** All that a caller can see of an answer, but for the ids under which it is explained and logged. */
export function seen({ status, headers, body }: Answer): object {
  const shown = [...headers].filter(([name]) => !['countersign-decision', 'x-request-id', 'date'].includes(name))
  return { status, headers: Object.fromEntries(shown), body }
}
