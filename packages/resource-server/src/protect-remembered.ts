import { isDenied } from './access-rule.ts'
import type { Believed, Resolve } from './protect-believed.ts'
import type { Denied } from './refusals.ts'
import { TwoGenerations } from './two-generations.ts'

/** A token whose signature is good. `isGood`: whoever vouched for it still does, and nothing has to be asked for that. */
export type Vouched = { readonly believed: Believed; readonly isGood: () => boolean }

const SIZE = 4096

/**
 * Remembers tokens that were verified, by their digest: a signature is checked once.
 *
 * Security: what is remembered is who, never a yes: whether the token is live and what it may do is decided each time.
 */
export class RememberedTokens {
  readonly #vouched = new TwoGenerations<Vouched>(SIZE)

  /** What was remembered of the token, or what `verify` says of it now. */
  resolve(verify: () => Promise<Vouched | Denied>): Resolve {
    return ({ digest }) => {
      const known = this.#vouched.get(digest)
      if (known?.isGood()) return known.believed
      if (known !== undefined) this.#vouched.delete(digest)
      return this.#verified(digest, verify)
    }
  }

  async #verified(digest: string, verify: () => Promise<Vouched | Denied>): Promise<Believed | Denied> {
    const vouched = await verify()
    if (isDenied(vouched)) return vouched
    this.#vouched.set(digest, vouched)
    return vouched.believed
  }
}
