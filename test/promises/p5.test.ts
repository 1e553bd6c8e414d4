import { expect, test } from 'bun:test'
import { PATIENCE_MS } from '../support/wait.ts'
import { type FAULTS, tryFaults } from './faults.ts'

const claims: Record<keyof typeof FAULTS, string> = {
  throwEverywhere: 'P5 a throw at any dependency of the path is answered with 500 or 503 and no identity',
  damageRows: 'P5 no row that is damaged lets anybody pass',
  loseTheDatabase:
    'P3 what is known is used for five seconds without the database, then nothing passes until it is back',
  refuseToStart: 'P5 what cannot be right stops the start with a clear sentence',
}

for (const kind of ['throwEverywhere', 'damageRows', 'loseTheDatabase', 'refuseToStart'] as const) {
  test(
    claims[kind],
    async () => {
      const { trials, violations } = await tryFaults([kind], false)
      expect(violations).toEqual([])
      expect(trials).toBeGreaterThan(8)
    },
    PATIENCE_MS,
  )
}
