import type { Generated } from 'kysely'

// Rows as both engines keep them: Unix seconds, 0/1 for booleans, JSON as text. Translated at the edge of each noun's file.

export type Tables = {
  /** One row. Every change that can alter an answer takes the next value before it does anything else. */
  revision: {
    id: number
    value: number
    /** Chance, anew at each change: says of two equal values whether they are of one history. */
    stamp: Generated<string>
  }
  /** What changed at which revision: ids only. Nodes follow it. `stamp`: that of the revision. */
  change: { revision: number; noun: string; noun_id: string; at: number; stamp: Generated<string> }
  /** The servers on this database, as they last said it themselves. Times are Unix milliseconds of the database's clock. */
  node: {
    id: string
    name: string
    version: string
    started_at: number
    seen_at: number
    revision: number
    /** How long it may answer from what it holds without the database. */
    lease_ms: number
  }
  audit_event: {
    id: string
    revision: number
    at: number
    actor: string
    credential: string | null
    action: string
    noun: string
    noun_id: string
    detail: string
    /** Whose it is, `client:canister`: of a client, user or group itself, of what it has, of what it holds. */
    about: string | null
  }
  /** Ids that were deleted; they are never issued again. */
  retired_id: { noun: string; noun_id: string }
  resource: {
    name: string
    identifier: string
    managed_by: string | null
    disabled: number
    /** Scopes, rules and settings, as the wire has them. */
    body: string
    created_at: number
    revision: number
  }
  resource_host: { host: string; resource: string }
  group: {
    name: string
    description: string
    disabled: number
    managed_by: string | null
    created_at: number
    revision: number
  }
  client: {
    id: string
    name: string
    disabled: number
    body: string
    managed_by: string | null
    created_at: number
    revision: number
  }
  user: {
    id: string
    name: string
    email: string | null
    /** argon2id in PHC form. */
    password_hash: string | null
    disabled: number
    managed_by: string | null
    created_at: number
    revision: number
  }
  membership: { group: string; member_kind: string; member: string }
  permission: {
    id: string
    holder_kind: string
    holder: string
    resource: string
    scopes: string
    roles: string
    projects: string | null
    managed_by: string | null
    created_at: number
  }
  credential: {
    id: string
    kind: string
    owner_kind: string
    owner: string
    digest: string
    name: string
    hint: string
    resources: string | null
    scopes: string | null
    projects: string | null
    /** Of access tokens: the identifier that they were issued for. */
    audience: string | null
    networks: string | null
    not_before: number | null
    expires_at: number | null
    family: string
    ancestors: string | null
    created_at: number
    created_by: string
    revision: number
    revoked_at: number | null
    revoked_by: string | null
    revoked_reason: string | null
    last_used_at: number | null
    last_used_from: string | null
    /** What it begins with, when another system issued it. */
    imported_from: string | null
    managed_by: string | null
  }
  /** Prefixes of other systems' credentials that were imported, and how their digests are made. */
  foreign_prefix: {
    prefix: string
    digest: string
    /** The key of HMAC-SHA-256, sealed. */
    key_sealed: string | null
    created_at: number
    revision: number
  }
  /** Others whose tokens are believed. */
  issuer: {
    name: string
    /** `iss`: several may share one. */
    issuer: string
    disabled: number
    body: string
    managed_by: string | null
    created_at: number
    revision: number
  }
  /** Which subjects of an issuer stand for whom. */
  trust_rule: {
    name: string
    issuer: string
    mode: string
    expires_at: number | null
    resources: string | null
    scopes: string | null
    projects: string | null
    body: string
    managed_by: string | null
    created_at: number
    revision: number
  }
  /** Which subject of another issuer a user is. */
  user_link: { issuer: string; subject: string; user: string }
  revocation_line: {
    subject: string
    revision: number
    /** What was made before this moment is dead too. */
    before: number | null
    at: number
    by: string
    reason: string | null
    /** When all that it goes through has expired. */
    ends_at: number | null
  }
  signing_key: {
    kid: string
    public_jwk: string
    private_sealed: string
    created_at: number
    /** From when on it signs; before, it is only published. */
    active_from: number
    retired_at: number | null
  }
  /** Assertions of clients that were accepted, until they expire: each counts once (RFC 7523 §3). */
  used_assertion: { client: string; jti: string; expires_at: number }
  setting: { name: string; value: string }
}

export type DecisionTables = {
  decision: {
    seq: Generated<number>
    id: string
    at: number
    outcome: string
    code: string | null
    resource: string | null
    credential: string | null
    body: string
  }
  /** Allowed answers, counted: one row per credential, resource, rule and hour. */
  allowed: { credential: string; resource: string; rule: number; hour: number; count: number }
}
