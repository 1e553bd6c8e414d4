// Static keys by their digests: which of them is meant, and that one alone.
import { describe, expect, test } from 'bun:test'
import { StaticKeys } from './static-keys.ts'

const RESOURCE = { name: 'git', scopes: undefined }
const keyOf = (fromEnv: string, id: string) => ({
  options: { fromEnv, principal: { kind: 'client', id } as const, roles: ['ADMIN'] },
  text: `text of ${fromEnv}`,
})
const DIGESTS: Record<string, string> = { 'text of A': 'aaaa', 'text of B': 'aaab', 'text of C': 'baaa' }
const keys = new StaticKeys(
  ['A', 'B', 'C'].map((name) => keyOf(name, name.toLowerCase())),
  RESOURCE,
  async (text) => DIGESTS[text] ?? '',
)

describe('a static key', () => {
  for (const [digest, id] of [
    ['aaaa', 'a'],
    ['aaab', 'b'],
    ['baaa', 'c'],
  ]) {
    test(`is found by its whole digest: ${digest}`, async () => {
      expect((await keys.find(digest ?? ''))?.caller.principal).toEqual({ kind: 'client', id, name: id } as never)
    })
  }

  for (const digest of ['aaac', 'caaa', 'acaa', 'aaa', 'aaaaa', '', 'AAAA']) {
    test(`is not found by another: «${digest}»`, async () => {
      expect(await keys.find(digest)).toBeUndefined()
    })
  }

  test('whose digest could not be made is asked for again', async () => {
    let fails = true
    const shaky = new StaticKeys([keyOf('A', 'a')], RESOURCE, async () => {
      if (fails) throw new Error('not now')
      return 'aaaa'
    })
    await expect(shaky.find('aaaa')).rejects.toThrow('not now')
    fails = false
    expect(await shaky.find('aaaa')).toBeDefined()
  })
})
