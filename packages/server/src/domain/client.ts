import type { Network } from '@countersign/resource-server'

/** How a client may show at the token endpoint that it is itself (RFC 6749 §2.3, RFC 7523 §2.2). */
export const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const
export type AuthMethod = (typeof AUTH_METHODS)[number]

/** Registered software that calls (RFC 6749 §2). */
export type Client = {
  readonly id: string
  readonly name: string
  readonly groups: readonly string[]
  readonly grants: readonly string[]
  readonly authMethods: readonly AuthMethod[]
  readonly keys: ClientKeys | null
  readonly defaultResource: string | null
  readonly accessTokenTtlSeconds: number | null
  /** Where its credentials may be used from; empty: anywhere. */
  readonly networks: readonly Network[]
  readonly networkTexts: readonly string[]
  readonly listener: 'any' | 'internal'
  /** The trust rule that a workload has to fit beside the client's own credential; null: none. */
  readonly requiresWorkload: string | null
  readonly disabled: boolean
  /** What declares it: null for people through the API, `countersign` for what the server itself made. */
  readonly managedBy: string | null
  readonly createdAt: Date
  readonly revision: number
}

/** The public keys by which a client signs assertions: registered here, or fetched from where it keeps them. */
export type ClientKeys = (
  | {
      readonly jwks: { readonly keys: readonly object[] }
      /** Of each key (RFC 7638), so that whose it is can be told by its id. */
      readonly thumbprints?: readonly string[]
    }
  | { readonly jwksUri: string }
) & {
  /** The revision at which they were registered: what was revoked before does not touch them. */
  readonly revision: number
  /** When that was, in Unix seconds; written with the revision. */
  readonly registeredAt?: number
}

/** The public id of a client's own key, by its thumbprint (RFC 7638). */
export function clientKeyId(thumbprint: string): string {
  return `jwk_${thumbprint}`
}

export type Group = {
  readonly name: string
  readonly description: string
  /** A disabled group gives nothing: its members are as if they were not in it. */
  readonly disabled: boolean
  readonly managedBy: string | null
  readonly createdAt: Date
  readonly revision: number
}

/** Registered by the server itself: who the bootstrap key stands for, and who owns the keys of `admin-key`. */
export const BOOTSTRAP_CLIENT = 'bootstrap'
export const ADMIN_CLIENT = 'countersign-admin'
