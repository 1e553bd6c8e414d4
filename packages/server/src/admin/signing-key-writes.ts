import { replaceSigningKeys, rotateSigningKey } from '../keys/rotation.ts'
import type { Seal } from '../keys/seal.ts'
import type { Change } from '../store/store.ts'
import type { Guard } from './guard.ts'

/** Writes of signing keys: who makes one decides what everybody believes. */
export class SigningKeyWrites {
  constructor(
    private readonly change: Change,
    private readonly guard: Guard,
    private readonly seal: Seal,
  ) {}

  /** Publishes the key that signs next. Is one waiting already, that is it. Returns its id. */
  async rotate(): Promise<string> {
    await this.guard.mayAlterManagement('Rotating the signing key')
    const { kid } = await rotateSigningKey(this.change, this.seal)
    return kid
  }

  /** Has a new key sign at once, and takes all others out of use with what they signed. Returns its id. */
  async replace(): Promise<string> {
    await this.guard.mayAlterManagement('Replacing the signing keys')
    return replaceSigningKeys(this.change, this.seal)
  }
}
