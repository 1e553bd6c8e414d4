import { type JwkRemark, parseJwkSet, thumbprintOf, VERIFICATION_ALGORITHMS } from '@countersign/resource-server'
import { type ClientKeys, clientKeyId } from '../domain/client.ts'
import { listRevocationLines } from '../store/revocation-lines.ts'
import type { Db } from '../store/store.ts'
import { rejectedField, rejectedFields } from './problem.ts'

const algorithms = Object.keys(VERIFICATION_ALGORITHMS)

/**
 * The keys of a client, to be registered by the change that writes them (revision 0). Refuses a key that could never
 * verify an assertion, one that proves nothing, and one that was revoked: each with its place and why.
 */
export async function requireUsableKeys(jwks: { readonly keys: readonly object[] }, db: Db): Promise<ClientKeys> {
  const set = await parseJwkSet(jwks, { algorithms })
  if (set === undefined) throw rejectedField('jwks', 'expected a JSON object with "keys", a list of JWKs')
  const found: JwkRemark[] = [
    ...set.problems,
    ...set.ignored.map(({ because, ...key }) => ({ ...key, because: `it can verify no assertion: ${because}` })),
  ]
  const materials = new Map(set.keys.map(({ material, key }) => [material, key]))
  if (found.length === 0 && materials.size > 1) found.push(...namelessIn(jwks.keys))
  const thumbprints = await Promise.all([...materials.values()].map(thumbprintOf))
  const problems = [
    ...found.map(({ at, because }) => ({ path: `jwks.keys[${at}]`, message: `expected another key: ${because}` })),
    ...(await revokedAmong(thumbprints, db)),
  ]
  if (problems.length > 0) throw rejectedFields(problems)
  return { jwks, thumbprints, revision: 0 }
}

/** Of several keys one without a name is never found. @see RFC 7517 §4.5 */
function namelessIn(keys: readonly object[]): JwkRemark[] {
  return keys.flatMap((jwk, at) =>
    'kid' in jwk ? [] : [{ at, kid: undefined, because: 'of several keys each needs a kid' }],
  )
}

/** A key that was revoked is in the hands of others: it stays out, though it is registered anew. */
async function revokedAmong(thumbprints: readonly string[], db: Db) {
  const subjects = thumbprints.map((thumbprint) => `credential:${clientKeyId(thumbprint)}`)
  const lines = subjects.length === 0 ? [] : await listRevocationLines(db, subjects)
  return lines.map(({ subject }) => {
    const id = subject.slice(subject.indexOf(':') + 1)
    return { path: 'jwks', message: `the key ${id} was revoked; expected another one in its place` }
  })
}
