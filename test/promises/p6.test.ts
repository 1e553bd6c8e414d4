import { expect, test } from 'bun:test'
import { PATIENCE_MS } from '../support/wait.ts'
import { startBehindAnother, tryKills } from './kill-loop.ts'

test(
  'P6 what was acknowledged survives kill -9, and nothing is half there',
  async () => {
    const { trials, violations } = await tryKills(2)
    expect(violations).toEqual([])
    expect(trials).toBeGreaterThan(20)
  },
  2 * PATIENCE_MS,
)

test(
  'P6 a first start that fails takes no key along: the next one shows a way in',
  async () => expect(await startBehindAnother()).toBeUndefined(),
  PATIENCE_MS,
)
