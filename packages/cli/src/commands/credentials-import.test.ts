// Moving in: every line is checked before anything is sent, and what the server refuses is said of its line.

import { expect, test } from 'bun:test'
import { problem } from '@countersign/admin-api'
import { ok, playApi } from '../testing/play-api.ts'

const api = playApi()
const IMPORT = 'POST /credentials/import'
const digest = (n: number) => n.toString(16).padStart(64, '0')
const ids = (...names: string[]) => ({ imported: names.length, present: 0, ids: names })
const run = (text: string, flags = '', more = {}) =>
  api.run(`credentials import --prefix glpat- tokens${flags}`, { files: { tokens: text, ...more } })

const CSV = `digest,owner,name,resources,scopes,projects,expires_at
${digest(1)},user:alice,"Deploy, ""blue""",forge,repo:read repo:write,team/app other/app,2030-01-31T12:00:00Z

${digest(2)},client:canister,,,,,never
${digest(3)},user:bob,,,,,
`
const LINES = [
  {
    digest: digest(1),
    owner: 'user:alice',
    name: 'Deploy, "blue"',
    resources: ['forge'],
    scopes: ['repo:read', 'repo:write'],
    projects: ['team/app', 'other/app'],
    expires_at: '2030-01-31T12:00:00Z',
  },
  { digest: digest(2), owner: 'client:canister', expires_at: null },
  { digest: digest(3), owner: 'user:bob' },
]

test.each([
  ['CSV', CSV],
  ['CSV as Windows writes it', `\ufeff${CSV.replaceAll('\n', '\r\n')}`],
  ['JSON lines', LINES.map((line) => `${JSON.stringify(line)}\n`).join('\n')],
])('%s is sent as it stands', async (_case, text) => {
  api.answer(IMPORT, ok({ imported: 2, present: 1, ids: ['pat_1', 'key_2', 'pat_3'] }))
  const { code, out, err } = await run(text)
  expect({ code, out, err }).toEqual({ code: 0, out: '2 imported, 1 were there before.\n', err: '' })
  expect(api.sent.map(({ body }) => body)).toEqual([{ prefix: 'glpat-', digest: 'sha256', credentials: LINES }])
  const json = await run(text, ' --json')
  expect(JSON.parse(json.out)).toEqual({ imported: 2, present: 1, ids: ['pat_1', 'key_2', 'pat_3'] })
})

test('a file may come from stdin, and the key of an HMAC from a file of its own', async () => {
  api.answer(IMPORT, ok(ids('pat_1')))
  const world = { stdin: `digest,owner\n${digest(1)},user:alice\n`, files: { key: 'not a real key\n' } }
  const flags = '--digest hmac-sha256 --hmac-key-file key'
  const { code, err } = await api.run(`credentials import --prefix acme_ ${flags} -`, world)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(api.sent[0]?.body).toMatchObject({ digest: 'hmac-sha256', hmac_key: btoa('not a real key') })
})

test('a dry run checks the file and asks nobody', async () => {
  const { code, out } = await run(CSV, ' --dry-run')
  expect({ code, out }).toEqual({ code: 0, out: '3 lines are good. Nothing was sent.\n' })
  expect(api.sent).toEqual([])
})

test('every mistake of every line is told at once, by its number', async () => {
  const bad = `digest,owner,scopes,expires_at\nSECRET,alice,read,soon\n${digest(1)},user:a\n${digest(2)},user:a,,\n${digest(2)},user:b,,\n`
  const { code, err } = await run(bad)
  expect(code).toBe(2)
  expect(err).toContain('line 2, digest: expected 64 hexadecimal digits')
  expect(err).toContain('line 2, owner: expected an owner like')
  expect(err).toContain('line 2, scopes[0]: expected a scope')
  expect(err).toContain('line 2, expires_at: expected a date and time')
  expect(err).toContain('line 3: expected 4 cells, found 2')
  expect(err).toContain('line 5, digest: is that of line 4 again')
  expect(err).not.toContain('SECRET')
  expect(api.sent).toEqual([])
})

test.each([
  ['a list of credentials', 'glpat-SECRET\nglpat-SECRET2\n', 'line 1: expected a header line of digest,owner,name,'],
  ['a column nobody knows', 'digest,owner,token\n', 'line 1: expected a header line'],
  ['a column twice', 'digest,owner,owner\n', 'line 1: expected a header line'],
  ['no owner', 'digest,name\n', 'line 1: expected a header line'],
  ['a quote that never ends', `digest,owner\n"${digest(1)},user:a\n`, 'line 1: expected a header line'],
  ['half a JSON line', '{"digest":\n', 'line 1: expected one JSON object in one line'],
  ['an unknown field', `{"digest":"${digest(1)}","owner":"user:a","admin":true}\n`, 'line 1, admin: unknown field'],
  ['projects of no resource', `digest,owner,projects\n${digest(1)},user:a,a\n`, 'line 2'],
  ['nothing', '', 'line 1: expected a header line'],
  ['a header alone', 'digest,owner\n', 'nothing to import'],
])('%s is a mistake, and is not repeated', async (_case, text, says) => {
  const { code, err } = await run(text)
  expect({ code, says: err.includes(says) ? '' : err }).toEqual({ code: 2, says: '' })
  expect(err).not.toContain('SECRET')
  expect(api.sent).toEqual([])
})

test.each([
  [' --digest md5', 'Allowed choices are sha256, hmac-sha256'],
  [' --hmac-key-file tokens', 'goes with --digest hmac-sha256'],
])('import with%s is a mistake', async (flags, says) => {
  const { code, err } = await run(CSV, flags)
  expect(code).toBe(2)
  expect(err).toContain(says)
})

test('our own prefix is refused before anything is sent', async () => {
  const { code, err } = await api.run('credentials import --prefix cs_pat_ tokens', { files: { tokens: CSV } })
  expect(code).toBe(2)
  expect(err).toContain('prefix: expected the first 3 to 32 characters')
  expect(api.sent).toEqual([])
  expect((await api.run('credentials import tokens', { files: { tokens: CSV } })).err).toContain('--prefix <prefix>')
})

test('many lines go in calls that the API takes, and whoever watches is told how far it is', async () => {
  api.answer(IMPORT, ok({ imported: 500, present: 0, ids: Array(500).fill('pat_1') }))
  const rows = Array.from({ length: 1200 }, (_, n) => `${digest(n + 1)},user:alice`)
  const csv = `digest,owner\n${rows.join('\n')}\n`
  const { code, err } = await run(csv)
  expect([code, err]).toEqual([0, ''])
  const sent = api.sent.map(({ body }) => (body as { credentials: { digest: string }[] }).credentials)
  expect(sent.map(({ length }) => length)).toEqual([500, 500, 200])
  expect(sent.flat().map((one) => one.digest)).toEqual(rows.map((row) => row.slice(0, 64)))
  const watched = await api.run('credentials import --prefix glpat- tokens.csv', {
    files: { 'tokens.csv': csv },
    answer: '',
  })
  expect(watched.err).toStartWith('\r\x1b[K500 of 1200 lines')
  expect(watched.err).toEndWith('\r\x1b[K')
  const long = rows.slice(0, 600).map((row) => `${row},${'n'.repeat(120)}`)
  await run(`digest,owner,name\n${long.join('\n')}\n`)
  expect(api.sent.length).toBeGreaterThan(2)
  for (const { body } of api.sent) expect(JSON.stringify(body).length).toBeLessThan(65_536)
})

test('what the server refuses is said of its line, and what was sent before stays', async () => {
  const rows = Array.from({ length: 501 }, (_, n) => `${digest(n + 1)},user:alice`)
  api.answer(IMPORT, ok({ imported: 500, present: 0, ids: Array(500).fill('pat_1') }))
  const problems = [
    { path: 'credentials[0].owner', message: 'there is no user alice' },
    { path: 'hmac_key', message: 'missing' },
  ]
  const refusal = { status: 400, body: problem('invalid_body', { problems }) }
  api.answerThen(IMPORT, refusal)
  const { code, err } = await run(`digest,owner\n${rows.join('\n')}\n`)
  expect(code).toBe(1)
  expect(err).toContain('500 of 501 lines are in. Run it again when this is mended: those are passed over.\n')
  expect(err).toContain('line 502, owner: there is no user alice')
  expect(err).toContain('--hmac-key-file: missing')
})
