// Databases for tests, each used by one test alone, on both engines.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RandomBytes } from '../../domain/ids.ts'
import { type OpenedStore, openStore } from '../open.ts'
import { IN_MEMORY } from '../sqlite.ts'
import { makeDatabase, makeEmptyDatabase, postgresUrl } from './postgres-databases.ts'

/** Where a store is kept, in the words of the configuration. */
export type Place = {
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  remove(): Promise<void>
}

export type Engine = {
  readonly name: 'SQLite' | 'PostgreSQL'
  /** A database as a first start leaves it, that several processes may open. */
  makePlace(): Promise<Place>
  /** One that was never started. */
  makeEmptyPlace(): Promise<Place>
}

export const SQLITE: Engine = {
  name: 'SQLite',
  makePlace: makeDirectory,
  makeEmptyPlace: makeDirectory,
}

export const POSTGRES: Engine = {
  name: 'PostgreSQL',
  makePlace: () => makePostgresPlace(makeDatabase),
  makeEmptyPlace: () => makePostgresPlace(makeEmptyDatabase),
}

async function makeDirectory(): Promise<Place> {
  const dataDir = mkdtempSync(join(tmpdir(), 'countersign-store-'))
  return { dataDir, databaseUrl: undefined, remove: async () => rmSync(dataDir, { recursive: true, force: true }) }
}

async function makePostgresPlace(make: typeof makeDatabase): Promise<Place> {
  const [directory, database] = await Promise.all([makeDirectory(), make()])
  return {
    dataDir: directory.dataDir,
    databaseUrl: database.url,
    async remove() {
      await directory.remove()
      await database.remove()
    },
  }
}

/** The engines that can be tested on this machine. Where PostgreSQL cannot be started that is said; in CI it fails. */
export async function availableEngines(): Promise<readonly Engine[]> {
  try {
    await postgresUrl()
    return [SQLITE, POSTGRES]
  } catch (error) {
    if (process.env.CI === 'true' || chosenEngine() === POSTGRES) throw error
    console.warn(`SKIPPED all on PostgreSQL, which cannot be started here: ${error}`)
    return [SQLITE]
  }
}

/** The engine that the suites of the server run on: scripts/test.ts runs them once on each. */
export function chosenEngine(): Engine {
  const { TEST_ENGINE: name = 'sqlite' } = process.env
  if (name === 'sqlite') return SQLITE
  if (name === 'postgres') return POSTGRES
  throw new Error(`TEST_ENGINE=${name}: expected sqlite or postgres`)
}

export function openPlace(place: Place, clock: () => Date, random: RandomBytes): Promise<OpenedStore> {
  return openStore(place.dataDir, clock, random, place.databaseUrl)
}

/** A store of its own for one test, on the chosen engine; closing it removes it. */
export async function openTestStore(clock: () => Date, random: RandomBytes): Promise<OpenedStore> {
  if (chosenEngine() === SQLITE) return openStore(IN_MEMORY, clock, random)
  const place = await POSTGRES.makePlace()
  const store = await openPlace(place, clock, random)
  return {
    ...store,
    async close() {
      await store.close()
      await place.remove()
    },
  }
}

const databases = new Map<string, Promise<Place>>()

/** The database that belongs to a data directory on the chosen engine, as the configuration names it. */
export async function databaseOf(dataDir: string): Promise<Pick<Place, 'databaseUrl' | 'remove'>> {
  if (chosenEngine() === SQLITE) return { databaseUrl: undefined, remove: async () => undefined }
  if (dataDir === IN_MEMORY) return POSTGRES.makePlace()
  const kept = databases.get(dataDir) ?? POSTGRES.makePlace()
  databases.set(dataDir, kept)
  return { databaseUrl: (await kept).databaseUrl, remove: async () => undefined }
}
