import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { api } from '../../examples/workload/api.ts'
import { atlasGuard, atlasGuardFrom } from '../../examples/workload/atlas-guard.ts'
import { type Cluster, cluster } from '../../examples/workload/cluster.ts'
import { listen } from '../../examples/workload/listen.ts'
import { ROOT } from '../support/guide.ts'
import { run } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const ISSUER = 'https://kubernetes.default.svc.cluster.local'
const AUDIENCE = 'https://api.example.com/internal/atlas'
const ACCOUNT = { namespace: 'atlas-production', name: 'atlas', audience: AUDIENCE }
const USAGE = '/api/internal/atlas/accounts/acme/usage'
const NOW = Date.parse('2030-01-01T00:00:00Z') / 1000
/** Of clocks that differ. */
const TOLERANCE = 60

describe('examples/workload', () => {
  const teardown = new Teardown()
  let [ours, theirs]: (Cluster | undefined)[] = []
  let jwksFile: string
  let now: number
  let log: string[]
  let answer: (request: Request) => Response | Promise<Response>
  beforeAll(async () => {
    ours = cluster(ISSUER, () => NOW)
    theirs = cluster(ISSUER, () => NOW)
    jwksFile = join(await teardown.temporaryDirectory('workload'), 'jwks.json')
  })
  afterAll(() => teardown.run())
  beforeEach(async () => {
    await writeFile(jwksFile, JSON.stringify(ours?.jwks))
    now = NOW
    log = []
    const [namespace, name] = [ACCOUNT.namespace, ACCOUNT.name]
    answer = apiWith(
      atlasGuard({
        ...{ jwksFile, issuer: ISSUER, audience: AUDIENCE, serviceAccount: { namespace, name } },
        now: () => new Date(now * 1000),
      }),
    )
  })
  const apiWith = (atlas: Parameters<typeof api>[0]['atlas']) =>
    api({
      usage: new Map([['acme', { gigabytes: 812 }]]),
      atlas,
      pipeline: () => new Response('the pipeline of people'),
      log: (line) => void log.push(line),
    })
  const token = (claims: object = {}, account: object = {}) =>
    ours?.projectedToken({ ...ACCOUNT, ...account }, { ...claims }) ?? ''
  const ask = async (text: string | undefined, path = USAGE, init: RequestInit = {}) => {
    const headers = text === undefined ? {} : { authorization: `Bearer ${text}` }
    return answer(new Request(`https://api.example.com${path}`, { headers, ...init }))
  }
  const statusOf = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).status

  test(
    'main.ts gives each caller what the README says, and ends by itself',
    async () => {
      const readme = readFileSync(join(ROOT, 'examples/workload/README.md'), 'utf8')
      const [output] = /^\| who [\s\S]*credential_missing \{\}$/m.exec(readme) ?? ['no output']
      const done = await run([process.execPath, 'examples/workload/main.ts'], {
        cwd: ROOT,
        env: { HOME: '/nonexistent' },
      })
      expect(done).toMatchObject({ exitCode: 0, stderr: '', stdout: `${output}\n` })
    },
    PATIENCE_MS,
  )

  test('the one ServiceAccount is answered, and its account is that of the path', async () => {
    const answered = await ask(token())
    expect([answered.status, await answered.json()]).toEqual([200, { account: 'acme', gigabytes: 812 }])
    expect(log).toEqual([expect.stringMatching(/^200 client:atlas by jwt_\w+ asked for "acme"$/)])
  })

  const kubernetes = (namespace: string, name: string) => ({
    'kubernetes.io': { namespace, serviceaccount: { name, uid: 'u' } },
  })
  const refused: [token: string, text: () => string, code: string][] = [
    ['for another audience', () => token({ aud: ['https://kubernetes.default.svc'] }), 'audience_refused'],
    ['for an audience that begins alike', () => token({ aud: [`${AUDIENCE}-evil`] }), 'audience_refused'],
    ['without an audience', () => token({ aud: undefined }), 'external_token_refused'],
    ['of another issuer', () => token({ iss: 'https://other.example.com' }), 'credential_foreign'],
    ['of the issuer with a slash more', () => token({ iss: `${ISSUER}/` }), 'credential_foreign'],
    ['signed by another key', () => theirs?.projectedToken(ACCOUNT) ?? '', 'external_token_refused'],
    [
      'with the signature of another',
      () => `${token().split('.', 2).join('.')}.${token({}, { name: 'x' }).split('.')[2]}`,
      'external_token_refused',
    ],
    ['of another namespace', () => token({}, { namespace: 'atlas-staging' }), 'trust_rule_missing'],
    ['of another ServiceAccount', () => token({}, { name: 'default' }), 'trust_rule_missing'],
    ['of one whose name begins alike', () => token({}, { name: 'atlas-evil' }), 'trust_rule_missing'],
    [
      'whose subject is not what its namespace says',
      () => token(kubernetes('other', 'atlas')),
      'external_token_refused',
    ],
    [
      'whose subject is not what its name says',
      () => token(kubernetes('atlas-production', 'other')),
      'external_token_refused',
    ],
    ['that says nothing of a ServiceAccount', () => token({ 'kubernetes.io': undefined }), 'external_token_refused'],
    ['that expired', () => token({ iat: NOW - 3600, nbf: NOW - 3600, exp: NOW - TOLERANCE }), 'credential_expired'],
    ['that is early by nbf', () => token({ nbf: NOW + TOLERANCE + 1 }), 'credential_not_yet_valid'],
    ['that is early by iat', () => token({ iat: NOW + TOLERANCE + 1, nbf: undefined }), 'credential_not_yet_valid'],
    ['without iat', () => token({ iat: undefined }), 'external_token_refused'],
    ['without exp', () => token({ exp: undefined }), 'external_token_refused'],
    ['over the longest life', () => token({ exp: NOW + 3608 }), 'external_token_refused'],
    ['of the legacy kind', () => token({ iss: 'kubernetes/serviceaccount' }), 'credential_foreign'],
    ['that is none', () => 'opaque', 'credential_foreign'],
  ]
  test.each(refused)('a token %s is 401', async (_, text, code) => {
    const answered = await ask(text())
    expect([answered.status, await answered.text()]).toEqual([401, 'The credential is not valid.\n'])
    expect(log).toEqual([expect.stringContaining(`401 refused: ${code} `)])
    expect(log.join()).not.toContain(text())
  })

  test.each([
    ['in its last second', { iat: NOW - 3607, nbf: NOW - 3607, exp: NOW - TOLERANCE + 1 }],
    ['as early as clocks differ', { iat: NOW + TOLERANCE, nbf: NOW + TOLERANCE }],
    ['of the longest life', { exp: NOW + 3607 }],
  ])('a token %s is believed', async (_, claims) => {
    expect(await statusOf(token(claims))).toBe(200)
  })

  test('an account that does not exist is 404 to Atlas, and 401 to all others', async () => {
    const path = '/api/internal/atlas/accounts/nimbus/usage'
    expect([await statusOf(token(), path), await statusOf(token({}, { name: 'x' }), path)]).toEqual([404, 401])
  })

  test('a verifier that is not configured is 503, whatever is shown', async () => {
    answer = apiWith(atlasGuardFrom({}, console.error))
    expect([await statusOf(token()), await statusOf(undefined)]).toEqual([503, 503])
  })

  test('one that is half configured stops the start, and names what is missing', () => {
    const all = { ATLAS_JWKS_FILE: jwksFile, ATLAS_ISSUER: ISSUER, ATLAS_AUDIENCE: AUDIENCE }
    expect(() => atlasGuardFrom(all, console.error)).toThrow('To mend: ATLAS_SERVICE_ACCOUNT')
    expect(() => atlasGuardFrom({ ...all, ATLAS_SERVICE_ACCOUNT: 'atlas' }, console.error)).toThrow('namespace:name')
    expect(() => atlasGuardFrom({ ...all, ATLAS_SERVICE_ACCOUNT: 'a:b', ATLAS_AUDIENCE: '' }, console.error)).toThrow(
      'ATLAS_AUDIENCE',
    )
    expect(() =>
      atlasGuardFrom({ ...all, ATLAS_SERVICE_ACCOUNT: 'a:b', ATLAS_AUDIENCE: 'atlas' }, console.error),
    ).toThrow('resource.identifier')
  })

  test('keys that cannot be read are told to the log', async () => {
    await rm(jwksFile)
    const env = { ATLAS_JWKS_FILE: jwksFile, ATLAS_ISSUER: ISSUER, ATLAS_AUDIENCE: AUDIENCE }
    const faults: string[] = []
    answer = apiWith(atlasGuardFrom({ ...env, ATLAS_SERVICE_ACCOUNT: 'a:b' }, (line) => void faults.push(line)))
    expect(await statusOf(token())).toBe(503)
    await until('the fault', () => faults.length > 0)
    expect(faults).toEqual(['fault of issuer cluster began it could not be read (ENOENT)'])
  })

  test.each([
    ['are not there', async () => rm(jwksFile)],
    ['are no JSON', async () => writeFile(jwksFile, '<html>')],
    ['are no key set', async () => writeFile(jwksFile, '{"keys":"x"}')],
    ['are none', async () => writeFile(jwksFile, '{"keys":[]}')],
    ['are null', async () => writeFile(jwksFile, 'null')],
  ])('keys that %s are 503, and no fault of the caller', async (_, broken) => {
    await broken()
    expect(await statusOf(token())).toBe(503)
  })

  test('keys that are replaced are believed without a restart, and those that were no longer are not', async () => {
    expect(await statusOf(token())).toBe(200)
    await writeFile(jwksFile, JSON.stringify(theirs?.jwks))
    now += 9
    expect(await statusOf(theirs?.projectedToken(ACCOUNT))).toBe(200)
    expect(await statusOf(token())).toBe(401)
  })

  test('a session opens nothing there, and a token nothing in the pipeline of people', async () => {
    expect(await statusOf(undefined, USAGE, { headers: { cookie: 'session=1' } })).toBe(401)
    expect(await (await ask(token(), '/dashboard')).text()).toBe('the pipeline of people')
  })

  test('a fault of the pipeline is told to the log, and to the caller nothing but 500', async () => {
    const broken = () => {
      throw new Error('the database is at 10.0.0.9')
    }
    const server = listen(broken, (line) => void log.push(line))
    try {
      const answered = await fetch(server.url, { headers: { accept: 'text/html' } })
      expect([answered.status, await answered.text()]).toEqual([500, ''])
      expect(log.join()).toContain('the database is at 10.0.0.9')
    } finally {
      await server.stop(true)
    }
  })

  test.each([
    ['POST', USAGE],
    ['GET', '/api/internal/atlas/accounts/acme'],
    ['GET', '/api/internal/atlas/accounts/acme/usage/more'],
    ['GET', '/api/internal/atlas/accounts//usage'],
    ['GET', '/api/internal/atlas/accounts/acme%2fusage/usage'],
  ])('%s %s is no route, even to Atlas', async (method, path) => {
    const headers = { authorization: `Bearer ${token()}` }
    expect([400, 403]).toContain(await statusOf(undefined, path, { method, headers }))
  })
})
