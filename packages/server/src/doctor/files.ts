import { existsSync, statfsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { adminKeyPath } from '../admin-key.ts'
import type { Config } from '../config.ts'
import { type Finding, fault, ok, warning } from './finding.ts'

const MIB = 1024 * 1024
const LITTLE_MIB = 512
const NONE_MIB = 64

/** Who may read what stands in the data directory, and whether there is room. `variables`: the environment. */
export function examineFiles(config: Config, variables: Readonly<Record<string, string | undefined>>): Finding[] {
  const dataDir = resolve(config.dataDir)
  if (!existsSync(dataDir)) {
    return [
      fault(
        'data_dir',
        `There is no data directory ${dataDir}.`,
        'Name it: COUNTERSIGN_DATA_DIR, or --data-dir <path>',
      ),
    ]
  }
  const findings = [...modeOf('data_dir', dataDir, 0o700), ...roomAt(dataDir)]
  for (const [name, check] of FILES) findings.push(...modeOf(check, join(dataDir, name), 0o600))
  if (config.databaseUrl === undefined && !existsSync(join(dataDir, 'countersign.db'))) {
    findings.push(
      fault(
        'database_file',
        `There is no database in ${dataDir}.`,
        'Name the data directory of the server: COUNTERSIGN_DATA_DIR',
      ),
    )
  }
  if (config.kek === undefined && !existsSync(join(dataDir, 'kek'))) {
    findings.push(
      fault(
        'kek_file',
        `There is no file ${join(dataDir, 'kek')}, and COUNTERSIGN_KEK is not set.`,
        'Restore it from where it is kept: without it no signing key opens.',
      ),
    )
  }
  const adminKey = adminKeyPath(dataDir)
  if (existsSync(adminKey)) {
    const says = `The admin key of the first run still lies in ${adminKey}.`
    findings.push(
      warning(
        'admin_key_file',
        says,
        'Keep it elsewhere, or make another and revoke this one: countersign admin-key',
        `rm ${adminKey}`,
      ),
    )
  }
  const secrets = Object.entries(variables).flatMap(([name, path]) =>
    /^COUNTERSIGN_[A-Z_]+_FILE$/.test(name) && path !== undefined ? [path] : [],
  )
  for (const path of secrets) findings.push(...modeOf('secret_file', path, 0o600, 0o077))
  return findings.some(({ level }) => level !== 'ok')
    ? findings
    : [ok('files', `Nobody but their owner can read the files in ${dataDir}.`), ...findings]
}

/** With the companions that SQLite makes beside a database. */
const FILES: readonly (readonly [name: string, check: string])[] = [
  ['kek', 'kek_file'],
  ['admin-key', 'admin_key_mode'],
  ...['countersign.db', 'decisions.db'].flatMap((name) =>
    ['', '-wal', '-shm'].map((end) => [`${name}${end}`, 'database_file'] as const),
  ),
]

function modeOf(check: string, path: string, expected: number, forbidden = 0o077): Finding[] {
  if (!existsSync(path)) return []
  const mode = statSync(path).mode & 0o777
  if ((mode & forbidden) === 0) return []
  const says = `Others than its owner may use ${path} (mode ${mode.toString(8).padStart(4, '0')}).`
  return [fault(check, says, `chmod ${expected.toString(8).padStart(4, '0')} ${path}`)]
}

function roomAt(dataDir: string): Finding[] {
  const { bavail, bsize } = statfsSync(dataDir)
  const free = Math.floor((bavail * bsize) / MIB)
  const todo = 'Make room: what cannot be written is not acknowledged, and revoking would fail.'
  if (free < NONE_MIB) return [fault('disk', `There are ${free} MiB left where ${dataDir} is.`, todo)]
  return free < LITTLE_MIB ? [warning('disk', `There are ${free} MiB left where ${dataDir} is.`, todo)] : []
}
