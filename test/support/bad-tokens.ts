import { formatCredential } from '@countersign/resource-server'

/** What a guesser can learn from outside: names of issuers and the ids of their keys. */
export type Guessed = {
  /** Our own. */
  readonly issuer: string
  /** Of an issuer that is trusted here. */
  readonly trusted: { readonly issuer: string; readonly kid: string; readonly audience: string }
}

/** The value of a header that shows a token which nobody issued; another one each time. */
export type BadToken = { readonly header: 'Authorization' | 'X-Api-Key'; readonly next: () => string }

/** One of each kind, by what is wrong with it. None is ever made twice. */
export function badTokens({ issuer, trusted }: Guessed): Readonly<Record<string, BadToken>> {
  const bearer = (make: () => string): BadToken => ({ header: 'Authorization', next: () => `Bearer ${make()}` })
  return {
    'an unknown key': bearer(() => issued('key')),
    'an unknown key in X-Api-Key': { header: 'X-Api-Key', next: () => issued('key') },
    'an unknown personal access token in Basic': {
      header: 'Authorization',
      next: () => `Basic ${btoa(`git:${issued('pat')}`)}`,
    },
    'an unknown access token': bearer(() => issued('at')),
    'a key whose checksum is wrong': bearer(() => issued('key').replace(/.$/, (last) => (last === '0' ? '1' : '0'))),
    'a key of another length': bearer(() => `${issued('key')}0`),
    'a JWT of an unknown issuer': bearer(() => jwt('k', { iss: `https://${unique()}.example.com` })),
    'a JWT of ours by an unknown key': bearer(() => jwt(unique(), { iss: issuer })),
    'a JWT of a trusted issuer with a wrong signature': bearer(() =>
      jwt(trusted.kid, { iss: trusted.issuer, aud: trusted.audience, ...lifetime(), sub: unique() }),
    ),
    'a token of another system': bearer(() => `ghp_${unique()}`),
    'no token at all': bearer(() => `${unique()}==`),
  }
}

function issued(kind: 'key' | 'pat' | 'at'): string {
  return formatCredential(kind, crypto.getRandomValues(new Uint8Array(32)))
}

function unique(): string {
  return crypto.randomUUID().replaceAll('-', '')
}

function lifetime() {
  const now = Math.floor(Date.now() / 1000)
  return { iat: now, exp: now + 600 }
}

function jwt(kid: string, claims: Readonly<Record<string, unknown>>): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signature = Buffer.from(crypto.getRandomValues(new Uint8Array(64))).toString('base64url')
  return `${encode({ alg: 'ES256', typ: 'JWT', kid })}.${encode({ ...claims, jti: unique() })}.${signature}`
}
