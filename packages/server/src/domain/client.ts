import type { Network } from '@countersign/resource-server'

/** Registered software that calls (RFC 6749 §2). */
export type Client = {
  readonly id: string
  readonly name: string
  readonly groups: readonly string[]
  readonly grants: readonly string[]
  readonly defaultResource: string | null
  readonly accessTokenTtlSeconds: number | null
  /** Where its credentials may be used from; empty: anywhere. */
  readonly networks: readonly Network[]
  readonly networkTexts: readonly string[]
  readonly listener: 'any' | 'internal'
  readonly disabled: boolean
  /** What declares it: null for people through the API, `countersign` for what the server itself made. */
  readonly managedBy: string | null
  readonly createdAt: Date
  readonly revision: number
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
