// Credentials of another system, known by imported digests: what they can be made to stand for, and what not.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash, createHmac } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatCredential } from '@countersign/resource-server'
import { everythingKept } from '../../packages/server/src/store/testing/kept.ts'
import { BOOTSTRAP_KEY } from '../support/app.ts'
import { Stage } from './stage.ts'
import { basic, bearer } from './vectors/vector.ts'
import { lookUpsIn, workOf } from './work.ts'

const HMAC_KEY = Buffer.from('the key of another system, 32 byt')
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const hmac = (text: string, key: Uint8Array = HMAC_KEY) => createHmac('sha256', key).update(text).digest('hex')
const CANISTER = { owner: 'client:canister' }

let drawn = 0
let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
  await stage.make('/users', { username: 'alice' })
  await stage.make('/permissions', { user: 'alice', resource: 'webdav', scopes: ['files:*'] })
})
afterAll(() => stage.close())

/** A token as another system would issue it. From now on nothing may show it. */
function foreign(prefix = 'glpat-'): string {
  const text = `${prefix}${sha256(`random ${drawn++}`).slice(0, 20)}`
  stage.oracle.keepSecret(text)
  return text
}

type Terms = { readonly prefix?: string; readonly digest?: string; readonly hmac_key?: string }
const post = (credentials: readonly object[], terms: Terms = {}, key?: string | null) =>
  stage.test.api(
    'POST',
    '/api/v1/credentials/import',
    { prefix: 'glpat-', digest: 'sha256', ...terms, credentials },
    key,
  )
const imported = async (credentials: readonly object[], terms: Terms = {}) => {
  const answer = await post(credentials, terms)
  expect(answer).toMatchObject({ status: 200 })
  return answer.body as { imported: number; present: number; ids: string[] }
}
const moved = async (said: object = CANISTER) => {
  const token = foreign()
  const { ids } = await imported([{ digest: sha256(token), ...said }])
  return { token, id: ids[0] ?? '' }
}
const refused = async (credentials: readonly object[], terms: Terms = {}, key?: string) => {
  const { status, body } = await post(credentials, terms, key)
  const problems = (body.problems ?? []) as readonly { path: string }[]
  return [status, body.code, problems.map(({ path }) => path)]
}
const isRefused = (text: string, code: string) => stage.expect('T401', code, 'forward', { lines: [bearer(text)] })
const passes = (text: string) => stage.expect('OK', undefined, 'forward', { lines: [bearer(text)] })
const shown = (id: string) => stage.call('GET', `/credentials/${id}`)

describe('a credential that another system issued', () => {
  test('is foreign until its prefix is known, then unknown until its own digest is', async () => {
    const early = foreign('first-')
    await isRefused(early, 'credential_foreign')
    await imported([{ digest: sha256(foreign('first-')), ...CANISTER }], { prefix: 'first-' })
    await isRefused(early, 'credential_unknown')
    await imported([{ digest: sha256(early), ...CANISTER }], { prefix: 'first-' })
    await passes(early)
  })

  test('stands for its owner wherever a credential is read, and is called by its public id', async () => {
    const { token, id } = await moved({ owner: 'user:alice', name: 'ci' })
    for (const line of [bearer(token), basic(`alice:${token}`), ['X-Api-Key', token] as const]) {
      const { headers } = await stage.expect('OK', undefined, 'forward', { lines: [line] })
      expect([headers.get('remote-user'), headers.get('remote-credential')]).toEqual(['alice', id])
    }
  })

  test('becomes a token of a user or a key of a client, marked, with nothing of itself in it', async () => {
    const pat = await shown((await moved({ owner: 'user:alice' })).id)
    expect(pat).toMatchObject({ kind: 'pat', imported_from: 'glpat-', hint: 'glpat-…', full: true, state: 'live' })
    const key = await shown((await moved({ ...CANISTER, scopes: ['files:read'] })).id)
    expect(key).toMatchObject({ kind: 'key', imported_from: 'glpat-', expires_at: null, scopes: ['files:read'] })
    const listed = await stage.call('GET', '/credentials?imported=true&limit=200')
    expect((listed.items as { imported_from: string }[]).every(({ imported_from }) => imported_from !== null)).toBe(
      true,
    )
  })

  test('is bound by what was said of it', async () => {
    const { token } = await moved({ ...CANISTER, resources: ['webdav'], scopes: ['files:read'] })
    await passes(token)
    const lines = [bearer(token)]
    await stage.expect('S403', 'scope_missing', 'forward', { asks: { method: 'PUT' }, lines })
    const asks = { host: 'forge.example.com', uri: '/app/x' }
    await stage.expect('S403', 'resource_not_granted', 'forward', { asks, lines })
  })

  test('by HMAC is known by the right key alone', async () => {
    const terms = { prefix: 'acme_', digest: 'hmac-sha256', hmac_key: HMAC_KEY.toString('base64') }
    const [token, plain] = [foreign('acme_'), foreign('acme_')]
    await imported([{ digest: hmac(token), ...CANISTER }], terms)
    await imported([{ digest: sha256(plain), ...CANISTER }], { prefix: 'acme_', digest: 'hmac-sha256' })
    await passes(token)
    await isRefused(plain, 'credential_unknown')
  })

  test('dies like one of ours: revoked, expired, of a disabled or a deleted owner, and is rotated into one of ours', async () => {
    await stage.make('/users', { username: 'bob' })
    await stage.make('/permissions', { user: 'bob', resource: 'webdav', scopes: ['files:*'] })
    const [revoked, disabled] = [await moved(), await moved({ owner: 'user:bob' })]
    const ends = new Date(stage.test.clock.now.getTime() + 60_000).toISOString()
    const brief = await moved({ owner: 'user:bob', expires_at: ends })
    const rotated = await moved({ owner: 'user:alice' })
    for (const { token } of [revoked, disabled, brief, rotated]) await passes(token)

    await stage.call('POST', `/credentials/${revoked.id}/revoke`, {})
    await isRefused(revoked.token, 'credential_revoked')
    stage.test.clock.advance(60_000)
    await isRefused(brief.token, 'credential_expired')
    await stage.call('PATCH', '/users/bob', { disabled: true })
    await isRefused(disabled.token, 'owner_disabled')
    await stage.call('DELETE', '/users/bob')
    await isRefused(disabled.token, 'owner_missing')
    const successor = await stage.make(`/credentials/${rotated.id}/rotate`, { overlap_seconds: 0 })
    expect(successor.imported_from).toBeNull()
    expect(String(successor.token)).toStartWith('cs_pat_')
    await isRefused(rotated.token, 'credential_expired')
    await passes(String(successor.token))
  })

  test('that was revoked is not brought back by being imported again', async () => {
    const { token, id } = await moved()
    await stage.call('POST', `/credentials/${id}/revoke`, {})
    expect(await imported([{ digest: sha256(token), ...CANISTER }])).toEqual({ imported: 0, present: 1, ids: [id] })
    await isRefused(token, 'credential_revoked')
  })
})

describe('what is ours stays ours', () => {
  test('a digest of one of our credentials, imported, stands for nothing', async () => {
    const never = formatCredential('key', crypto.getRandomValues(new Uint8Array(32)))
    const { id, key } = await stage.newKey('other')
    await imported([{ digest: sha256(never), ...CANISTER }])
    await imported([{ digest: sha256(key), ...CANISTER }])
    await isRefused(never, 'credential_unknown')
    const { headers } = await passes(key)
    expect([headers.get('remote-user'), headers.get('remote-credential')]).toEqual(['client:other', id])
  })

  test('the text under which an imported one is kept is no credential', async () => {
    const { token } = await moved()
    for (const text of [sha256(token), `sha256:glpat-:${sha256(token)}`, `glpat-${sha256(token)}`]) {
      const { status } = await stage.ask('forward', { lines: [bearer(text)] })
      expect(status).toBe(401)
    }
  })

  test.each(['cs_', 'eyJ', 'eyJhbGciOi', 'ab', '', '-ab', 'a b c', 'glpat:', 'x'.repeat(33), 'é23'])(
    'the prefix %p is refused',
    async (prefix) => {
      expect(await refused([{ digest: sha256('x'), ...CANISTER }], { prefix })).toEqual([
        400,
        'invalid_body',
        ['prefix'],
      ])
    },
  )

  test('a prefix of the bootstrap key takes nothing from it', async () => {
    const prefix = BOOTSTRAP_KEY.slice(0, 10)
    await imported([{ digest: sha256(BOOTSTRAP_KEY), ...CANISTER }], { prefix })
    const { status, body } = await stage.test.api('GET', '/api/v1/me')
    expect([status, body.principal]).toEqual([200, { kind: 'client', id: 'bootstrap', name: 'Bootstrap key' }])
    await isRefused(foreign(prefix), 'credential_unknown')
  })
})

describe('a prefix', () => {
  const one = () => [{ digest: sha256(foreign('fix.')), ...CANISTER }]
  beforeAll(async () => {
    await imported(one(), { prefix: 'fix.' })
  })

  test.each(['fix', 'fix.a', 'fix.fix.'])('that meets another (%p) is refused', async (prefix) => {
    expect(await refused(one(), { prefix })).toEqual([409, 'conflict', ['prefix']])
  })

  test('that differs in one character meets nothing', async () => {
    await imported([{ digest: sha256(foreign('Fix.')), ...CANISTER }], { prefix: 'Fix.' })
    await imported([{ digest: sha256(foreign('fix-')), ...CANISTER }], { prefix: 'fix-' })
  })

  test('keeps its algorithm and its key for ever', async () => {
    const hmac_key = Buffer.from('another key').toString('base64')
    expect(await refused(one(), { prefix: 'fix.', digest: 'hmac-sha256', hmac_key })).toEqual([
      409,
      'conflict',
      ['digest'],
    ])
    const terms = { prefix: 'keyed-', digest: 'hmac-sha256', hmac_key: HMAC_KEY.toString('base64') }
    const keyed = () => [{ digest: hmac(foreign('keyed-')), ...CANISTER }]
    await imported(keyed(), terms)
    await imported(keyed(), terms)
    for (const wrong of [hmac_key, HMAC_KEY.subarray(1).toString('base64'), `${HMAC_KEY.toString('base64')}AAAA`]) {
      expect(await refused(keyed(), { ...terms, hmac_key: wrong })).toEqual([409, 'conflict', ['hmac_key']])
    }
    expect(await refused(keyed(), { prefix: 'keyed-', digest: 'sha256' })).toEqual([409, 'conflict', ['digest']])
  })

  test('by HMAC needs a key, by SHA-256 refuses one, and nothing else is a digest', async () => {
    const hmac_key = HMAC_KEY.toString('base64')
    const at = async (terms: Terms) => refused(one(), { prefix: 'new-', ...terms })
    expect(await at({ digest: 'hmac-sha256' })).toEqual([400, 'invalid_body', ['hmac_key']])
    expect(await at({ digest: 'sha256', hmac_key })).toEqual([400, 'invalid_body', ['hmac_key']])
    expect(await at({ digest: 'md5' })).toEqual([400, 'invalid_body', ['digest']])
  })

  test('is not made when one credential beside it cannot stand', async () => {
    expect((await refused([{ digest: sha256('x'), owner: 'user:nobody' }], { prefix: 'undone-' }))[0]).toBe(400)
    const { items } = await stage.call('GET', '/credentials/foreign-prefixes')
    expect(JSON.stringify(items)).not.toContain('undone-')
  })

  test('is listed with what came in and what is left of it, and shows no key', async () => {
    const { ids } = await imported(
      [1, 2, 3].map(() => ({ digest: sha256(foreign('many-')), ...CANISTER })),
      { prefix: 'many-' },
    )
    await stage.call('POST', `/credentials/${ids[1]}/revoke`, {})
    const answer = await stage.call('GET', '/credentials/foreign-prefixes')
    const items = answer.items as readonly { prefix: string }[]
    expect(items.find(({ prefix }) => prefix === 'many-')).toMatchObject({
      digest: 'sha256',
      imported: 3,
      unrevoked: 2,
    })
    expect(JSON.stringify(answer)).not.toContain(HMAC_KEY.toString('base64'))
  })

  test('is one of a hundred at most', async () => {
    const crowded = await Stage.open()
    const body = (n: number) => ({
      prefix: `p${n}.`,
      digest: 'sha256',
      credentials: [{ digest: sha256(`${n}`), ...CANISTER }],
    })
    const statuses = []
    for (let n = 0; n < 101; n++) {
      statuses.push((await crowded.test.api('POST', '/api/v1/credentials/import', body(n))).status)
    }
    expect([statuses.lastIndexOf(200), statuses.indexOf(409)]).toEqual([99, 100])
    await crowded.close()
  })
})

describe('an import', () => {
  test('is made whole or not at all, and tells every mistake at its field', async () => {
    const good = foreign()
    const credentials = [
      { digest: sha256(good), ...CANISTER },
      { digest: sha256(foreign()), owner: 'user:nobody' },
      { digest: sha256(foreign()), owner: 'user:alice', scopes: ['no:such'], resources: ['webdav'] },
      { digest: sha256(foreign()), owner: 'user:alice', resources: ['nowhere'], expires_at: '2020-01-01T00:00:00Z' },
      { digest: sha256(foreign()), owner: 'user:alice', expires_at: null },
      { digest: sha256(foreign()), owner: 'user:alice', expires_at: '2039-01-01T00:00:00Z' },
    ]
    const fields = ['1].owner', '2].scopes[0]', '3].resources[0]', '3].expires_at', '4].expires_at', '5].expires_at']
    expect(await refused(credentials)).toEqual([400, 'invalid_body', fields.map((field) => `credentials[${field}`)])
    await isRefused(good, 'credential_unknown')
  })

  test('sent again, or with a line twice, changes nothing that is there', async () => {
    const [token, other] = [foreign(), foreign()]
    const narrow = { digest: sha256(token), owner: 'user:alice', scopes: ['files:read'], resources: ['webdav'] }
    const lines = [narrow, { digest: sha256(other), owner: 'user:alice' }, narrow]
    // Of two that say otherwise of one, the wider must not win by coming first.
    const twice = [{ digest: sha256(token), owner: 'user:alice' }, narrow]
    expect(await refused(twice, {})).toEqual([400, 'invalid_body', ['credentials[1]']])
    const first = await imported(lines)
    expect([first.imported, first.present, first.ids[2]]).toEqual([2, 1, first.ids[0]])
    expect(await imported(lines)).toEqual({ imported: 0, present: 3, ids: first.ids })
    // Even when by now it could not be made.
    const late = { ...lines[0], expires_at: '2020-01-01T00:00:00Z' }
    expect(await imported([late])).toMatchObject({ imported: 0, present: 1 })
    expect(await shown(first.ids[0] ?? '')).toMatchObject({ scopes: ['files:read'], state: 'live' })
  })

  test('of what another owner has already is refused, and nothing of it is made', async () => {
    const { token } = await moved({ owner: 'user:alice' })
    const fresh = foreign()
    const lines = [
      { digest: sha256(fresh), ...CANISTER },
      { digest: sha256(token), ...CANISTER },
    ]
    expect(await refused(lines)).toEqual([409, 'conflict', ['credentials[1].owner']])
    await isRefused(fresh, 'credential_unknown')
    const { headers } = await passes(token)
    expect(headers.get('remote-user')).toBe('alice')
  })

  test('gives a user’s the life of a token and a client’s that of a key', async () => {
    const now = stage.test.clock.now.getTime()
    const pat = await shown((await moved({ owner: 'user:alice' })).id)
    expect(Date.parse(String(pat.expires_at)) - now).toBeWithin(89 * 86_400_000, 91 * 86_400_000)
    expect(await shown((await moved({ ...CANISTER, expires_at: null })).id)).toMatchObject({ expires_at: null })
  })

  test('made by many at once is made once, for one owner, and of two prefixes that meet one is made', async () => {
    const lines = [1, 2, 3].map(() => sha256(foreign()))
    const by = (owner: string) => post(lines.map((digest) => ({ digest, owner })))
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => by(n % 2 === 0 ? 'user:alice' : 'client:canister')),
    )
    const won = answers.filter(({ status }) => status === 200)
    expect([won.length, won.reduce((sum, { body }) => sum + Number(body.imported), 0)]).toEqual([6, 3])
    expect(new Set(won.map(({ body }) => JSON.stringify(body.ids))).size).toBe(1)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 409]))

    const one = (prefix: string) => post([{ digest: sha256(foreign(prefix)), ...CANISTER }], { prefix })
    const raced = await Promise.all(['race', 'race.', 'race.x'].map(one))
    expect(raced.map(({ status }) => status).toSorted()).toEqual([200, 409, 409])
  })

  test('of five hundred is one change, of more is refused', async () => {
    const lines = (count: number) =>
      Array.from({ length: count }, (_, n) => ({ digest: sha256(`lot ${n}`), owner: 'user:alice' }))
    expect(await imported(lines(500))).toMatchObject({ imported: 500, present: 0 })
    expect(await imported(lines(500))).toMatchObject({ imported: 0, present: 500 })
    expect(await refused(lines(501))).toEqual([400, 'invalid_body', ['credentials']])
  })
})

describe('who may import', () => {
  /** A key at the management API of a client with these rights there. */
  const caller = async (id: string, rights: object, narrowing: object = {}) => {
    await stage.make('/clients', { id })
    await stage.make('/permissions', { client: id, resource: 'countersign', ...rights })
    return (await stage.newKey(id, { resources: ['countersign'], ...narrowing })).key
  }
  const one = (said: object) => [{ digest: sha256(foreign()), ...said }]

  test('whoever may make credentials, and nobody else', async () => {
    const writer = await caller('mover', { scopes: ['credentials:write'] })
    const reader = await caller('looker', { scopes: ['credentials:read'] })
    expect((await post(one(CANISTER), {}, writer)).status).toBe(200)
    expect((await post(one(CANISTER), {}, reader)).status).toBe(403)
    expect((await post(one(CANISTER), {}, null)).status).toBe(401)
    expect((await stage.test.api('GET', '/api/v1/credentials/foreign-prefixes', undefined, writer)).status).toBe(403)
    expect((await stage.test.api('GET', '/api/v1/credentials/foreign-prefixes', undefined, reader)).status).toBe(200)
  })

  test('a new prefix, which takes such texts from every upstream for ever, whoever may change resources too', async () => {
    const terms = { prefix: 'ghp_' }
    const writer = await caller('mover-1', { scopes: ['credentials:write'] })
    expect(await refused(one(CANISTER), terms, writer)).toEqual([403, 'scope_missing', []])
    const both = await caller('mover-3', { scopes: ['credentials:write', 'resources:write'] })
    const narrowed = (await stage.newKey('mover-3', { resources: ['countersign'], scopes: ['credentials:write'] })).key
    expect(await refused(one(CANISTER), terms, narrowed)).toEqual([403, 'scope_missing', []])
    for (const key of [both, writer]) expect((await post(one(CANISTER), terms, key)).status).toBe(200)
  })

  test('only an unconfined admin for whoever has a say at the management API, or to reach it', async () => {
    const writer = await caller('mover-2', { scopes: ['credentials:write'] })
    const confined = await caller('almost', { roles: ['admin'] }, { scopes: ['credentials:write'] })
    const admin = await caller('chief', { roles: ['admin'] })
    const reaching = [
      { owner: 'client:chief' },
      { owner: 'client:countersign-admin', resources: ['countersign'] },
      { owner: 'user:alice', resources: ['countersign'] },
    ]
    for (const said of reaching) {
      for (const key of [writer, confined]) {
        expect((await refused(one(said), {}, key)).slice(0, 2)).toEqual([403, 'would_escalate'])
        // One among others is enough.
        expect((await refused([...one(CANISTER), ...one(said)], {}, key))[1]).toBe('would_escalate')
      }
      expect((await post(one(said), {}, admin)).status).toBe(200)
    }
    expect(await refused(one({ owner: 'client:bootstrap' }))).toEqual([409, 'conflict', []])
  })

  test('for itself a caller imports nothing beyond what it showed, and what it imports dies with that', async () => {
    await stage.make('/clients', { id: 'selfish' })
    await stage.make('/permissions', { client: 'selfish', resource: 'webdav', scopes: ['files:*'] })
    await stage.make('/permissions', { client: 'selfish', resource: 'countersign', scopes: ['credentials:write'] })
    const narrow = {
      resources: ['countersign', 'webdav'],
      scopes: ['credentials:write', 'files:read'],
      expires_in_days: 9,
    }
    const { id, key } = await stage.newKey('selfish', narrow)
    const own = { owner: 'client:selfish' }
    for (const said of [
      { resources: ['forge'] },
      { resources: ['webdav'], scopes: ['files:write'] },
      { expires_at: '2031-01-01T00:00:00Z' },
    ]) {
      const lines = [...one(CANISTER), ...one({ ...own, ...said })]
      const field = Object.keys(said).at(-1)
      expect(await refused(lines, {}, key)).toEqual([403, 'would_escalate', [`credentials[1].${field}`]])
    }
    expect(await refused(one({ ...own, expires_at: null }), {}, key)).toEqual([
      400,
      'invalid_body',
      ['credentials[0].expires_at'],
    ])
    const token = foreign()
    const { status, body } = await post([{ digest: sha256(token), ...own }], {}, key)
    expect([status, await shown((body.ids as string[])[0] ?? '')]).toMatchObject([
      200,
      { ...{ parent: id }, scopes: narrow.scopes },
    ])
    await passes(token)
    await stage.call('POST', `/credentials/${id}/revoke`, {})
    await isRefused(token, 'credential_revoked')
  })

  test('not a personal access token for its own owner', async () => {
    await stage.make('/users', { username: 'keeper' })
    await stage.make('/permissions', { user: 'keeper', resource: 'countersign', scopes: ['credentials:write'] })
    const { token } = await stage.make('/users/keeper/tokens', { resources: ['countersign'] })
    const answer = await refused(one({ owner: 'user:keeper' }), {}, String(token))
    expect(answer.slice(0, 2)).toEqual([403, 'minting_refused'])
    expect((await post(one(CANISTER), {}, String(token))).status).toBe(200)
  })
})

describe('what a foreign text costs', () => {
  test('nothing where no prefix is known, as before', async () => {
    const bare = await Stage.open()
    const work = await workOf(() => bare.ask('forward', { lines: [bearer('glpat-0123456789abcdef')] }))
    // The one digest is the comparison with the bootstrap key.
    expect(work).toEqual({ digests: 1, queries: [] })
    await bare.close()
  })

  test('a known one: no look-up; an unknown one: one a second; one that is too long: none at all', async () => {
    const { token } = await moved()
    await passes(token)
    expect((await workOf(() => passes(token))).queries.filter((sql) => sql.includes('"credential"."digest"'))).toEqual(
      [],
    )
    const unknown = foreign()
    const ask = (text: string) => stage.ask('forward', { lines: [bearer(text)] })
    expect(lookUpsIn(await workOf(() => ask(unknown)))).toBe(1)
    expect(lookUpsIn(await workOf(() => ask(unknown)))).toBe(0)
    expect((await workOf(() => ask(`glpat-${'x'.repeat(506)}`))).queries).not.toEqual([])
    expect((await workOf(() => ask(`glpat-${'x'.repeat(507)}`))).queries).toEqual([])
  })
})

test('a token that stands in a path, or in another header, is not kept with the decision', async () => {
  const { token } = await moved()
  for (const asks of [
    { uri: `/files/${token}/x` },
    { uri: `/${token}`, method: 'DELETE' },
    { host: `${token}.example` },
  ]) {
    const answer = await stage.ask('forward', { asks })
    const id = answer.headers.get('countersign-decision') ?? ''
    expect(JSON.stringify(await stage.why(id))).not.toContain(token.slice(0, 12))
  }
})

test('neither a token nor the key of its digests is in a file, a log line or the audit', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-import-'))
  const kept = await Stage.open({ COUNTERSIGN_DATA_DIR: directory, COUNTERSIGN_LOG_LEVEL: 'debug' })
  const token = 'acme_0123456789abcdefghij'
  const hmac_key = HMAC_KEY.toString('base64')
  const body = { prefix: 'acme_', digest: 'hmac-sha256', hmac_key, credentials: [{ digest: hmac(token), ...CANISTER }] }
  await kept.call('POST', '/credentials/import', body)
  await kept.expect('OK', undefined, 'forward', { lines: [bearer(token)] })
  await kept.ask('forward', { lines: [bearer(`${token}x`)] })
  await kept.close()
  const written = [await everythingKept(directory), ...kept.test.logLines].join('\n')
  rmSync(directory, { recursive: true })
  expect(written).toContain(`hmac-sha256:acme_:${hmac(token)}`)
  expect(written).toContain('credential.import')
  for (const secret of [token.slice(5), hmac_key, HMAC_KEY.toString('latin1'), HMAC_KEY.toString('hex')]) {
    expect(written.includes(secret)).toBe(false)
  }
})
