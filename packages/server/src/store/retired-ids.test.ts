import { expect, test } from 'bun:test'
import { isRetired, retireId } from './retired-ids.ts'
import { onEveryEngine } from './testing/suite.ts'

onEveryEngine('an id', (at) => {
  test('that was retired stays so, for its noun alone', async () => {
    await at.run((running) => retireId(running, 'client', 'canister'))
    await at.run(async (running) => {
      expect(await isRetired(running, 'client', 'canister')).toBe(true)
      expect(await isRetired(running, 'group', 'canister')).toBe(false)
      expect(await isRetired(running, 'client', 'canister2')).toBe(false)
    })
  })

  test('is not retired by a change that failed', async () => {
    const failing = at.run(async (running) => {
      await retireId(running, 'client', 'canister')
      throw new Error('a bug')
    })
    await expect(failing).rejects.toThrow('a bug')
    await at.run(async (running) => expect(await isRetired(running, 'client', 'canister')).toBe(false))
  })
})
