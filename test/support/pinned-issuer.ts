// Another issuer whose keys are pinned: its tokens, and what registers it.
import type { KeyObject } from 'node:crypto'
import { PUBLIC_URL, type TestApp } from './app.ts'
import { signedBy, strangersKey } from './forging.ts'

type Words = Readonly<Record<string, unknown>>

export type PinnedIssuer = {
  readonly jwks: { readonly keys: readonly object[] }
  /** In seconds, by the clock of the app. */
  now(): number
  /** A good token of `machine` for the resource `webdav`, with other claims; undefined takes one out. */
  token(claims?: Words, header?: Words, key?: KeyObject): string
  /** The same for our token endpoint. */
  assertion(claims?: Words, header?: Words): string
}

export const IDP = 'https://idp.example.com'

/** An issuer that nobody has registered yet. */
export function pinnedIssuer({ clock }: TestApp, iss = IDP, kid = 'k1'): PinnedIssuer {
  const { privateKey, jwk } = strangersKey()
  const now = () => Math.floor(clock.now.getTime() / 1000)
  const token = (claims: Words = {}, header: Words = {}, key = privateKey) =>
    signedBy(
      key,
      { alg: 'ES256', kid, typ: 'JWT', ...header },
      {
        ...{ iss, sub: 'machine', aud: 'https://webdav.example.com', iat: now(), exp: now() + 600 },
        ...{ jti: crypto.randomUUID(), ...claims },
      },
    )
  return {
    jwks: { keys: [{ ...jwk, kid }] },
    now,
    token,
    assertion: (claims, header) => token({ aud: PUBLIC_URL, ...claims }, header),
  }
}

/** Registers it as `corp`. */
export async function register(test: TestApp, issuer: PinnedIssuer, fields: Words = {}): Promise<void> {
  const body = { name: 'corp', issuer: IDP, algorithms: ['ES256'], profile: 'plain', jwks: issuer.jwks, ...fields }
  await made(test, '/api/v1/issuers', body)
}

/** Makes a trust rule: by default `machine` of `corp` stands for itself, in the group `media`. */
export async function trust(test: TestApp, fields: Words = {}): Promise<void> {
  const body = { name: 'machine', issuer: 'corp', match: { sub: 'machine' }, as: { workload: { groups: ['media'] } } }
  await made(test, '/api/v1/trust-rules', { ...body, ...fields })
}

async function made(test: TestApp, path: string, body: unknown): Promise<void> {
  const answer = await test.api('POST', path, body)
  if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
}
