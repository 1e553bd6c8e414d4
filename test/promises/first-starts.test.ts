// Starts on a database that several servers share, as real processes.
import { describe, expect, test } from 'bun:test'
import { availableEngines, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { BOOTSTRAP_KEY, KEK } from '../support/app.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { killInMigration, startOnLater, startTwoAtOnce } from './first-starts.ts'

const hasPostgres = (await availableEngines()).includes(POSTGRES)

describe.skipIf(!hasPostgres)('a start on PostgreSQL', () => {
  test(
    'OPS-20 beside another on an empty database: both serve, and from the same one',
    async () => {
      expect(await startTwoAtOnce()).toBe(200)
    },
    PATIENCE_MS,
  )

  test(
    'OPS-20 that is killed in the middle of a migration leaves nothing, and the next one serves',
    async () => {
      expect(await killInMigration()).toEqual({ tables: 0, status: 200 })
    },
    PATIENCE_MS,
  )

  test(
    'OPS-20 of a version that is older than the database is refused, in words',
    async () => {
      const { exitCode, stdout, stderr } = await startOnLater()
      const said = stdout + stderr
      expect(exitCode).toBe(1)
      expect(said).toContain(
        'a later version of Countersign, by the migration 9999_later: run that version or a newer one',
      )
      for (const kept of [BOOTSTRAP_KEY, KEK, '    at ']) expect(said).not.toContain(kept)
    },
    PATIENCE_MS,
  )
})
