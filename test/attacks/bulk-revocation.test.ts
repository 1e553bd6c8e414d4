// Very many credentials at once: it is one row, in force for all of them when it is answered, on record as one event.

import { afterAll, expect, test } from 'bun:test'
import { copyCredential } from '../../packages/server/src/store/testing/copies.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'
import { workOf } from './work.ts'

const MANY = 100_000

const teardown = new Teardown()
afterAll(() => teardown.run(), PATIENCE_MS)

const WAYS = [
  ['of a client', '/clients/canister/revoke-credentials', { reason: 'lost' }, 'client:canister'],
  [
    'of an age',
    '/credentials/revoke-older',
    { kind: 'key', created_before: '2040-01-01T00:00:00Z', reason: 'lost' },
    'kind:key',
  ],
] as const

for (const [whose, path, body, line] of WAYS) {
  test(
    `ADM-17 ${MANY} keys ${whose} are refused from the next request on: it says how many, and is one event`,
    async () => {
      const dataDir = await teardown.temporaryDirectory('bulk')
      const stage = await Stage.open({ COUNTERSIGN_DATA_DIR: dataDir })
      const keys = []
      for (let made = 0; made < 20; made++) keys.push(await stage.newKey())
      await copyCredential(dataDir, String(keys[0]?.id), MANY)
      const asked = keys.map(({ key }) => ({ lines: [bearer(key)] }))
      // Half of them are known to this node already, the others it has to look up.
      for (const one of asked.slice(0, 10)) await stage.expect('OK', undefined, 'forward', one)

      const before = (await stage.call('GET', '/audit-events?limit=1')).items as { id: string }[]
      let revoked: unknown
      const { queries } = await workOf(async () => {
        revoked = (await stage.call('POST', path, body)).revoked
      })
      expect(Number(revoked)).toBeGreaterThanOrEqual(MANY + keys.length)
      expect(queries.length).toBeLessThan(60)
      for (const one of asked) await stage.expect('T401', 'credential_revoked', 'forward', one)

      const after = (await stage.call('GET', '/audit-events?limit=5')).items as { id: string; noun_id: string }[]
      const events = after.slice(
        0,
        after.findIndex(({ id }) => id === before[0]?.id),
      )
      expect(events).toEqual([expect.objectContaining({ action: 'revocation_line.draw', noun_id: line })])
      const { items } = await stage.call('GET', '/credentials?owner=client:canister&state=live')
      expect(items).toEqual([])
      await stage.close()
    },
    PATIENCE_MS,
  )
}
