// Finding the refusal of whoever asks for help, among those of everybody.

import { expect, test } from 'bun:test'
import { DECISION, ok, page, playApi } from '../testing/play-api.ts'

const api = playApi()
const mine = { id: 'dec_mine', ...DECISION }
const other = { ...mine, id: 'dec_other', principal: 'client:other' }
const allowed = { ...mine, id: 'dec_ok', outcome: 'allow', code: null, step: null, status: 200, principal: null }
const next = (...items: object[]) => ok({ items, next_cursor: 'abc' })

const hers = { ...mine, id: 'dec_hers', principal: 'alice' }
api.answer('GET /decisions?outcome=deny&limit=200', ok(page(other, mine, hers)))
api.answer('GET /decisions?outcome=deny&limit=200&code=scope_missing', next(other))
api.answer('GET /decisions?outcome=deny&limit=1&resource=webdav&code=scope_missing', ok(page(mine)))
api.answer('GET /decisions?limit=50', ok(page(other, allowed)))
api.answer('GET /decisions?limit=1&outcome=deny&credential=key_01J', next(mine))
api.answer('GET /decisions?limit=200&outcome=deny', ok(page(other, mine, mine)))

test('why --last takes the newest that fits', async () => {
  expect((await api.run('why --last --client canister')).out).toContain('dec_mine')
  expect((await api.run('why --last --client other')).out).toContain('dec_other')
  expect((await api.run('why --last --user alice')).out).toContain('dec_hers')
  expect((await api.run('why --last --user alice --client other')).code).toBe(2)
  expect((await api.run('why --last --resource webdav --code scope_missing')).out).toContain('dec_mine')
})

test('where nothing fits, it is said how far was looked', async () => {
  const nobody = await api.run('why --last --client nobody')
  expect(nobody).toEqual({ code: 0, out: '', err: 'Nothing was refused that fits.\n' })
  const { err } = await api.run('why --last --client canister --code scope_missing')
  expect(err).toStartWith('Only the newest 1 were looked through. Narrow them:')
})

test('a filter goes with --last alone', async () => {
  const { code, err } = await api.run('why dec_01J --client canister')
  expect(code).toBe(2)
  expect(err).toContain('go with --last, not with an id')
})

test('the list shows when, what, who and the id to ask why with', async () => {
  const { out } = await api.run('decision list')
  expect(out).toMatch(/^TIME +STATUS +CODE +METHOD +ASKED FOR +CALLER +ID\n/)
  expect(out).toMatch(
    /2030-01-01T11:57:00Z +401 +credential_revoked +GET +webdav\.example\.com\/\\u\{1b\}\[2J +client:other +dec_other\n/,
  )
  expect(out).toMatch(/ 200 +allowed +GET .* none +dec_ok\n/)
})

test('the list is filtered and goes on', async () => {
  const { err } = await api.run('decision list --outcome deny --credential key_01J --limit 1')
  expect(err).toBe('More: countersign decision list --outcome deny --credential key_01J --cursor abc\n')
  const { out } = await api.run('decision list --outcome deny --client canister --limit 1 --json')
  expect(JSON.parse(out)).toEqual(page(mine) as never)
  expect((await api.run('decision list --client canister --cursor abc')).code).toBe(2)
  expect((await api.run('decision list --credential cs_key_SECRET')).err).not.toContain('SECRET')
})
