import { Turns } from '@countersign/resource-server'

/**
 * Runs look-ups, few at a time: one for all who ask for the same key at once, a bounded queue for the others.
 *
 * Security: joined by the full digest of the credential, never by a part of it: a collision would be a swap of identities.
 */
export class LookUps<T> {
  readonly #running = new Map<string, Promise<T>>()

  constructor(
    private readonly find: (key: string) => Promise<T>,
    /** Where a key waits for its turn. */
    private readonly turnsOf: (key: string) => Turns = always(new Turns()),
  ) {}

  get(key: string): Promise<T> {
    const joined = this.#running.get(key)
    if (joined !== undefined) return joined
    const running = this.turnsOf(key)
      .take(() => this.find(key))
      .finally(() => this.#running.delete(key))
    this.#running.set(key, running)
    return running
  }
}

function always(turns: Turns) {
  return () => turns
}
