import type { RoleMappings, TokenPolicy } from '@countersign/resource-server'

/** Where the keys of an issuer come from. Files are on this host and are read anew when they change. */
export type KeySource =
  | { readonly kind: 'discovery' }
  | { readonly kind: 'jwks_uri'; readonly uri: string }
  | { readonly kind: 'jwks'; readonly jwks: { readonly keys: readonly object[] } }
  | { readonly kind: 'jwks_file'; readonly path: string }

/**
 * How ServiceAccount tokens of a cluster are believed. `jwks`: by their signature alone, so a token outlives its pod and
 * its ServiceAccount until it expires. `token_review`: the API server is asked as well, at most 10 seconds ago.
 */
export type KubernetesReview = {
  readonly mode: 'jwks' | 'token_review'
  /** Null: the API server is not asked for anything. */
  readonly apiServer: string | null
  /** Our own projected token, shown to the API server, and read anew when it changes. Null: none is shown. */
  readonly tokenFile: string | null
}

/** Somebody else who signs tokens, whose keys we hold. */
export type ExternalIssuer = Omit<TokenPolicy, 'isKubernetes'> & {
  readonly keySource: KeySource
  /** Certificates (PEM) to trust when the issuer is asked, in place of those of the system. */
  readonly caFile: string | null
  readonly kubernetes: KubernetesReview | null
  readonly isKubernetes: boolean
  /** Group here → values of its groups claims. Null: those of the instance. */
  readonly groupMappings: RoleMappings | null
  /** Null: the usual ones. */
  readonly groupsClaims: readonly string[] | null
  /** Whether a token of it authenticates a client once only, by its `jti`. */
  readonly singleUseAssertions: boolean
  readonly disabled: boolean
  readonly managedBy: string | null
  readonly createdAt: Date
  /** The revision of its last change. */
  readonly revision: number
}
