import type { RefusalCode } from '@countersign/resource-server'
import type { IssuerName, Signing } from './external-world.ts'

/** One line of the catalogue as data: run against the library and against the server. */
export type ExternalJwtVector = {
  readonly name: string
  readonly text: (signing: Signing) => string
  readonly expected: 'OK' | RefusalCode
}

export type Words = Readonly<Record<string, unknown>>
export type Expected = ExternalJwtVector['expected']
export const REFUSED = 'external_token_refused'
export const MALFORMED = 'token_malformed'

export const row = (name: string, expected: Expected, text: ExternalJwtVector['text']): ExternalJwtVector => ({
  ...{ name, text, expected },
})
/** Signed rightly, by the issuer's own key: only what it says is wrong. */
export const saying = (name: string, expected: Expected, claims: Words, by: IssuerName = 'corp') =>
  row(name, expected, (signing) => signing.token(by, claims))
export const headed = (name: string, expected: Expected, header: Words, by: IssuerName = 'corp') =>
  row(name, expected, (signing) => signing.token(by, {}, header))
export const timed = (name: string, expected: Expected, claims: (now: number) => Words, by: IssuerName = 'corp') =>
  row(name, expected, (signing) => signing.token(by, claims(signing.now())))
export const shown = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80))
