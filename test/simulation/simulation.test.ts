// Many histories by chance hold what is promised; and where a part is broken on purpose, the checker finds it.
import { describe, expect, test } from 'bun:test'
import { PATIENCE_MS } from '../support/wait.ts'
import { playHistory } from './history.ts'
import type { Sabotage } from './node.ts'

const SEEDS = 400

test(
  `${SEEDS} histories of revoking, partitions, restarts and lost changes keep P1, P2 and P3`,
  async () => {
    let allowed = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const told = await playHistory(seed)
      expect([seed, told.violations]).toEqual([seed, []])
      allowed += told.allowed
    }
    // Whoever refuses everything breaks no promise either.
    expect(allowed).toBeGreaterThan(SEEDS * 10)
  },
  PATIENCE_MS,
)

test('a seed gives the same history each time', async () => {
  expect(await playHistory(7)).toEqual(await playHistory(7))
})

describe('found is that', () => {
  const SABOTAGE: readonly Sabotage[] = [
    'leases last for a minute',
    'late reads are kept',
    'nothing is forgotten',
    'histories are not told apart',
    'the clock stands still with the process',
    'changes do not wait for this node',
  ]
  for (const sabotage of SABOTAGE) {
    test(
      sabotage,
      async () => {
        let seed = 1
        while ((await playHistory(seed, sabotage)).violations.length === 0) expect(++seed).toBeLessThan(3 * SEEDS)
      },
      PATIENCE_MS,
    )
  }
})
