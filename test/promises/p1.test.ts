import { expect, test } from 'bun:test'
import { PATIENCE_MS } from '../support/wait.ts'
import { tryRevocations } from './revocation.ts'

test(
  'P1 a revoked credential is refused from the next request on, under load',
  async () => {
    const { trials, violations } = await tryRevocations(700)
    expect(violations).toEqual([])
    expect(trials).toBeGreaterThanOrEqual(700)
  },
  PATIENCE_MS,
)
