// A case: what both servers are asked, and where and why ours answers otherwise.
import type { ClientKey } from '../client-key.ts'

export const DAV = 'https://webdav.example.com'
export const FORGE = 'https://forge.example.com'

export type Sent = {
  readonly path?: '/oauth/token' | '/oauth/introspect' | '/oauth/revoke'
  readonly method?: string
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Parameters in their order, or the body as it goes over the wire. */
  readonly form?: Readonly<Record<string, string>> | readonly (readonly [string, string])[] | string
}

/** One of the two servers, as a case sees it. */
export type Side = {
  readonly issuer: string
  /** The same on both sides. */
  readonly secretOf: Readonly<Record<string, string>>
  /** Of the client `signer`, and one that nobody registered. */
  readonly key: ClientKey
  readonly otherKey: ClientKey
  /** A fresh token: opaque for DAV, a JWT for FORGE. */
  tokenOf(client: string, resource?: string): Promise<string>
  /** Asks before the case does. */
  send(sent: Sent): Promise<unknown>
}

/** What is compared of an answer. */
export type Facets = {
  readonly status: number
  readonly error: string | null
  readonly challenge: string | null
  readonly cache: string | null
  readonly members: string
  readonly active: unknown
  readonly scope: unknown
}

/** Where ours differs, as [ours, theirs], and why. */
export type Difference = { readonly [facet in keyof Facets]?: readonly [unknown, unknown] } & {
  readonly because: string
}

export type Case = {
  readonly asks: (side: Side) => Sent | Promise<Sent>
  readonly differs?: Difference
}
