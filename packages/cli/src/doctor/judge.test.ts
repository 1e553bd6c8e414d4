import { expect, test } from 'bun:test'
import type { Decision } from '@countersign/admin-api'
import { type Baseline, judge } from './judge.ts'
import { type Probe, probesOf } from './probe.ts'
import type { Exchange } from './raw-exchange.ts'
import { placeOf, siteOf } from './resource-site.ts'

const url = new URL('https://webdav.example.com')
const site = siteOf(url, placeOf(url, undefined, undefined), null)
const probes = probesOf(site, {
  groups: ['places', 'methods', 'paths', 'headers', 'hosts', 'protocols', 'verify'],
  methods: [],
  preflights: 'deny',
})
const named = (id: string): Probe => {
  const probe = probes.find((one) => one.id === id)
  if (probe === undefined) throw new Error(`no probe ${id}`)
  return probe
}
const baseline: Baseline = { host: 'webdav.example.com', clientAddress: '192.0.2.7', code: 'credential_unknown' }

const answer = (status: number, body = ''): Exchange => ({ status, headers: new Map(), body })
const decided = (probe: Probe, told: Partial<Decision['request']> = {}, code = 'credential_unknown'): Decision => ({
  ...{
    id: `dec_${'0'.repeat(26)}`,
    at: '2030-01-01T00:00:00.000Z',
    outcome: 'deny',
    status: 401,
    step: 'authentication',
  },
  ...{ sentence: '', resource: 'webdav', rule: null, credential: null, principal: null, detail: {}, code },
  request: {
    dialect: 'forward',
    ...probe.told,
    ...{ host: baseline.host, client_address: baseline.clientAddress, ...told },
  },
})
const judged = (id: string, shown: Exchange, told?: Partial<Decision['request']> | null, code?: string) => {
  const probe = named(id)
  const decision = told === null ? undefined : decided(probe, told, code)
  return judge(probe, { answer: shown, decision }, baseline, ['nginx'])?.level ?? 'fine'
}

test('every probe that is refused, and told as it was sent, is as it should be', () => {
  for (const probe of probes) {
    expect(judge(probe, { answer: answer(401), decision: decided(probe) }, baseline, ['caddy'])).toBeUndefined()
  }
})

test('no two probes are one', () => {
  expect(new Set(probes.map(({ id }) => id)).size).toBe(probes.length)
  expect(new Set(probes.map(({ lines }) => lines.join('\n'))).size).toBe(probes.length)
})

test('every probe shows the key that nobody has', () => {
  expect(probes.filter(({ lines }) => !lines.includes(site.unknownKey))).toEqual([])
})

const ROWS: readonly (readonly [what: string, level: string, ...of: Parameters<typeof judged>])[] = [
  ['an answer that nobody was asked about', 'fault', 'method-HEAD', answer(200), null],
  ['not found, and nobody was asked', 'fault', 'place-0', answer(404), null],
  ['a redirect, and nobody was asked', 'fault', 'place-0', answer(302), null],
  ['a protocol that was switched to', 'fault', 'websocket', answer(101), null],
  ['a refusal by the proxy itself', 'fine', 'path-0', answer(400), null],
  ['a connection that was closed', 'fine', 'path-0', { failure: 'the connection was closed' }, null],
  ['a service that does not answer', 'warning', 'place-0', answer(502), null],
  ['not found where there need be nothing', 'fine', 'verify-/verify/forward', answer(404), null],
  ['an empty page at another host', 'fine', 'host-other', answer(200), null],
  ['a page at another host', 'warning', 'host-other', answer(200, 'the service'), null],
  ['a refusal that is answered with 200', 'fault', 'place-0', answer(200), {}],
  ['a refusal that is answered with 404', 'fault', 'place-0', answer(404), {}],
  ['another method', 'fault', 'header-X-Forwarded-Method', answer(401), { method: 'OPTIONS' }],
  ['another path', 'fault', 'header-X-Forwarded-Uri', answer(401), { path: '/other' }],
  ['a path in plainer words', 'warning', 'path-0', answer(401), { path: '/b' }],
  ['another host', 'fault', 'header-X-Forwarded-Host', answer(401), { host: 'evil.test' }],
  ['the other host that was asked', 'fine', 'host-other', answer(403), { host: 'doctor.invalid' }],
  ['the other host beside a target of the site’s', 'fault', 'host-absolute', answer(403), { host: 'doctor.invalid' }],
  ['another address', 'fault', 'header-X-Forwarded-For', answer(401), { client_address: '203.0.113.77' }],
  ['no address', 'fault', 'header-connection', answer(401), { client_address: null }],
  [
    'a question that went wrong',
    'fault',
    'header-X-Original-URL',
    answer(400),
    { path: null, method: null },
    'request_malformed',
  ],
  [
    'a target that was refused, as far as it is plain',
    'fine',
    'path-1',
    answer(400),
    { path: '/countersign-doctor' },
    'target_malformed',
  ],
  [
    'a question of the client’s that is answered',
    'fault',
    'verify-/verify/forward',
    answer(401),
    { path: '/question' },
  ],
]
for (const [what, level, ...of] of ROWS) {
  test(`${what}: ${level}`, () => {
    expect(judged(...of)).toBe(level)
  })
}
