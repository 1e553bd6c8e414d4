import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiKey, fileTokenSource } from './index.ts'
import { failureOf, startClock } from './testing/authorization-server.ts'

const folder = mkdtempSync(join(tmpdir(), 'client-'))
const path = join(folder, 'token')
const write = (text: string) => writeFileSync(path, text)
beforeEach(() => rmSync(path, { force: true }))
afterAll(() => rmSync(folder, { recursive: true }))

const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
const END = Date.parse('2030-01-01T00:01:00Z') / 1000

describe('the token of a file', () => {
  test('ends when it says so, if it says so', async () => {
    const rows: [string, Date | null][] = [
      [jwt({ exp: END }), new Date(END * 1000)],
      [jwt({}), null],
      [jwt({ exp: 'soon' }), null],
      [jwt({ exp: 1e300 }), null],
      ['opaque', null],
      ['a.b.c', null],
    ]
    for (const [text, expiresAt] of rows) {
      write(text)
      expect((await fileTokenSource({ path }).token()).expiresAt).toEqual(expiresAt)
    }
  })

  test('is read again after ten seconds, and at once when it was refused or must be fresh', async () => {
    const clock = startClock()
    const source = fileTokenSource({ path, now: clock.now })
    write('one')
    const one = await source.token()
    write('two')
    expect(await source.token()).toBe(one)
    clock.advance(10)
    const two = await source.token()
    expect(two.token).toBe('two')
    write('three')
    const three = await source.token({ refused: two })
    expect(three.token).toBe('three')
    write('four')
    expect((await source.token({ refused: two })).token).toBe('three')
    expect((await source.token({ fresh: true })).token).toBe('four')
  })

  test('is read again when it has ended', async () => {
    const clock = startClock()
    const source = fileTokenSource({ path, now: clock.now })
    write(jwt({ exp: clock.now().getTime() / 1000 + 5 }))
    await source.token()
    write('next')
    clock.advance(5)
    expect((await source.token()).token).toBe('next')
  })

  test('outlives its file until its end, unless it was refused', async () => {
    const clock = startClock()
    const source = fileTokenSource({ path, now: clock.now })
    write(jwt({ exp: END }))
    const token = await source.token()
    rmSync(path)
    clock.advance(30)
    expect(await source.token()).toBe(token)
    const missing = { error: 'credential_unavailable', description: `${path} cannot be read (ENOENT)` }
    expect(await failureOf(() => source.token({ refused: token }))).toMatchObject(missing)
    expect(await failureOf(() => source.token({ fresh: true }))).toMatchObject(missing)
    clock.advance(30)
    expect(await failureOf(() => source.token())).toMatchObject(missing)
  })
})

describe('an API key', () => {
  test('is answered as it is, whatever is asked for', async () => {
    const source = apiKey('cs_key_example')
    const token = await source.token({ scopes: ['a:read'] })
    expect([token.token, token.expiresAt, token.scopes]).toEqual(['cs_key_example', null, undefined])
    expect(await source.token({ fresh: true, refused: token })).toBe(token)
  })

  test('of a function is the one of the moment', async () => {
    let key = 'one'
    const source = apiKey(async () => key)
    expect((await source.token()).token).toBe('one')
    key = 'two'
    expect((await source.token()).token).toBe('two')
  })

  test('that would break a header is refused, and not shown', async () => {
    for (const key of ['', 'hunter2 ', 'hunter2\r\nX: y', 'hunter2é', 'hunter2'.repeat(5000)]) {
      const errors = [await failureOf(() => apiKey(key)), await failureOf(() => apiKey(() => key).token())]
      for (const error of errors) {
        expect(error).toBeInstanceOf(TypeError)
        expect(Bun.inspect(error).replaceAll(/^.*\|.*$/gm, '')).not.toContain('hunter2')
      }
    }
  })
})
