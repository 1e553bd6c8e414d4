import { createHmac } from 'node:crypto'
import { deny } from '@countersign/resource-server'
import type { Directory } from '../directory/directory.ts'
import { type ForeignPrefix, foreignDigest } from '../domain/foreign-prefix.ts'
import { openForeignKey } from '../keys/foreign-key.ts'
import type { Seal } from '../keys/seal.ts'
import type { CredentialKind, Resolver } from './resolver.ts'
import type { FindStored } from './stored.ts'

export type ForeignDeps = {
  readonly directory: Directory
  readonly seal: Seal
  readonly sha256Hex: (text: string) => string
  readonly find: FindStored
}

const MAX_LENGTH = 512
const PRINTABLE = /^[!-~]+$/

/**
 * Credentials that another system issued and whose digests were imported, by what they begin with.
 *
 * Security: stands last in the table of kinds. What is ours was recognised before, whatever prefixes there are; and
 * none of them can begin like `cs_` or a JWT.
 */
export function foreignKind({ directory, seal, sha256Hex, find }: ForeignDeps): CredentialKind {
  /** Opened when they are first needed. A prefix is one object as long as the directory holds it. */
  const keys = new WeakMap<ForeignPrefix, Uint8Array>()
  const keyOf = (from: ForeignPrefix) => {
    const key = keys.get(from) ?? openForeignKey(from, seal)
    if (key !== undefined) keys.set(from, key)
    return key
  }
  const resolve: Resolver = (text) => {
    const from = directory.foreignPrefixOf(text)
    if (from === undefined) return deny('credential_unknown')
    if (text.length > MAX_LENGTH || !PRINTABLE.test(text)) return deny('credential_unknown', { because: 'its form' })
    if (from.digest === 'sha256') return find(foreignDigest(from, sha256Hex(text)))
    const key = keyOf(from)
    if (key === undefined) return deny('store_unavailable', { because: `the key of ${from.prefix} does not open` })
    return find(foreignDigest(from, createHmac('sha256', key).update(text).digest('hex')))
  }
  return { recognise: (text) => (directory.foreignPrefixOf(text) === undefined ? undefined : resolve) }
}
