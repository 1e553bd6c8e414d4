import { isDenied } from './access-rule.ts'
import type { Believed, Resolve } from './protect-believed.ts'
import { type Denied, deny } from './refusals.ts'
import { TooManyWait } from './turns.ts'
import { TwoGenerations } from './two-generations.ts'

/** A token whose signature is good. `isGood`: whoever vouched for it still does, and nothing has to be asked for that. */
export type Vouched = { readonly believed: Believed; readonly isGood: () => boolean }

const SIZE = 4096

/**
 * Remembers tokens that were verified, by their digest: a signature is checked once, however many show it at once.
 *
 * Security: what is remembered is who, never a yes: whether the token is live and what it may do is decided each time.
 */
export class RememberedTokens {
  readonly #vouched = new TwoGenerations<Vouched>(SIZE)
  readonly #running = new Map<string, Promise<Believed | Denied>>()

  /** What was remembered of the token, or what `verify` says of it now. */
  resolve(verify: () => Promise<Vouched | Denied>): Resolve {
    return ({ digest }) => {
      const known = this.#vouched.get(digest)
      if (known?.isGood()) return known.believed
      if (known !== undefined) this.#vouched.delete(digest)
      return this.#running.get(digest) ?? this.#begin(digest, verify)
    }
  }

  #begin(digest: string, verify: () => Promise<Vouched | Denied>): Promise<Believed | Denied> {
    const running = this.#verified(digest, verify).finally(() => this.#running.delete(digest))
    this.#running.set(digest, running)
    return running
  }

  async #verified(digest: string, verify: () => Promise<Vouched | Denied>): Promise<Believed | Denied> {
    const vouched = await verify().catch(busyOrThrow)
    if (isDenied(vouched)) return vouched
    this.#vouched.set(digest, vouched)
    return vouched.believed
  }
}

function busyOrThrow(error: unknown): Denied {
  if (error instanceof TooManyWait) return deny('store_busy', { because: error.message })
  throw error
}
