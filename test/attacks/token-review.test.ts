// Tokens of ServiceAccounts that the API server of a cluster is asked about: a small one on loopback.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApp, type TestApp, withWebdav } from '../support/app.ts'
import { type PinnedIssuer, pinnedIssuer, trust } from '../support/pinned-issuer.ts'

const SUBJECT = 'system:serviceaccount:media:canister'
const AUDIENCE = 'https://webdav.example.com'
const ISS = 'https://kubernetes.default.svc.cluster.local'

type Asked = { readonly authorization: string | null; readonly token: string; readonly audiences: string[] }

let on: TestApp
let cluster: PinnedIssuer
let directory: string
let asked: Asked[]
let answers: (asked: Asked) => Response | Promise<Response>
let keys: () => Response
let server: ReturnType<typeof Bun.serve>

const reviewed = (status: object) => Response.json({ kind: 'TokenReview', status }, { status: 201 })
const yes = ({ audiences }: Asked) => reviewed({ authenticated: true, audiences, user: { username: SUBJECT } })

beforeEach(async () => {
  asked = []
  answers = yes
  keys = () => Response.json(cluster.jwks)
  server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 30,
    async fetch(request) {
      if (new URL(request.url).pathname === '/openid/v1/jwks') return keys()
      const { spec } = (await request.json()) as { spec: { token: string; audiences: string[] } }
      const one = { authorization: request.headers.get('authorization'), ...spec }
      asked.push(one)
      return new URL(request.url).pathname === '/apis/authentication.k8s.io/v1/tokenreviews'
        ? answers(one)
        : new Response('no', { status: 404 })
    },
  })
  directory = mkdtempSync(join(tmpdir(), 'countersign-review-'))
  writeFileSync(join(directory, 'token'), 'our-own-token\n')
  on = await startApp({
    COUNTERSIGN_EGRESS_NETWORKS: '127.0.0.0/8',
    COUNTERSIGN_ISSUER_FILE_DIRS: directory,
  })
  on.clock.stopMonotonic()
  cluster = pinnedIssuer(on, ISS)
  await withWebdav(on)
  const answer = await on.api('POST', '/api/v1/issuers', {
    name: 'cluster',
    issuer: ISS,
    algorithms: ['ES256'],
    kubernetes: {
      mode: 'token_review',
      api_server: `http://127.0.0.1:${server.port}`,
      token_file: join(directory, 'token'),
    },
  })
  expect([answer.status, answer.body.detail]).toEqual([201, undefined])
  await trust(on, { issuer: 'cluster', match: { sub: SUBJECT } })
})
afterEach(async () => {
  await server.stop(true)
  await on.close()
  rmSync(directory, { recursive: true })
})

function token(claims: Readonly<Record<string, unknown>> = {}): string {
  const bound = { namespace: 'media', serviceaccount: { name: 'canister', uid: 'u-1' } }
  return cluster.token({ sub: SUBJECT, aud: [AUDIENCE], 'kubernetes.io': bound, ...claims })
}

async function outcome(text: string): Promise<unknown> {
  const answer = await on.ask({ headers: { Authorization: `Bearer ${text}` } })
  if (answer.status === 200) return 200
  const { body } = await on.api('GET', `/api/v1/decisions/${answer.headers.get('countersign-decision')}`)
  return [answer.status, body.code, (body.detail as { because?: string }).because ?? '']
}
const refused = (because: string) => [401, 'external_token_refused', expect.stringContaining(because)]
const unavailable = [503, 'keys_unavailable', expect.any(String)]

test('a token is believed once its API server confirms it, which is shown our own token', async () => {
  const text = token()
  expect(await outcome(text)).toBe(200)
  expect(asked).toEqual([{ authorization: 'Bearer our-own-token', token: text, audiences: [AUDIENCE] }])
})

test('JWT-60 what was deleted in the cluster is refused ten seconds later, and no earlier is it asked again', async () => {
  const text = token()
  expect(await outcome(text)).toBe(200)
  answers = () => reviewed({ authenticated: false, error: '[invalid bearer token, Token has been invalidated]' })
  on.clock.monotonicAheadMs += 9900
  expect(await outcome(text)).toBe(200)
  expect(asked).toHaveLength(1)
  on.clock.monotonicAheadMs += 200
  expect(await outcome(text)).toEqual(refused('Token has been invalidated'))
})

test('what it says of others is not taken for the token', async () => {
  const wrong: [says: object, because: string][] = [
    [{ authenticated: false }, 'not valid'],
    [{ authenticated: 'true' }, 'not valid'],
    [
      { authenticated: true, audiences: [AUDIENCE], user: { username: 'system:serviceaccount:media:other' } },
      'subject',
    ],
    [{ authenticated: true, audiences: [AUDIENCE], user: {} }, 'subject'],
    [{ authenticated: true, audiences: ['https://other'], user: { username: SUBJECT } }, 'none of its audiences'],
    [{ authenticated: true, user: { username: SUBJECT } }, 'none of its audiences'],
  ]
  for (const [says, because] of wrong) {
    answers = () => reviewed(says)
    expect([says, await outcome(token())]).toEqual([says, refused(because)])
  }
})

test('a token is for those of its audiences alone that the API server confirms', async () => {
  answers = () => reviewed({ authenticated: true, audiences: ['https://other'], user: { username: SUBJECT } })
  expect(await outcome(token({ aud: [AUDIENCE, 'https://other'] }))).toEqual([401, 'audience_refused', ''])
})

test('what cannot be asked is «cannot tell», whatever goes wrong, and is asked again at once', async () => {
  const failures: [name: string, answer: typeof answers][] = [
    ['403', () => new Response('no', { status: 403 })],
    ['401', () => new Response('no', { status: 401 })],
    ['500', () => new Response('no', { status: 500 })],
    ['a redirect', () => new Response(null, { status: 307, headers: { Location: 'http://127.0.0.1:1/' } })],
    ['gibberish', () => new Response('<html>', { status: 200 })],
    ['no status', () => Response.json({})],
    ['a list', () => Response.json([])],
  ]
  for (const [name, answer] of failures) {
    answers = answer
    expect([name, await outcome(token())]).toEqual([name, unavailable])
  }
  answers = yes
  expect(await outcome(token())).toBe(200)
})

test('an API server that hangs is not waited for longer than three seconds', async () => {
  answers = () => new Promise(() => undefined)
  expect(await outcome(token())).toEqual(unavailable)
}, 10_000)

test('our own token is read anew, and no record or log holds it or the token that is asked about', async () => {
  writeFileSync(join(directory, 'token'), 'rotated-token')
  const text = token()
  answers = () => reviewed({ authenticated: false, error: `this is bad: ${text}` })
  await outcome(text)
  expect(asked[0]?.authorization).toBe('Bearer rotated-token')
  const { body } = await on.api('GET', '/api/v1/decisions')
  for (const secret of [text, 'rotated-token']) {
    expect(JSON.stringify(body)).not.toContain(secret)
    expect(on.logLines.join('\n')).not.toContain(secret)
  }
  writeFileSync(join(directory, 'token'), 'no token\nat all')
  answers = yes
  expect(await outcome(token())).toEqual(unavailable)
})

test('what the gate refuses is never sent to the API server', async () => {
  for (const claims of [
    { exp: undefined },
    { sub: 'system:serviceaccount:other:canister' },
    { 'kubernetes.io': undefined },
  ]) {
    expect(await outcome(token(claims))).toEqual(refused(''))
  }
  expect(asked).toEqual([])
})

test('what no key of the cluster signed is never sent to the API server, wherever the keys come from', async () => {
  const stranger = pinnedIssuer(on, ISS)
  const bound = { namespace: 'media', serviceaccount: { name: 'canister' } }
  const forged = () => stranger.token({ sub: SUBJECT, aud: [AUDIENCE], 'kubernetes.io': bound })
  expect(await outcome(forged())).toEqual(refused('signature'))
  await on.api('PATCH', '/api/v1/issuers/cluster', { jwks: cluster.jwks })
  expect(await outcome(forged())).toEqual(refused('signature'))
  expect(asked).toEqual([])
  expect(await outcome(token())).toBe(200)
  expect(asked).toHaveLength(1)
})

test('a cluster whose keys cannot be had is «cannot tell»', async () => {
  keys = () => new Response('forbidden', { status: 403 })
  expect(await outcome(token())).toEqual(unavailable)
  expect(asked).toEqual([])
})

test('many at once of one token are one question', async () => {
  const text = token()
  expect(await Promise.all(Array.from({ length: 30 }, () => outcome(text)))).toEqual(Array(30).fill(200))
  expect(asked).toHaveLength(1)
})
