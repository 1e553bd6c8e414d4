// Cloud metadata are asked for by nobody's order: not in another spelling either, whatever networks are allowed.
import { expect, test } from 'bun:test'
import { parseNetwork } from '@countersign/resource-server'
import { guardedFetch } from '../../packages/server/src/http/guarded-fetch.ts'

const everywhere = ['0.0.0.0/0', '::/0'].map(parseNetwork).filter((network) => network !== undefined)

test.each([
  'https://169.254.169.254/latest',
  'https://[::ffff:a9fe:a9fe]/latest',
  'https://[64:ff9b::a9fe:a9fe]/latest',
  'https://[64:ff9b::169.254.170.2]/latest',
  'https://[64:ff9b::6464:64c8]/latest',
])('%s', async (uri) => {
  const asked = guardedFetch({ networks: everywhere })(uri, { signal: AbortSignal.timeout(500) })
  await expect(asked).rejects.toThrow('an address of cloud metadata, which is never asked')
})
