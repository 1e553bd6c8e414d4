// What says "not now" or "not here", as opposed to "not so".

import { CorruptRowError } from './corrupt-row.ts'

const SQLITE = /^SQLITE_(BUSY|LOCKED|FULL|READONLY|CANTOPEN|IOERR|NOMEM|CORRUPT|NOTADB|PROTOCOL)/

/**
 * SQLSTATEs of PostgreSQL: lost connections, refused sign-in, no such database, no room, shutdown or start under way,
 * time limits, deadlocks, a standby that may not write, broken files.
 */
const POSTGRES = /^(08...|28...|3D000|53...|57...|58...|25006|25P0[34]|40001|40P01|55000|55P03|XX00[12])$/

const NETWORK =
  /^(E(CONN(REFUSED|RESET|ABORTED)|TIMEDOUT|PIPE|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH|HOSTDOWN|NETDOWN))$/
const TLS = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|(DEPTH_ZERO_)?SELF_SIGNED_)/

/** What drivers say without a code. */
const WORDS = new RegExp(
  [
    'closed database|database is (closed|locked)|destroyed',
    'Connection terminated|connection has been discarded|not queryable|after calling end on the pool',
    'Query read timeout|timeout exceeded when trying to connect|timeout expired',
    'server does not support SSL',
  ].join('|'),
  'i',
)

/** Says whether this error means that the store cannot tell right now: the caller answers 503, not 500. */
export function isOutage(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  if (error instanceof CorruptRowError) return true
  const code = 'code' in error ? String(error.code) : ''
  // A unix socket that is gone; any other file that is missing is a bug.
  const isUnreachable = 'syscall' in error && error.syscall === 'connect'
  return (
    isUnreachable || [SQLITE, POSTGRES, NETWORK, TLS].some((codes) => codes.test(code)) || WORDS.test(error.message)
  )
}
