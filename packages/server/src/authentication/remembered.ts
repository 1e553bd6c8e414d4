/**
 * A value for each key, kept while the key lives. Nearly always there is one key: it is found by one comparison, where
 * a map would be walked through memory that other requests have pushed out of the CPU's caches.
 */
export class Remembered<Key extends object, Value> {
  #newest: { readonly key: Key; readonly value: Value } | undefined
  #others: WeakMap<Key, Value> | undefined

  get(key: Key): Value | undefined {
    return this.#newest?.key === key ? this.#newest.value : this.#others?.get(key)
  }

  set(key: Key, value: Value): void {
    const before = this.#newest
    if (before !== undefined && before.key !== key) {
      this.#others ??= new WeakMap()
      this.#others.set(before.key, before.value)
    }
    this.#newest = { key, value }
  }
}
