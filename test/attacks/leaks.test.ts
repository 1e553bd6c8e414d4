// Anyone may report a leaked credential: what that does, to whom, what it tells, and what it costs.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { formatCredential, type IssuedKind } from '@countersign/resource-server'
import { BURST } from '../../packages/server/src/domain/holder-revocations.ts'
import { listen } from '../../packages/server/src/http/listen.ts'
import { onEachStatement } from '../../packages/server/src/store/testing/statements.ts'
import { BOOTSTRAP_KEY, tokenFor, withSecret } from '../support/app.ts'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'
import { lookUpsIn, workOf } from './work.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const random = () => crypto.getRandomValues(new Uint8Array(32))
const UNKNOWN = { outcome: 'unknown', id: null }

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open({ COUNTERSIGN_LOG_LEVEL: 'debug' })
  await stage.make('/users', { username: 'alice' })
  await stage.make('/permissions', { user: 'alice', resource: 'webdav', scopes: ['files:*'] })
})
afterAll(() => stage.close())

/** Reports it without any credential of one's own. */
const post = (credential: unknown, said: object = {}, on = stage) =>
  on.test.api('POST', '/api/v1/leaks', { credential, ...said }, null)
const report = async (credential: string, said: object = {}, on = stage) => {
  const { status, body } = await post(credential, said, on)
  expect(status).toBe(200)
  return body
}
const asking = (text: string) => ({ lines: [bearer(text)] })
const isRevoked = (text: string) => stage.expect('T401', 'credential_revoked', 'forward', asking(text))
const passes = (text: string) => stage.expect('OK', undefined, 'forward', asking(text))
const newToken = async (said: object = {}) => {
  const { id, token } = await stage.make('/users/alice/tokens', said)
  return { id: String(id), text: String(token) }
}
const importedToken = async () => {
  const text = `glpat-${sha256(String(random())).slice(0, 20)}`
  stage.oracle.keepSecret(text)
  const credentials = [{ digest: sha256(text), owner: 'user:alice' }]
  const { ids } = await stage.call('POST', '/credentials/import', { prefix: 'glpat-', digest: 'sha256', credentials })
  return { id: (ids as string[])[0] ?? '', text }
}
const newKey = async () => {
  const { id, key } = await stage.newKey()
  return { id, text: key }
}

describe('a reported credential', () => {
  test.each([
    ['a key', newKey],
    ['a personal access token', newToken],
    ['an imported one', importedToken],
  ])('%s is refused from the next request on', async (_, make) => {
    const { id, text } = await make()
    await passes(text)
    expect(await report(text)).toEqual({ outcome: 'revoked', id })
    await isRevoked(text)
    expect(await report(text)).toEqual({ outcome: 'dead', id })
  })

  test('is shown with who revoked it and why', async () => {
    const { id, text } = await newToken()
    await report(text, { found_at: 'https://git.example.com/infra, line 12' })
    expect(await stage.call('GET', `/credentials/${id}`)).toMatchObject({
      state: 'revoked',
      revoked_by: 'leak-report',
      revoked_reason: 'leaked: https://git.example.com/infra, line 12',
    })
  })

  test('takes with it whatever it minted, also when it has expired meanwhile', async () => {
    await stage.make('/clients', { id: 'minter' })
    await stage.make('/permissions', { client: 'minter', resource: 'webdav', scopes: ['files:*'] })
    await stage.make('/permissions', { client: 'minter', resource: 'countersign', scopes: ['credentials:write'] })
    const lineage = async (said: object) => {
      const parent = await stage.newKey('minter', { resources: ['countersign', 'webdav'], ...said })
      const mint = async (key: string) => {
        const { body } = await stage.test.api('POST', '/api/v1/clients/minter/keys', { name: 'child' }, key)
        stage.oracle.keepSecret(String(body.key))
        return String(body.key)
      }
      const child = await mint(parent.key)
      return { parent, child, grandchild: await mint(child) }
    }
    const live = await lineage({})
    await passes(live.grandchild)
    expect(await report(live.parent.key)).toMatchObject({ outcome: 'revoked' })
    for (const key of [live.parent.key, live.child, live.grandchild]) await isRevoked(key)

    const rotated = await lineage({})
    await stage.call('GET', `/credentials/${rotated.parent.id}`)
    await stage.make(`/credentials/${rotated.parent.id}/rotate`, { overlap_seconds: 0 })
    await stage.expect('T401', 'credential_expired', 'forward', asking(rotated.parent.key))
    await passes(rotated.child)
    expect(await report(rotated.parent.key)).toMatchObject({ outcome: 'dead', id: rotated.parent.id })
    for (const key of [rotated.child, rotated.grandchild]) await isRevoked(key)
  })

  test('is revoked whoever owns it: an administrator, and somebody who is disabled and might come back', async () => {
    await stage.make('/users', { username: 'chief', roles: ['admin'] })
    const { token } = await stage.make('/users/chief/tokens', { resources: ['countersign'] })
    expect(await report(String(token))).toMatchObject({ outcome: 'revoked' })
    expect((await stage.test.api('GET', '/api/v1/me', undefined, String(token))).status).toBe(401)

    await stage.make('/users', { username: 'away' })
    const asleep = String((await stage.make('/users/away/tokens', {})).token)
    await stage.call('PATCH', '/users/away', { disabled: true })
    expect(await report(asleep)).toMatchObject({ outcome: 'revoked' })
    await stage.call('PATCH', '/users/away', { disabled: false })
    await isRevoked(asleep)
  })

  test('is dead when a line went through it, and not brought to life by the report', async () => {
    const { id, text } = await newToken()
    await stage.call('POST', '/users/alice/revoke-credentials', {})
    expect(await report(text)).toEqual({ outcome: 'dead', id })
    await isRevoked(text)
  })

  test('that is a client secret is revoked though it is presented nowhere', async () => {
    const text = formatCredential('secret', random())
    await stage.expect('T401', 'credential_kind_refused', 'forward', asking(text))
    // Looked for, unlike on the path: there is none yet.
    expect(lookUpsIn(await workOf(() => report(text)))).toBe(1)
  })

  test('leaves everything else as it is', async () => {
    const [one, other] = [await newToken(), await newToken()]
    await report(one.text)
    await passes(other.text)
    await passes(stage.wallet.key)
  })

  test('may be reported by whoever shows another credential, but not beside a bad one', async () => {
    const [one, other] = [await newToken(), await newToken()]
    const send = (text: string, key: string) => stage.test.api('POST', '/api/v1/leaks', { credential: text }, key)
    const { status, body } = await send(one.text, BOOTSTRAP_KEY)
    expect([status, body.outcome]).toEqual([200, 'revoked'])
    expect((await send(other.text, one.text)).status).toBe(401)
    // One that may do nothing at the management API is told so, also where nobody has to be known.
    expect((await send(other.text, stage.wallet.key)).status).toBe(403)
    await passes(other.text)
  })
})

describe('what is no credential here', () => {
  const assertion = async () => {
    const { headers } = await passes(stage.wallet.key)
    return headers.get('countersign-assertion') ?? ''
  }
  const one = (kind: IssuedKind) => formatCredential(kind, random())
  const cheap: [what: string, text: () => string | Promise<string>][] = [
    ['a mistyped one', () => `${one('key').slice(0, -1)}!`],
    ['one that is cut off', () => one('pat').slice(0, -1)],
    ['one with a blank behind it', () => `${stage.wallet.key} `],
    ['one in capitals', () => stage.wallet.key.toUpperCase()],
    ['a foreign one', () => 'ghp_0123456789abcdefghijABCDEFGHIJ012345'],
    ['the prefix of imported ones, too long behind', () => `glpat-${'x'.repeat(507)}`],
    ['the prefix of imported ones, with a byte that none has', () => 'glpat-0123é'],
    ['the prefix of imported ones and a line break', () => 'glpat-0123\nabc'],
    ['an assertion of ours', assertion],
    ['a public id', () => 'key_01JABCDEFGHJKMNPQRSTVWXYZ0'],
    ['a digest', () => sha256(stage.wallet.key)],
    ['a wildcard', () => '%'],
    ['eight kilobytes', () => 'x'.repeat(8192)],
  ]
  test.each(cheap)('%s is unknown without a word to the database', async (_, text) => {
    await importedToken()
    const reported = await text()
    const answers: unknown[] = []
    const work = await workOf(async () => answers.push(await report(reported)))
    expect([answers, work.queries]).toEqual([[UNKNOWN], []])
    await passes(stage.wallet.key)
  })

  test('one that could be: one look-up a second, no change, no revision', async () => {
    const text = one('pat')
    const work = await workOf(() => report(text))
    expect(lookUpsIn(work)).toBe(1)
    expect(work.queries.filter((sql) => /^(insert|update|delete)/i.test(sql))).toEqual([])
    expect(lookUpsIn(await workOf(() => report(text)))).toBe(0)
  })

  test('one that is dead already: no change either, however often it is reported', async () => {
    const { text } = await newToken()
    await report(text)
    await report(text)
    expect((await workOf(() => report(text))).queries).toEqual([])
  })

  test('an access token that has expired, of which no record says that it is dead: no change either', async () => {
    const token = await tokenFor(stage.test, (await withSecret(stage.test)).headers)
    stage.test.clock.advance(600_000)
    const answers: unknown[] = []
    const work = await workOf(async () => answers.push(await report(token)))
    expect(answers).toMatchObject([{ outcome: 'dead' }])
    expect(work.queries.filter((sql) => /^(insert|update|delete)/i.test(sql))).toEqual([])
  })

  test.each([
    ['nothing', {}],
    ['an empty one', { credential: '' }],
    ['a list', { credential: ['x'] }],
    ['too long a one', { credential: 'x'.repeat(8193) }],
    ['more than is asked', { credential: 'x', id: 'key_1' }],
    ['two lines of where', { credential: 'x', found_at: 'a\nb' }],
  ])('%s is a mistake in the body', async (_, body) => {
    expect(await stage.test.api('POST', '/api/v1/leaks', body, null)).toMatchObject({ status: 400 })
  })
})

test('when the store cannot be asked the answer is 503, and the report can be made again', async () => {
  const { text } = await newToken()
  const restore = onEachStatement((sql) => {
    if (sql.includes('"credential"."digest"')) throw new Error('disk I/O error')
  })
  try {
    expect(await post(text)).toMatchObject({ status: 503 })
  } finally {
    restore()
  }
  expect(await report(text)).toMatchObject({ outcome: 'revoked' })
})

describe('the bootstrap key', () => {
  test('has its client disabled, though nobody else is admin, and is dead from then on', async () => {
    const alone = await Stage.open()
    expect(await report(BOOTSTRAP_KEY, { found_at: 'a build log' }, alone)).toEqual({
      outcome: 'revoked',
      id: 'bootstrap',
    })
    expect((await alone.test.api('GET', '/api/v1/me')).status).toBe(401)
    expect(await report(BOOTSTRAP_KEY, {}, alone)).toEqual({ outcome: 'dead', id: 'bootstrap' })
    await alone.close()
  })

  test('of another server is unknown', async () => {
    const without = await Stage.open()
    expect(await report(`${BOOTSTRAP_KEY}x`, {}, without)).toEqual(UNKNOWN)
    await without.close()
  })
})

describe('the ways in', () => {
  const send = (method: string, path: string) => {
    const body = method === 'GET' ? undefined : { credential: 'x' }
    return stage.test.api(method, `/api/v1${path}`, body, null)
  }
  test.each([
    ['GET', '/leaks', 403],
    ['PUT', '/leaks', 403],
    ['DELETE', '/leaks', 403],
    ['POST', '/leaks/', 404],
    ['POST', '/leaks/x', 403],
    ['POST', '/le%61ks', 200],
    ['POST', '/leaks%2f', 400],
    ['POST', '//leaks', 400],
    ['GET', '/openapi.json', 200],
    ['GET', '/openapi.json/', 404],
    ['POST', '/openapi.json', 403],
  ])('without a credential %s %s is answered %d', async (method, path, status) => {
    const answer = await send(method, path)
    expect(answer.status).toBe(status)
  })
})

test('a report that a stranger begins and leaves is no error of the server, however often they do', async () => {
  const server = await listen({ kind: 'tcp', hostname: '127.0.0.1', port: 0 }, stage.test.app.publicRoutes)
  const port = server.port ?? 0
  const before = stage.test.logLines.length
  for (const length of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
    const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })
    const head = ['POST /api/v1/leaks HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', length]
    socket.write(`${head.join('\r\n')}\r\n\r\n5\r\n{"cre`)
    // What comes after it is answered after it was begun.
    await fetch(`http://127.0.0.1:${port}/healthz`)
    socket.terminate()
    await fetch(`http://127.0.0.1:${port}/healthz`)
  }
  await server.stop()
  expect(stage.test.logLines.slice(before).filter((line) => !line.startsWith('{"level":"debug"'))).toEqual([])
})

test('neither what was reported nor what stands in its address is written anywhere', async () => {
  const kept = await Stage.open({ COUNTERSIGN_LOG_LEVEL: 'debug' })
  const [one, other] = [await kept.newKey(), await kept.newKey()]
  const found_at = `https://ci.example.com/log?a=${one.key}&b=${other.key}, twice ${one.key}`
  expect(await report(one.key, { found_at }, kept)).toMatchObject({ outcome: 'revoked' })
  const shown = await kept.call('GET', `/credentials/${one.id}`)
  expect(shown.revoked_reason).toBe('leaked: https://ci.example.com/log?a=…&b=cs_…, twice …')
  const imported = 'glpat-0123456789abcdefghij'
  kept.oracle.keepSecret(imported)
  const credentials = [{ digest: sha256(imported), owner: 'client:canister' }]
  await kept.call('POST', '/credentials/import', { prefix: 'glpat-', digest: 'sha256', credentials })
  await report(other.key, { found_at: `beside ${imported}` }, kept)
  expect(await kept.call('GET', `/credentials/${other.id}`)).toMatchObject({ revoked_reason: 'leaked: beside …' })
  // What people write when they revoke by hand, in a hurry.
  const third = await kept.newKey()
  const odd = 'glpat-a+/b=cretsecretX1'
  kept.oracle.keepSecret(odd)
  const reason = `found ${third.key} and "${odd}" in a repository`
  const revoked = await kept.call('POST', `/credentials/${third.id}/revoke`, { reason })
  expect(revoked.credential).toMatchObject({ revoked_reason: 'found cs_… and "…" in a repository' })
  await kept.test.app.flush()
  kept.oracle.holdsNoSecret(
    JSON.stringify([shown, await kept.call('GET', '/decisions'), await kept.call('GET', '/audit-events?limit=200')]),
    'an answer',
  )
  await kept.close()
})

test('more access tokens of one client than a fleet holds are revoked one after the other, and those of others at once', async () => {
  const flooded = await Stage.open()
  try {
    flooded.test.clock.stopMonotonic()
    const { headers } = await withSecret(flooded.test)
    const next = () => tokenFor(flooded.test, headers)
    for (let times = 0; times < BURST; times++) {
      expect(await report(await next(), {}, flooded)).toMatchObject({ outcome: 'revoked' })
    }
    const token = await next()
    // One bound for both ways.
    expect((await flooded.test.oauth('/oauth/revoke', { token }, { headers })).status).toBe(503)
    const { status, headers: told, body } = await post(token, {}, flooded)
    expect([status, body.code, told.get('retry-after')]).toEqual([503, 'revocations_throttled', '1'])
    await flooded.expect('OK', undefined, 'forward', asking(token))
    expect(await report(flooded.wallet.key, {}, flooded)).toMatchObject({ outcome: 'revoked' })
    flooded.test.clock.monotonicAheadMs += 1000
    expect(await report(token, {}, flooded)).toMatchObject({ outcome: 'revoked' })
  } finally {
    await flooded.close()
  }
})

test('one access token, reported over and over at the same moment, is revoked once and counted once', async () => {
  const flooded = await Stage.open()
  try {
    flooded.test.clock.stopMonotonic()
    const { headers } = await withSecret(flooded.test)
    const [one, other] = [await tokenFor(flooded.test, headers), await tokenFor(flooded.test, headers)]
    const reports = Array.from({ length: BURST + 1 }, () => report(one, {}, flooded))
    for (const { outcome } of await Promise.all(reports)) expect(String(outcome)).toMatch(/^(revoked|dead)$/)
    expect(await report(other, {}, flooded)).toMatchObject({ outcome: 'revoked' })
  } finally {
    await flooded.close()
  }
})
