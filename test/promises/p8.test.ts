import { expect, test } from 'bun:test'
import { PATIENCE_MS } from '../support/wait.ts'
import { trySearch } from './traces.ts'

test(
  'P8 no secret of a run is in a file, a log line or an answer but the one that shows it',
  async () => {
    const { trials, violations } = await trySearch()
    expect(violations).toEqual([])
    expect(trials).toBeGreaterThan(300)
  },
  PATIENCE_MS,
)
