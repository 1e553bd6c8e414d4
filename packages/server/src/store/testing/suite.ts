// What the tests of the store share: each of them on a fresh database, on every engine.
import { afterEach, beforeEach, describe } from 'bun:test'
import type { StoredCredential } from '../../domain/credential.ts'
import { insertCredential } from '../credentials.ts'
import type { OpenedStore } from '../open.ts'
import { type Actor, type Change, change, type Db } from '../store.ts'
import { availableEngines, type Engine, openPlace, type Place, POSTGRES } from './engines.ts'
import { credentialOf, T0 } from './rows.ts'

export const OPS: Actor = { by: 'client:ops', credential: 'key_ops' }

export const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

const engines = await availableEngines()

/** The store of the running test. */
export class TestedStore {
  now = T0
  #place: Place | undefined
  #opened: OpenedStore[] = []

  constructor(readonly engine: Engine) {}

  async start(place: Promise<Place>): Promise<void> {
    this.now = T0
    this.#place = await place
    this.#opened = []
    await this.openAgain()
  }

  async discard(): Promise<void> {
    for (const store of this.#opened) await store.close()
    await this.#place?.remove()
  }

  get place(): Place {
    if (this.#place === undefined) throw new Error('no test is running')
    return this.#place
  }

  get store(): OpenedStore {
    const [store] = this.#opened
    if (store === undefined) throw new Error('no test is running')
    return store
  }

  get reader(): Db {
    return this.store.reader
  }

  get writer(): Db {
    return this.store.writer
  }

  /** The same database once more, as another process would open it. */
  async openAgain(): Promise<OpenedStore> {
    const store = await openPlace(this.place, () => this.now, random)
    this.#opened.push(store)
    return store
  }

  /** Does some work in a change of its own; returns its revision. */
  async run(work: (running: Change) => Promise<unknown>): Promise<number> {
    return (await change(this.store, OPS, work)).revision
  }

  insertKey(id: string, changed?: Partial<StoredCredential>, digest = `digest of ${id}`): Promise<number> {
    return this.run((running) =>
      insertCredential(running, { ...credentialOf(id, changed), revision: running.revision }, digest),
    )
  }

  events() {
    return this.reader.selectFrom('audit_event').selectAll().orderBy('id').execute()
  }
}

/** One suite for every engine: what the rest of the server may rely on, whatever the database is. */
export function onEveryEngine(what: string, body: (at: TestedStore) => void, kind: 'started' | 'empty' = 'started') {
  onEngines(engines, what, body, kind)
}

export function onPostgres(what: string, body: (at: TestedStore) => void) {
  onEngines(
    engines.filter((engine) => engine === POSTGRES),
    what,
    body,
    'started',
  )
}

function onEngines(
  chosen: readonly Engine[],
  what: string,
  body: (at: TestedStore) => void,
  kind: 'started' | 'empty',
) {
  for (const engine of chosen) {
    describe(`${what} on ${engine.name}`, () => {
      const at = new TestedStore(engine)
      beforeEach(() => at.start(kind === 'empty' ? engine.makeEmptyPlace() : engine.makePlace()))
      afterEach(() => at.discard())
      body(at)
    })
  }
}
