import { expect, test } from 'bun:test'
import { availableEngines, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { tryClusterRevocations } from './cluster-revocation.ts'

const hasPostgres = (await availableEngines()).includes(POSTGRES)

test.skipIf(!hasPostgres)(
  'OPQ-08 P2 what is revoked on one server is refused on the other in time, under load',
  async () => {
    const { trials, violations } = await tryClusterRevocations({ revocations: 120, nodes: 2, isPollOnly: false })
    expect(violations).toEqual([])
    expect(trials).toBeGreaterThanOrEqual(120)
  },
  2 * PATIENCE_MS,
)

test.skipIf(!hasPostgres)(
  'OPS-08 P2 also where nobody is ever woken: the poll finds what changed',
  async () => {
    const { trials, violations } = await tryClusterRevocations({ revocations: 60, nodes: 2, isPollOnly: true })
    expect(violations).toEqual([])
    expect(trials).toBeGreaterThanOrEqual(60)
  },
  2 * PATIENCE_MS,
)
