import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto'
import type { RandomBytes } from '../domain/ids.ts'

// Private keys rest in the database only under the key-encryption key: AES-256-GCM, a fresh nonce each time.

const NONCE_BYTES = 12
const TAG_BYTES = 16
export const KEK_BYTES = 32

export type Seal = {
  /** Seals `plain`; `purpose` is bound to it, so that a sealed text cannot be moved to another place. */
  seal(plain: Uint8Array, purpose: string): string
  /** Undefined: it was sealed by another key, for another purpose, or was altered. */
  open(sealed: string, purpose: string): Uint8Array | undefined
  /** 32 bytes by which `text` is known again, and which tell nobody without the key what it was. */
  mark(text: string, purpose: string): Uint8Array
}

export function sealWith(kek: Uint8Array, random: RandomBytes): Seal {
  if (kek.length !== KEK_BYTES) throw new Error(`the key-encryption key has to be ${KEK_BYTES} bytes`)
  const marking = Buffer.from(hkdfSync('sha256', kek, '', 'countersign marks', KEK_BYTES))
  return {
    mark: (text, purpose) => createHmac('sha256', marking).update(`${purpose}\0${text}`).digest(),
    seal(plain, purpose) {
      const nonce = random(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', kek, nonce).setAAD(Buffer.from(purpose))
      return `v1.${Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64url')}`
    },
    open(sealed, purpose) {
      if (!sealed.startsWith('v1.')) return undefined
      const bytes = Buffer.from(sealed.slice(3), 'base64url')
      if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
      const decipher = createDecipheriv('aes-256-gcm', kek, bytes.subarray(0, NONCE_BYTES))
      decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(-TAG_BYTES))
      try {
        return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
      } catch {
        return undefined
      }
    },
  }
}
