import { expect, test } from 'bun:test'
import { formatCredential } from '@countersign/resource-server'
import { ran } from '../testing/test-terminal.ts'

const KEY = formatCredential('key', new Uint8Array(32).fill(7))

// `ran` splits at spaces and knows no quotes: credentials hold neither.
const verify = (token: string, stdin = '', flags = '') => ran(`verify ${token}${flags}`, { stdin })

test('a key is told by its form, and what that does not mean', async () => {
  const { code, out } = await verify(KEY)
  expect(code).toBe(0)
  expect(out).toContain('Well formed: an API key')
  expect(out).toContain('says nothing of whether it was issued, is live')
})

test.each([
  ['pat', 'a personal access token'],
  ['at', 'an access token'],
  ['secret', 'a client secret'],
] as const)('%s is %s', async (kind, words) => {
  expect((await verify(formatCredential(kind, new Uint8Array(32)))).out).toContain(words)
})

test('one changed character is found without asking anyone', async () => {
  const { code, out } = await verify(`${KEY.slice(0, -1)}${KEY.endsWith('0') ? '1' : '0'}`)
  expect(code).toBe(1)
  expect(out).toStartWith('Mistyped or cut')
})

test('what is not ours is said to be so', async () => {
  const { code, out } = await verify('ghp_0123456789')
  expect(code).toBe(1)
  expect(out).toStartWith('Not a credential that Countersign issues')
})

test('the credential may come from stdin, and is never shown', async () => {
  const { code, out, err } = await verify('-', `${KEY}\n`)
  expect(code).toBe(0)
  expect(out + err).not.toContain(KEY)
  expect((await verify('-', '')).code).toBe(2)
})

test('for programs', async () => {
  expect(JSON.parse((await verify(KEY, '', ' --json')).out)).toMatchObject({ kind: 'key', well_formed: true })
  expect(JSON.parse((await verify('x', '', ' --json')).out)).toMatchObject({ kind: null, well_formed: false })
})
