import { describe, expect, test } from 'bun:test'
import { readRevision } from './change-log.ts'
import { insertClient } from './clients.ts'
import { isOutage } from './outage.ts'
import { change } from './store.ts'
import { clientWrite } from './testing/rows.ts'
import { OPS, onEveryEngine } from './testing/suite.ts'

onEveryEngine('an error', (at) => {
  const caught = async (work: Promise<unknown>) => isOutage(await work.catch((error: unknown) => error))

  test('of a database that is closed is an outage', async () => {
    const other = await at.openAgain()
    await readRevision(other.reader)
    await other.close()
    expect(await caught(readRevision(other.reader))).toBe(true)
    expect(await caught(change(other, OPS, async () => undefined))).toBe(true)
  })

  test('of a query that is wrong, or of a row that cannot be, is a bug', async () => {
    const nowhere = at.reader.selectFrom('nowhere' as 'client').selectAll()
    expect(await caught(nowhere.execute())).toBe(false)
    expect(await caught(at.run((running) => insertClient(running, clientWrite('bootstrap'), null)))).toBe(false)
    expect(isOutage(new TypeError('x is undefined'))).toBe(false)
    expect(isOutage('SQLITE_BUSY')).toBe(false)
  })
})

describe('an error of', () => {
  const codes: [code: string, isOutage: boolean][] = [
    ['SQLITE_BUSY', true],
    ['SQLITE_BUSY_SNAPSHOT', true],
    ['SQLITE_LOCKED', true],
    ['SQLITE_FULL', true],
    ['SQLITE_IOERR_WRITE', true],
    ['SQLITE_CANTOPEN', true],
    ['SQLITE_READONLY', true],
    ['SQLITE_CORRUPT', true],
    ['SQLITE_NOTADB', true],
    ['SQLITE_ERROR', false],
    ['SQLITE_CONSTRAINT_UNIQUE', false],
    ['SQLITE_MISMATCH', false],
    ['08006', true], // connection_failure
    ['25006', true], // read_only_sql_transaction: a standby
    ['25P03', true], // idle_in_transaction_session_timeout
    ['28P01', true], // invalid_password: it was changed
    ['3D000', true], // invalid_catalog_name
    ['40001', true], // serialization_failure
    ['40P01', true], // deadlock_detected
    ['53100', true], // disk_full
    ['53300', true], // too_many_connections
    ['55000', true], // object_not_in_prerequisite_state: a database that takes no connections
    ['55P03', true], // lock_not_available
    ['57014', true], // query_canceled
    ['57P01', true], // admin_shutdown
    ['57P03', true], // cannot_connect_now
    ['58030', true], // io_error
    ['XX001', true], // data_corrupted
    ['22P02', false], // invalid_text_representation
    ['23505', false], // unique_violation
    ['23503', false], // foreign_key_violation
    ['25P02', false], // in_failed_sql_transaction
    ['42P01', false], // undefined_table
    ['42601', false], // syntax_error
    ['XX000', false], // internal_error
    ['ECONNREFUSED', true],
    ['ECONNRESET', true],
    ['ENOTFOUND', true],
    ['EPIPE', true],
    ['ETIMEDOUT', true],
    ['CERT_HAS_EXPIRED', true],
    ['ENOENT', false],
    ['ERR_INVALID_ARG_TYPE', false],
  ]
  test.each(codes)('code %s says that the store cannot be asked now: %p', (code, expected) => {
    expect(isOutage(Object.assign(new Error('an error'), { code }))).toBe(expected)
  })

  const words = [
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
    'Cannot use a pool after calling end on the pool',
    'Cannot use a closed database',
  ]
  test.each(words)('a driver without a code says so too: %s', (message) => {
    expect(isOutage(new Error(message))).toBe(true)
  })
})
