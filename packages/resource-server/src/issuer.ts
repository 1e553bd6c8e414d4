/** `at+jwt`: access tokens by RFC 9068 alone. `plain`: any JWT that says who and for whom, but no ID token. */
export const TOKEN_PROFILES = ['at+jwt', 'plain'] as const
export type TokenProfile = (typeof TOKEN_PROFILES)[number]

/** What is asked of the tokens of an external issuer, before any rule says whom they stand for. */
export type TokenPolicy = {
  /** What it is called here; no two issuers share it, while two may sign as the same `issuer`. */
  readonly name: string
  /** Its `iss`, byte for byte. */
  readonly issuer: string
  /** Signature algorithms, each asymmetric. */
  readonly algorithms: readonly string[]
  readonly profile: TokenProfile
  /** The longest life of a token, from `iat` to `exp`, that is believed. */
  readonly maxLifetimeSeconds: number
  /** How far its clock may be off. */
  readonly toleranceSeconds: number
  /** Clients (`azp`, `appid`, `cid`, `client_id`) whose tokens are believed; null: all. */
  readonly allowedClients: readonly string[] | null
  /** Whether its tokens are those of Kubernetes ServiceAccounts and have to say so. */
  readonly isKubernetes: boolean
}

export const DEFAULT_MAX_LIFETIME_SECONDS = 86_400
export const DEFAULT_TOLERANCE_SECONDS = 60
