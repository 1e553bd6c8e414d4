// What there is of everybody, what ends soon, and leaks.

import { expect, test } from 'bun:test'
import { key, ok, page, playApi, refused, token } from '../testing/play-api.ts'
import { ran } from '../testing/test-terminal.ts'

const api = playApi()
const soon = 'GET /credentials?state=live&expires_before=2030-01-15T12%3A00%3A00.000Z'

test('the list is filtered by owner, kind, state and where it comes from', async () => {
  const imported = { ...token, imported_from: 'glpat-' }
  api.answer(
    'GET /credentials?limit=1&owner=user%3Aalice&kind=pat&state=live&imported=true',
    ok({ items: [imported], next_cursor: 'abc' }),
  )
  const line = 'credentials list --owner user:alice --kind pat --state live --imported --limit 1'
  const { out, err } = await api.run(line)
  expect(out).toMatch(/^ID +KIND +OWNER +NAME +HINT +STATE +RIGHTS +CREATED +EXPIRES +LAST USED\n/)
  expect(out).toMatch(/pat_01J +pat +user:alice +ci /)
  const next = 'countersign credentials list --imported --owner user:alice --kind pat --state live --cursor abc'
  expect(err.slice('More: '.length).trim().split(' --').toSorted()).toEqual(next.split(' --').toSorted())
  api.answer('GET /credentials', ok(page()))
  expect((await api.run('credentials list')).err).toBe('No credentials here.\n')
  expect((await api.run('credentials list --state dead')).code).toBe(2)
  api.answer('GET /credentials/pat_01J', ok(imported))
  expect((await api.run('key show pat_01J')).out).toMatch(/imported +begins with glpat-\n/)
})

test.each([
  ['--unused-since 90d', 'unused_since=2029-10-03T12%3A00%3A00.000Z'],
  ['--unused-since 2029-12-01T00:00:00Z --never-used', 'unused_since=2029-12-01T00%3A00%3A00Z&never_used=true'],
  ['--expiring 14d --name ci', 'name=ci&expires_before=2030-01-15T12%3A00%3A00.000Z'],
  ['--imported-from ghp_', 'imported_from=ghp_'],
])('credentials list %s', async (options, query) => {
  api.answer(`GET /credentials?${query}`, ok(page(key)))
  const { code, out } = await api.run(`credentials list ${options}`)
  expect([code, out.includes('key_01J')]).toEqual([0, true])
})

test('a page that ends early, since few of those that were looked through fit, is filled from the next', async () => {
  api.answer('GET /credentials?limit=2&never_used=true', ok({ items: [key], next_cursor: 'a' }))
  api.answer('GET /credentials?limit=1&cursor=a&never_used=true', ok({ items: [], next_cursor: 'b' }))
  api.answer('GET /credentials?limit=1&cursor=b&never_used=true', ok({ items: [token], next_cursor: 'c' }))
  const { out, err } = await api.run('credentials list --never-used --limit 2 --json')
  expect(JSON.parse(out)).toEqual({ items: [key, token], next_cursor: 'c' })
  expect(err).toBe('')
})

test('what ends soon is listed soonest first, from every page', async () => {
  const at = (id: string, expires_at: string) => ({ ...token, id, expires_at })
  api.answer(`${soon}&limit=200`, ok({ items: [at('pat_late', '2030-01-14T00:00:00Z')], next_cursor: 'abc' }))
  const first = { ...key, id: 'key_first', expires_at: '2030-01-02T00:00:00Z', last_used_from: '192.0.2.7' }
  api.answer(`${soon}&limit=200&cursor=abc`, ok(page(at('pat_mid', '2030-01-09T00:00:00Z'), first)))
  api.answer('GET /credentials?owner=user%3Aalice&kind=pat&state=live&limit=200', ok(page()))
  api.answer('GET /credentials?owner=client%3Acanister&kind=key&state=live&limit=200', ok(page(first)))
  const { code, out } = await api.run('credentials expiring')
  expect(code).toBe(0)
  expect(out).toMatch(/^EXPIRES +ID +KIND +OWNER +NAME +HINT +REPLACED BY +LAST USED\n/)
  expect(out).toMatch(
    /2030-01-02T00:00:00Z \(in 12 hours\) +key_first +key +client:canister +laptop .*from 192\.0\.2\.7/,
  )
  expect(out.match(/(key|pat)_(first|mid|late)/g)).toEqual(['key_first', 'pat_mid', 'pat_late'])
  const failing = await api.run('credentials expiring --fail --json')
  expect(failing.code).toBe(1)
  expect(JSON.parse(failing.out).items).toHaveLength(3)
})

test('where nothing ends soon, that is said, and nothing failed', async () => {
  api.answer(`${soon}&owner=user%3Aalice&kind=pat&limit=200`, ok(page()))
  const { code, out, err } = await api.run('credentials expiring --within 2w --owner user:alice --kind pat --fail')
  expect({ code, out, err }).toEqual({ code: 0, out: '', err: 'Nothing that is live ends within 14 days.\n' })
  expect((await api.run('credentials expiring --within soon')).err).toContain('--within: expected a duration like')
})

test('a leak is reported without a key, from stdin, a file or a prompt', async () => {
  api.answer('POST /leaks', ok({ outcome: 'revoked', id: 'pat_01J' }))
  const files = { found: 'cs_pat_LEAKED\n' }
  for (const [line, world] of [
    ['leak report', { stdin: 'cs_pat_LEAKED\n' }],
    ['leak report --file found', { files }],
    ['leak report', { secrets: ['cs_pat_LEAKED'] }],
  ] as const) {
    const { code, out, err } = await api.run(`${line} --found-at build~log`, world)
    expect({ code, out }).toEqual({ code: 0, out: 'Revoked pat_01J, from the next request on. Thank you.\n' })
    expect(err).not.toContain('LEAKED')
    expect(api.sent).toEqual([
      {
        method: 'POST',
        path: '/leaks',
        authorization: null,
        body: { credential: 'cs_pat_LEAKED', found_at: 'build log' },
      },
    ])
  }
})

test('what became of a leak is said; one that this server does not know is not dealt with', async () => {
  api.answer('POST /leaks', ok({ outcome: 'dead', id: 'pat_01J' }))
  expect(await api.run('leak report', { stdin: 'x' })).toMatchObject({ code: 0 })
  api.answer('POST /leaks', ok({ outcome: 'unknown', id: null }))
  const { code, out } = await api.run('leak report', { stdin: 'x' })
  expect(code).toBe(1)
  expect(out).toContain('This server knows no such credential')
  expect((await api.run('leak report', { stdin: ' \n' })).code).toBe(2)
  expect((await api.run('leak report cs_pat_LEAKED', { stdin: 'x' })).err).not.toContain('LEAKED')
})

test('where credentials were imported from is listed', async () => {
  const from = { prefix: 'glpat-', digest: 'sha256', created_at: '2030-01-01T00:00:00Z', imported: 12, unrevoked: 7 }
  api.answer('GET /credentials/foreign-prefixes', ok(page(from)))
  const { out } = await api.run('credentials foreign-prefixes')
  expect(out).toMatch(/^PREFIX +DIGEST +SINCE +IMPORTED +STILL LIVE\nglpat- +sha256 +2030-01-01 +12 +7\n$/)
  api.answer('GET /credentials/foreign-prefixes', ok(page()))
  expect((await api.run('credentials foreign-prefixes')).err).toStartWith('Nothing was imported yet.')
  api.answer('GET /credentials/foreign-prefixes', refused('permission_missing', 403))
  expect((await api.run('credentials foreign-prefixes')).code).toBe(5)
})

test('digests of credentials on stdin are the usual ones, and ask no server', async () => {
  const { code, out } = await ran('credentials digest', { stdin: 'abc\ntest\n' })
  expect({ code, out }).toEqual({
    code: 0,
    out:
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n' +
      '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n',
  })
  const hmac = '--digest hmac-sha256 --hmac-key-file key'
  const expected = new Bun.CryptoHasher('sha256', 'Jefe').update('what').digest('hex')
  for (const key of ['Jefe', 'Jefe\n', 'Jefe\r\n']) {
    expect((await ran(`credentials digest ${hmac}`, { stdin: 'what', files: { key } })).out).toBe(`${expected}\n`)
  }
  expect((await ran(`credentials digest ${hmac} --json`, { stdin: 'what', files: { key: 'Jefe' } })).out).toContain(
    `"${expected}"`,
  )
})

test.each([
  ['credentials digest', 'one\n\nSECRET two\n', 'Line 2 on stdin: expected one credential'],
  ['credentials digest', 'SECRET two\n', 'Line 1 on stdin'],
  ['credentials digest', '', 'Line 1 on stdin'],
  ['credentials digest --digest hmac-sha256', 'SECRET', 'Expected --hmac-key-file'],
  ['credentials digest --hmac-key-file key', 'SECRET', 'goes with --digest hmac-sha256'],
  ['credentials digest --digest hmac-sha256 --hmac-key-file none', 'SECRET', 'cannot be read'],
  ['credentials digest --digest hmac-sha256 --hmac-key-file empty', 'SECRET', 'empty is empty'],
])('%s of %j is a mistake, and no secret is repeated', async (line, stdin, says) => {
  const { code, out, err } = await ran(line, { stdin, files: { key: 'Jefe', empty: '' } })
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toContain(says)
  expect(err).not.toContain('SECRET')
})
