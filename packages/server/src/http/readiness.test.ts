import { expect, test } from 'bun:test'
import { Readiness } from './readiness.ts'

test('a server is ready until somebody says why not, and says every reason', async () => {
  const readiness = new Readiness()
  let isBehind = false
  readiness.judge('behind', () => isBehind)
  const asked = async () => {
    const answer = readiness.answer()
    const { status, reasons } = (await answer.json()) as { status: string; reasons: { reason: string }[] }
    return [answer.status, status, ...reasons.map(({ reason }) => reason)]
  }
  expect(await asked()).toEqual([200, 'ready'])
  isBehind = true
  readiness.set('stopping')
  expect(await asked()).toEqual([503, 'not_ready', 'stopping', 'behind'])
  expect([...readiness.rows()]).toContainEqual([['stopping'], 1])
  expect([...readiness.rows()]).toContainEqual([['clock_skewed'], 0])
  isBehind = false
  readiness.clear('stopping')
  expect(await asked()).toEqual([200, 'ready'])
})

test('what it says of a reason is a sentence of ours', async () => {
  const readiness = new Readiness()
  for (const reason of ['stopping', 'behind', 'clock_skewed', 'declared_files'] as const) readiness.set(reason)
  const { reasons } = (await readiness.answer().json()) as { reasons: { because: string }[] }
  expect(reasons).toHaveLength(4)
  for (const { because } of reasons) expect(because).toMatch(/^[A-Z].*\.$/)
})
