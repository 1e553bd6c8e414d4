// The one table of refusals. A status is chosen here and nowhere else; a dialect may only translate it
// (nginx's auth_request knows 401 and 403 alone).

/** One reason to say no. */
export type Refusal = {
  /** HTTP status: 400 malformed, 401 bad credential, 403 missing right, 429 too often, 503 cannot tell, 500 a bug. */
  readonly status: 400 | 401 | 403 | 429 | 500 | 503
  /**
   * The `error` of the Bearer challenge (RFC 6750 §3.1), null where that section wants none; or, of what the OAuth
   * endpoints alone refuse, the `error` of their answer (RFC 6749 §5.2, RFC 8707 §2).
   */
  readonly wire: BearerError | OAuthError | null
  /** What the caller is told. Constant: unknown, revoked, expired and disabled read alike. */
  readonly description: string
}

export type BearerError = 'invalid_request' | 'invalid_token' | 'insufficient_scope'
export type OAuthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'

const BAD_CREDENTIAL = { status: 401, wire: 'invalid_token', description: 'The credential is not valid.' } as const
const BAD_CLIENT = { status: 401, wire: 'invalid_client', description: 'Client authentication failed.' } as const
const CANNOT_TELL = { status: 503, wire: null, description: 'The credential cannot be checked right now.' } as const

export const REFUSALS = {
  // What is asked for
  untrusted_proxy: { status: 403, wire: null, description: 'This address may not ask for decisions.' },
  request_malformed: { status: 400, wire: 'invalid_request', description: 'The request is not described in full.' },
  target_malformed: { status: 400, wire: 'invalid_request', description: 'The request target is not acceptable.' },
  target_ambiguous: { status: 400, wire: 'invalid_request', description: 'The request target is ambiguous.' },
  destination_malformed: { status: 400, wire: 'invalid_request', description: 'The Destination is not acceptable.' },
  destination_host_refused: { status: 403, wire: null, description: 'The Destination is on another host.' },

  // Which rule
  host_unknown: { status: 403, wire: null, description: 'No resource is protected at this host.' },
  rule_missing: { status: 403, wire: null, description: 'No rule allows this request.' },

  // Which credential
  credential_missing: { status: 401, wire: null, description: 'Authentication is required.' },
  credential_malformed: { status: 400, wire: 'invalid_request', description: 'The credential is malformed.' },
  credential_ambiguous: { status: 400, wire: 'invalid_request', description: 'Send one credential, not several.' },

  // Who: alike outside, different inside
  credential_foreign: BAD_CREDENTIAL,
  credential_mistyped: BAD_CREDENTIAL,
  credential_unknown: BAD_CREDENTIAL,
  token_malformed: BAD_CREDENTIAL,
  token_unverified: BAD_CREDENTIAL,
  audience_refused: BAD_CREDENTIAL,
  external_token_refused: BAD_CREDENTIAL,
  issuer_disabled: BAD_CREDENTIAL,
  trust_rule_missing: BAD_CREDENTIAL,
  credential_kind_refused: BAD_CREDENTIAL,
  credential_revoked: BAD_CREDENTIAL,
  credential_not_yet_valid: BAD_CREDENTIAL,
  credential_expired: BAD_CREDENTIAL,
  owner_missing: BAD_CREDENTIAL,
  owner_disabled: BAD_CREDENTIAL,
  credential_network_refused: BAD_CREDENTIAL,

  // May they
  resource_disabled: { status: 403, wire: null, description: 'The resource is disabled.' },
  client_address_unknown: { status: 403, wire: null, description: 'The client address is not known.' },
  resource_not_granted: {
    status: 403,
    wire: 'insufficient_scope',
    description: 'The credential is not meant for this resource.',
  },
  permission_missing: { status: 403, wire: 'insufficient_scope', description: 'No permission on this resource.' },
  project_not_granted: {
    status: 403,
    wire: 'insufficient_scope',
    description: 'The credential is not meant for this project.',
  },
  project_not_captured: {
    status: 403,
    wire: 'insufficient_scope',
    description: 'The credential is confined to projects.',
  },
  principal_kind_refused: { status: 403, wire: null, description: 'This kind of principal may not do this.' },
  network_refused: { status: 403, wire: null, description: 'Not from this network.' },
  listener_refused: { status: 403, wire: null, description: 'Not on this listener.' },
  scope_missing: { status: 403, wire: 'insufficient_scope', description: 'The credential lacks a required scope.' },
  role_missing: { status: 403, wire: 'insufficient_scope', description: 'The credential lacks a required role.' },
  group_missing: { status: 403, wire: 'insufficient_scope', description: 'The principal is not in a required group.' },
  groups_overage: { status: 403, wire: null, description: 'The token does not list the groups of its subject.' },
  would_escalate: {
    status: 403,
    wire: 'insufficient_scope',
    description: 'This would give more than the caller may give.',
  },
  minting_refused: { status: 403, wire: null, description: 'This credential makes no credentials.' },
  identity_too_large: { status: 403, wire: null, description: 'The identity does not fit into headers.' },

  // At the OAuth endpoints: who asks. Unknown clients and wrong secrets read alike.
  client_unauthenticated: BAD_CLIENT,
  client_method_refused: BAD_CLIENT,
  client_mismatch: BAD_CLIENT,
  assertion_refused: BAD_CLIENT,
  assertion_replayed: BAD_CLIENT,
  workload_required: BAD_CLIENT,
  client_ambiguous: { status: 400, wire: 'invalid_request', description: 'Authenticate the client in one way.' },
  client_throttled: { status: 429, wire: 'invalid_client', description: 'Too many attempts failed. Try again later.' },

  // At the OAuth endpoints: what is asked for
  form_malformed: { status: 400, wire: 'invalid_request', description: 'The request is malformed.' },
  grant_type_unsupported: {
    status: 400,
    wire: 'unsupported_grant_type',
    description: 'This grant type is not supported.',
  },
  grant_type_refused: { status: 400, wire: 'unauthorized_client', description: 'The client may not use this grant.' },
  target_refused: { status: 400, wire: 'invalid_target', description: 'The client has no such resource.' },
  scope_refused: { status: 400, wire: 'invalid_scope', description: 'The client may have none of these scopes.' },
  token_not_owned: { status: 400, wire: 'invalid_request', description: 'The token belongs to another client.' },

  revocations_throttled: {
    status: 503,
    wire: null,
    description: 'Too many tokens of this client are being revoked. Try again later.',
  },

  // Cannot tell
  store_unavailable: CANNOT_TELL,
  store_busy: CANNOT_TELL,
  revision_unconfirmed: CANNOT_TELL,
  keys_unavailable: CANNOT_TELL,
  internal_error: { status: 500, wire: null, description: 'The request could not be decided.' },
} as const satisfies Record<string, Refusal>

export type RefusalCode = keyof typeof REFUSALS

/** Facts for the operator. Never a credential, not even a fragment of one. */
export type RefusalDetail = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/** A refusal as a value: the code chooses the answer, the detail is for `why` and the log. */
export type Denied = { readonly outcome: 'deny'; readonly code: RefusalCode; readonly detail: RefusalDetail }

const NO_DETAIL: RefusalDetail = Object.freeze({})

export function deny(code: RefusalCode, detail: RefusalDetail = NO_DETAIL): Denied {
  return { outcome: 'deny', code, detail }
}
