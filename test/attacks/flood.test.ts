// A flood of tokens that nobody issued, over HTTP. `npm run bench -- flood` is the long form, with what good requests wait.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chosenEngine, SQLITE } from '../../packages/server/src/store/testing/engines.ts'
import { badTokens } from '../support/bad-tokens.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { Flood } from '../support/flood.ts'
import { strangersKey } from '../support/forging.ts'
import { PATIENCE_MS } from '../support/wait.ts'
import { HONEST } from './vectors/vector.ts'
import { RESOURCES } from './vectors/world.ts'

const WARM_UP_TOKENS = 15_000
const TOKENS = 30_000
const CONNECTIONS = 300
/** Ten times of what was seen, and far less than the flood would take if all of it were kept: 30 000 records and answers. */
const MAX_GROWTH_MIB = 64
const MAX_RECORDS_MIB = 16

let server: CountersignServer
let directory = ''
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-flood-'))
  server = await startCountersign(directory)
}, PATIENCE_MS)
afterAll(async () => {
  await server.stop()
  rmSync(directory, { recursive: true })
})

const residentMiB = () => (Number(readFileSync(`/proc/${server.pid}/statm`, 'utf8').split(' ')[1]) * 4096) / 2 ** 20
const QUESTION = {
  'X-Forwarded-Method': HONEST.method,
  'X-Forwarded-Proto': HONEST.proto,
  'X-Forwarded-Host': HONEST.host,
  'X-Forwarded-Uri': HONEST.uri,
  'X-Forwarded-For': '192.0.2.1',
}
const ask = async (key: unknown) => {
  const headers = { ...QUESTION, Authorization: `Bearer ${key}` }
  return (await fetch(`${server.url}/verify/forward`, { headers })).status
}

test(
  'DOS-03 of bad tokens nothing stays, none is answered otherwise than no, good keys pass, and revoked ones stay revoked',
  async () => {
    for (const resource of RESOURCES) await server.make('/resources', resource)
    await server.make('/clients', { id: 'canister' })
    await server.make('/permissions', { client: 'canister', resource: 'webdav', scopes: ['files:read'] })
    const newKey = () => server.make('/clients/canister/keys', {})
    const known = (await newKey()).key
    const unseen = (await newKey()).key
    const revoked = await newKey()
    for (const key of [known, revoked.key]) expect(await ask(key)).toBe(200)
    expect((await server.call('POST', `/credentials/${revoked.id}/revoke`, {})).status).toBe(200)
    const { jwk } = strangersKey()
    const trusted = { issuer: 'https://idp.example.com', kid: jwk.kid, audience: 'https://webdav.example.com' }
    const issuer = { name: 'corp', issuer: trusted.issuer, algorithms: ['ES256'], jwks: { keys: [jwk] } }
    await server.make('/issuers', issuer)

    const kinds = Object.values(badTokens({ issuer: server.url, trusted }))
    const lines = Object.entries({ Host: 'x', ...QUESTION }).map(([name, value]) => `${name}: ${value}`)
    let left = WARM_UP_TOKENS
    const flood = new Flood(Number(server.address.split(':')[1]), () => {
      if (left-- <= 0) return undefined
      const kind = kinds[left % kinds.length]
      return `${['GET /verify/forward HTTP/1.1', ...lines, `${kind?.header}: ${kind?.next()}`].join('\r\n')}\r\n\r\n`
    })
    await flood.open(CONNECTIONS)
    await flood.end()
    const beforeMiB = residentMiB()
    left = TOKENS
    const good = (async () => {
      const statuses = new Set<number>()
      while (left > 0) {
        statuses.add(await ask(known))
        expect([401, 503]).toContain(await ask(revoked.key))
      }
      return statuses
    })()
    await flood.open(CONNECTIONS)
    await flood.end()
    expect([...(await good)]).toEqual([200])

    const answered = Object.keys(flood.answers).map(Number)
    expect(answered.filter((status) => ![401, 403, 503].includes(status))).toEqual([])
    expect(Object.values(flood.answers).reduce((sum, count) => sum + count, 0)).toBe(WARM_UP_TOKENS + TOKENS)
    expect(residentMiB() - beforeMiB).toBeLessThan(MAX_GROWTH_MIB)
    if (chosenEngine() === SQLITE) {
      expect(statSync(join(directory, 'decisions.db')).size / 2 ** 20).toBeLessThan(MAX_RECORDS_MIB)
    }
    expect([await ask(unseen), await ask(revoked.key)]).toEqual([200, 401])
  },
  2 * PATIENCE_MS,
)
