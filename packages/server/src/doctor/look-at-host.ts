import type { Config } from '../config.ts'
import { openForReading } from '../store/reading.ts'
import { readLaggingStandbys } from '../store/standbys.ts'
import type { Db } from '../store/store.ts'
import { examineCredentials } from './credentials.ts'
import { examineKeys, examinePostgres, examineSchema } from './database.ts'
import { examineFiles } from './files.ts'
import { because, type Finding, fault, unchecked } from './finding.ts'
import { examineIssuers } from './issuers.ts'
import { examineReach } from './reach.ts'
import { examineSettings } from './settings.ts'

/** What the host gives: the environment that the server is started with, and time. */
export type Host = {
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly clock: () => Date
  readonly monotonicMs: () => number
}

/**
 * Looks at everything on the server's own host, and changes nothing: files, settings, database, keys, issuers, and
 * whether the public URL leads here.
 *
 * Security: no secret is in what comes back.
 */
export async function lookAtHost(config: Config, host: Host): Promise<Finding[]> {
  const files = await trying('files', () => examineFiles(config, host.variables))
  const settings = await trying('settings', () => examineSettings(config))
  const isMissing = files.some(({ check, level }) => level === 'fault' && NO_DATABASE.includes(check))
  const database =
    isMissing && config.databaseUrl === undefined
      ? [unchecked('database', 'The database was not looked at: there is none.')]
      : await trying('database', () => examineDatabase(config, host))
  return [...files, ...settings, ...database, ...(await trying('reach', () => examineReach(config)))]
}

const NO_DATABASE = ['data_dir', 'database_file']

async function examineDatabase(config: Config, host: Host): Promise<Finding[]> {
  const database = await openForReading(config.dataDir, config.databaseUrl)
  const { db, server } = database
  try {
    const schema = await examineSchema(db)
    const isOurs = schema.every(({ level }) => level === 'ok')
    return [
      ...(server === undefined ? [] : examinePostgres(server, await readLaggingStandbys(db), host.clock())),
      ...schema,
      ...(isOurs ? await examineContents(db, config, host) : []),
    ]
  } finally {
    await database.close()
  }
}

async function examineContents(db: Db, config: Config, host: Host): Promise<Finding[]> {
  const now = host.clock()
  return [
    ...(await trying('keys', () => examineKeys(db, config, now))),
    ...(await trying('credentials', () => examineCredentials(db, now, config.bootstrapKey !== undefined))),
    ...(await trying('issuers', () => examineIssuers(db, config, host))),
  ]
}

/** What cannot be looked at is a finding, too, and keeps nothing else from being looked at. */
async function trying(check: string, look: () => Finding[] | Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look()
  } catch (error) {
    return [
      fault(
        check,
        `The ${check} cannot be looked at: ${because(error)}.`,
        'Run this as the user that runs the server.',
      ),
    ]
  }
}
