import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { fitsKek } from '../keys/kek-file.ts'
import { KeyRing } from '../keys/key-ring.ts'
import { KEK_BYTES, type Seal, sealWith } from '../keys/seal.ts'
import { type PostgresServer, readSchemaState } from '../store/reading.ts'
import { listSigningKeys } from '../store/signing-keys.ts'
import type { Db } from '../store/store.ts'
import { because, type Finding, fault, ok, warning } from './finding.ts'

/** More than this, and `/readyz` says no. */
const MAX_SKEW_MS = 30_000
const NOTED_SKEW_MS = 2000
const DAY_MS = 86_400_000

/** How PostgreSQL is set up, whether its standbys have what was acknowledged, and whether its clock is ours. */
export function examinePostgres(server: PostgresServer, laggingStandbys: readonly string[], now: Date): Finding[] {
  const findings: Finding[] = []
  if (server.encoding !== 'UTF8') {
    findings.push(
      fault(
        'encoding',
        `The database has the encoding ${server.encoding}.`,
        'Make one that has UTF8: createdb --encoding UTF8 --template template0 countersign',
      ),
    )
  }
  if (server.fsync !== 'on' || server.fullPageWrites !== 'on') {
    const says = `PostgreSQL does not wait for its disk (fsync ${server.fsync}, full_page_writes ${server.fullPageWrites}): a revocation may be lost in a power cut.`
    findings.push(fault('durability', says, 'In postgresql.conf: fsync = on, full_page_writes = on'))
  }
  if (server.synchronousCommit === 'off') {
    findings.push(
      warning(
        'synchronous_commit',
        'PostgreSQL has synchronous_commit = off. Countersign turns it on for itself; what else writes there may lose what it wrote.',
        'In postgresql.conf: synchronous_commit = on',
      ),
    )
  }
  if (laggingStandbys.length > 0) {
    findings.push(
      warning(
        'standbys',
        `No standby of the database is synchronous (${laggingStandbys.join(', ')}): if one takes over, a revocation that was acknowledged may be lost.`,
        `In postgresql.conf: synchronous_standby_names = 'ANY 1 (${laggingStandbys.join(', ')})'`,
      ),
    )
  }
  const skewMs = Math.abs(now.getTime() - server.nowMs)
  const skew = `The clock of this machine is ${Math.round(skewMs / 1000)} s off that of the database.`
  if (skewMs > MAX_SKEW_MS) findings.push(fault('clock', skew, 'Set both by NTP: expiry is judged by this machine’s.'))
  else if (skewMs > NOTED_SKEW_MS) findings.push(warning('clock', skew, 'Set both by NTP.'))
  return findings.length > 0 ? findings : [ok('postgres', `PostgreSQL ${server.version} is set up as it should be.`)]
}

/** Whether the schema is that of this version. */
export async function examineSchema(db: Db): Promise<Finding[]> {
  const { missing, newer } = await readSchemaState(db)
  if (newer.length > 0) {
    return [
      fault(
        'schema',
        `The database is of a newer version (${newer.join(', ')}).`,
        'Run the version that brought it there, or restore the backup from before.',
      ),
    ]
  }
  if (missing.length > 0) {
    return [
      fault('schema', `The database is behind this version: it lacks ${missing.join(', ')}.`, 'countersign migrate'),
    ]
  }
  return [ok('schema', 'The database is as this version wants it.')]
}

/** Whether the key-encryption key opens what is sealed, and how old the signing keys are. */
export async function examineKeys(db: Db, config: Config, now: Date): Promise<Finding[]> {
  const kek = config.kek ?? readKek(config.dataDir)
  // That there is none is said of the files.
  if (kek === undefined) return []
  if (typeof kek === 'string') return [fault('kek', kek, 'Restore it from where it is kept.')]
  const seal = sealWith(kek, () => new Uint8Array())
  if ((await fitsKek(db, seal)) === false) {
    return [
      fault(
        'kek',
        'The key-encryption key is not the one that this database was made with.',
        'Restore the file kek of its data directory, or set COUNTERSIGN_KEK to the one that all nodes share.',
      ),
    ]
  }
  return [ok('kek', 'The key-encryption key fits the database.'), ...(await examineSigningKeys(db, seal, config, now))]
}

async function examineSigningKeys(db: Db, seal: Seal, config: Config, now: Date): Promise<Finding[]> {
  const keys = await listSigningKeys(db)
  try {
    void new KeyRing(() => keys, seal).publicKeys
  } catch (error) {
    return [
      fault(
        'signing_keys',
        `A signing key does not open: ${because(error)}.`,
        'Restore it from a backup, or make another: countersign keys rotate',
      ),
    ]
  }
  const current = keys.find(({ activeFrom }) => activeFrom <= now)
  if (current === undefined) {
    return [
      warning('signing_keys', 'There is no signing key yet.', 'The server makes one when it starts: countersign serve'),
    ]
  }
  const days = Math.floor((now.getTime() - current.activeFrom.getTime()) / DAY_MS)
  const next = keys.find(({ activeFrom }) => activeFrom > now)
  const limit = config.signingKeyRotationDays
  if (limit !== null && days > limit + 1 && next === undefined) {
    return [
      warning(
        'signing_keys',
        `The signing key is ${days} days old, and COUNTERSIGN_SIGNING_KEY_ROTATION_DAYS is ${limit}.`,
        'A server that runs rotates it. Does one run? countersign keys rotate does it now.',
      ),
    ]
  }
  const waiting = next === undefined ? '' : `; the next one signs from ${next.activeFrom.toISOString()} on`
  return [ok('signing_keys', `The signing key is ${days} days old${waiting}.`)]
}

/** Undefined: there is no file. A text: what is wrong with it. */
function readKek(dataDir: string): Uint8Array | string | undefined {
  const path = join(dataDir, 'kek')
  if (!existsSync(path)) return undefined
  const kek = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64')
  return kek.length === KEK_BYTES ? kek : `${path} does not hold ${KEK_BYTES} bytes in base64.`
}
