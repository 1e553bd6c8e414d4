import { expect, test } from 'bun:test'
import { deny, type RefusalCode } from '@countersign/resource-server'
import { startApi } from './support.test.ts'

/** What a report is answered when its look-up ends so. */
async function answerTo(code: RefusalCode) {
  const { call, deps, directory } = await startApi()
  Object.assign(deps, { recogniseLeaked: () => async () => deny(code) })
  const { revision } = directory
  const { status, body } = await call('POST', '/leaks', { body: { credential: 'cs_key_x' } })
  expect(directory.revision).toBe(revision)
  return [status, body.outcome ?? body.code]
}

test.each(['store_busy', 'store_unavailable'] as const)('%s is "cannot tell", never "unknown"', async (code) => {
  expect(await answerTo(code)).toEqual([503, code])
})

test.each(['credential_unknown', 'credential_mistyped', 'credential_kind_refused'] as const)(
  '%s is "unknown", however it was found out',
  async (code) => {
    expect(await answerTo(code)).toEqual([200, 'unknown'])
  },
)
