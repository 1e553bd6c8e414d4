import { timingSafeEqual } from 'node:crypto'
import { type ForeignPrefix, prefixesMeet } from '../domain/foreign-prefix.ts'
import { openForeignKey, sealForeignKey } from '../keys/foreign-key.ts'
import type { Seal } from '../keys/seal.ts'
import { insertForeignPrefix, listForeignPrefixes } from '../store/foreign-prefixes.ts'
import type { Change } from '../store/store.ts'
import type { Guard } from './guard.ts'
import { Rejected, rejectedField } from './problem.ts'

/** Each is looked for in every credential that is not ours, and is a label in the metrics. */
const MAX_PREFIXES = 100

/** How an import says that its digests were made. */
export type ForeignTerms = Pick<ForeignPrefix, 'prefix' | 'digest'> & {
  /** Undefined: the one that the prefix has already, or none is needed. */
  readonly key: Uint8Array | undefined
}

/** What making a prefix known asks for, beside what every import does. */
const SCOPE_OF_PREFIXES = 'resources:write'

/**
 * Writes of foreign prefixes. A prefix gives nobody a right; the credentials do, and those are judged one by one.
 *
 * Security: but it takes, for ever, what begins like this from all upstreams that such texts were passed to, and there
 * is room for few. So it is a change of resources too.
 */
export class ForeignPrefixWrites {
  constructor(
    private readonly change: Change,
    private readonly guard: Guard,
    private readonly seal: Seal,
  ) {}

  /** Makes the prefix known, or refuses terms that are not those by which it is known already. */
  async use(terms: ForeignTerms): Promise<void> {
    const present = await listForeignPrefixes(this.change.db)
    const same = present.find(({ prefix }) => prefix === terms.prefix)
    if (same !== undefined) return this.#requireSameTerms(same, terms)
    if (!this.guard.hasScope(SCOPE_OF_PREFIXES)) {
      const detail = `Nothing was imported with this prefix before: to make it known for ever takes ${SCOPE_OF_PREFIXES} too.`
      throw new Rejected('scope_missing', detail)
    }

    const { prefix, digest, key } = terms
    const meeting = present.find((other) => prefixesMeet(other.prefix, prefix))
    if (meeting !== undefined) {
      const detail = `One of ${prefix} and ${meeting.prefix}, which is known already, begins with the other: it could not be told whose a credential is.`
      throw new Rejected('conflict', detail, [{ path: 'prefix', message: `meets ${meeting.prefix}` }])
    }
    if (present.length >= MAX_PREFIXES) {
      throw new Rejected('conflict', `At most ${MAX_PREFIXES} prefixes are known at a time.`)
    }
    if (digest === 'hmac-sha256' && key === undefined) {
      throw rejectedField('hmac_key', 'missing; expected the key of the digests, in base64')
    }
    const keySealed = key === undefined ? null : sealForeignKey(prefix, key, this.seal)
    await insertForeignPrefix(this.change, { prefix, digest, keySealed })
    await this.change.record('foreign_prefix.create', 'foreign_prefix', prefix, { digest })
  }

  #requireSameTerms(known: ForeignPrefix, { prefix, digest, key }: ForeignTerms): void {
    if (known.digest !== digest) {
      const detail = `The digests of ${prefix} are made by ${known.digest}; that cannot be changed.`
      throw new Rejected('conflict', detail, [{ path: 'digest', message: `expected "${known.digest}"` }])
    }
    if (key === undefined || this.#isKeyOf(known, key)) return
    const message = 'expected the key that this prefix has already; it can be left out'
    throw new Rejected('conflict', `The digests of ${prefix} are made with another key.`, [
      { path: 'hmac_key', message },
    ])
  }

  #isKeyOf(known: ForeignPrefix, key: Uint8Array): boolean {
    const own = openForeignKey(known, this.seal)
    if (own === undefined) throw new Error(`the key of the prefix ${known.prefix} does not open`)
    return own.length === key.length && timingSafeEqual(own, key)
  }
}
