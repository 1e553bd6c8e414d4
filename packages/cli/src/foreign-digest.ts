import type { FOREIGN_DIGESTS } from '@countersign/admin-api'
import { UsageError } from './exit.ts'
import type { Terminal } from './terminal.ts'

export type ForeignDigest = (typeof FOREIGN_DIGESTS)[number]

/** The digest of a whole credential in lower-case hexadecimal: SHA-256, or HMAC-SHA-256 where there is a key. */
export function digestOf(credential: string, hmacKey: Uint8Array | undefined): string {
  const hasher = hmacKey === undefined ? new Bun.CryptoHasher('sha256') : new Bun.CryptoHasher('sha256', hmacKey)
  return hasher.update(credential).digest('hex')
}

/** The bytes of a key file. Editors end a text with a line break that is no part of the key; other bytes all count. */
export function hmacKeyIn(terminal: Terminal, path: string): Uint8Array {
  const bytes = readBytes(terminal, path)
  const text = Buffer.from(bytes).toString('latin1')
  const key = /^[\x20-\x7e]*\r?\n$/.test(text) ? bytes.slice(0, text.search(/\r?\n$/)) : bytes
  if (key.length === 0) throw new UsageError(`--hmac-key-file: ${path} is empty.`)
  return key
}

function readBytes(terminal: Terminal, path: string): Uint8Array {
  try {
    return terminal.readBytes(path)
  } catch {
    throw new UsageError(`--hmac-key-file: the file ${path} cannot be read.`)
  }
}
