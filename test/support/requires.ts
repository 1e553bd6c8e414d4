import { describe } from 'bun:test'
import { missingPrograms } from './installed.ts'

/**
 * A suite that runs real programs. Where one is missing it is skipped, in one loud line; under CI it fails instead,
 * for a gate that skips is no gate.
 */
export function describeWith(programs: readonly string[], title: string, body: () => void): void {
  const missing = missingPrograms(programs)
  if (missing === undefined) {
    describe(title, body)
    return
  }
  if (process.env.CI === 'true') throw new Error(`${title}: ${missing}`)
  console.warn(`SKIPPED ${title}: ${missing}`)
  describe.skip(title, body)
}
