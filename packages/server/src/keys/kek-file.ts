import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { RandomBytes } from '../domain/ids.ts'
import { hasDatabase } from '../store/open.ts'
import { keepFirstSetting, readSetting } from '../store/settings.ts'
import type { Store } from '../store/store.ts'
import { KEK_BYTES, type Seal } from './seal.ts'

/** Reads `<data>/kek`, and makes it where there is none: 0600, not in backups. */
export function loadKek(dataDir: string, random: RandomBytes): Uint8Array {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const path = resolve(dataDir, 'kek')
  if (!existsSync(path) && hasDatabase(dataDir)) {
    throw new Error(`${path} is missing, and this database was made with one: restore it from where it is kept`)
  }
  if (!existsSync(path)) makeKek(path, random)
  const kek = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64')
  if (kek.length !== KEK_BYTES) throw new Error(`${path} does not hold ${KEK_BYTES} bytes in base64`)
  return kek
}

/** Puts the file in its place when all of it is on the disk: a crash leaves a whole one or none. */
function makeKek(path: string, random: RandomBytes): void {
  const fresh = `${path}.${Buffer.from(random(8)).toString('hex')}`
  try {
    const file = openSync(fresh, 'wx', 0o600)
    try {
      writeFileSync(file, Buffer.from(random(KEK_BYTES)).toString('base64'))
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    // A link replaces nothing: whoever comes second reads what the first one wrote.
    linkSync(fresh, path)
    syncFolder(dirname(path))
  } catch (error) {
    if (!isExisting(error)) throw error
  } finally {
    rmSync(fresh, { force: true })
  }
}

/** Keeps the name too: a database whose key is lost in a power cut can never be opened again. */
function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

const CANARY = 'kek_canary'

export const WRONG_KEK =
  'the key-encryption key is not the one that this database was made with; restore the file kek of its data directory, or ' +
  'set COUNTERSIGN_KEK to the one that all nodes on it share'

/** Stops the start when this key-encryption key is not the one that this database was sealed with. */
export async function checkKek(store: Store, seal: Seal): Promise<void> {
  const own = seal.seal(new TextEncoder().encode('countersign'), CANARY)
  const canary = (await readSetting(store.reader, CANARY)) ?? (await keepFirstSetting(store.writer, CANARY, own))
  if (seal.open(canary, CANARY) === undefined) throw new Error(WRONG_KEK)
}

/** Whether this key-encryption key is the one that the database was made with. Undefined: it was made with none yet. */
export async function fitsKek(db: Store['reader'], seal: Seal): Promise<boolean | undefined> {
  const canary = await readSetting(db, CANARY)
  return canary === undefined ? undefined : seal.open(canary, CANARY) !== undefined
}

function isExisting(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST'
}
