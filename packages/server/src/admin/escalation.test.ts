// Who may alter rights at the management API: every write against every kind of caller.

import { beforeAll, describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { makeId } from '../domain/ids.ts'
import { BOOTSTRAP, type Call, START, type StartedApi, startApi, withCanister } from './support.test.ts'

const random = (length: number) => new Uint8Array(length)

const SCOPES = ['resources', 'groups', 'clients', 'permissions', 'credentials', 'signing-keys'].map(
  (noun) => `${noun}:write`,
)

type Callers = Record<'admin' | 'confined' | 'credentials' | 'clients' | 'writer', string>

/** A started API with holders of rights at the management API: `ops` by itself, `aide` by its group `crew`. */
async function stage(options: { shared?: boolean } = {}) {
  const started = await startApi(options)
  const { ok, caller } = started
  await withCanister(started)
  const callers: Callers = {
    admin: await caller('root', { roles: ['admin'] }),
    confined: await caller('almost-root', { roles: ['admin'] }, { scopes: SCOPES }),
    credentials: await caller('minter', { scopes: ['credentials:write'] }),
    clients: await caller('registrar', { scopes: ['clients:write'] }),
    writer: await caller('writer', { scopes: SCOPES }),
  }
  await caller('ops', { roles: ['auditor'] })
  await ok('POST', '/groups', { body: { name: 'crew' } })
  const crew = await ok('POST', '/permissions', {
    body: { group: 'crew', resource: 'countersign', roles: ['auditor'] },
  })
  await ok('POST', '/clients', { body: { id: 'aide', groups: ['crew'] } })
  const ids: Record<string, string> = { crew: crew.id }
  for (const id of ['ops', 'aide', 'canister']) ids[id] = (await ok('POST', `/clients/${id}/keys`, { body: {} })).id
  return { started, callers, ids }
}

type Stage = Awaited<ReturnType<typeof stage>>
type Write = readonly [what: string, method: string, path: (ids: Record<string, string>) => string, body?: object]

/** Each would alter rights at the management API. */
const ALTERING: readonly Write[] = [
  [
    'giving a client a permission there',
    'POST',
    () => '/permissions',
    { client: 'canister', resource: 'countersign', roles: ['auditor'] },
  ],
  [
    'giving a group a permission there',
    'POST',
    () => '/permissions',
    { group: 'media', resource: 'countersign', scopes: ['me:read', 'clients:read'] },
  ],
  ['taking a permission there', 'DELETE', ({ crew }) => `/permissions/${crew}`],
  ['making a client in a group that holds one', 'POST', () => '/clients', { id: 'new', groups: ['crew'] }],
  ['putting a client in such a group', 'PATCH', () => '/clients/canister', { groups: ['media', 'crew'] }],
  ['taking a client out of such a group', 'PATCH', () => '/clients/aide', { groups: [] }],
  ['disabling a client that holds one', 'PATCH', () => '/clients/ops', { disabled: true }],
  ['disabling a client that holds one by its group', 'PATCH', () => '/clients/aide', { disabled: true }],
  ['moving the networks of a client that holds one', 'PATCH', () => '/clients/ops', { networks: ['10.0.0.0/8'] }],
  ['deleting a client that holds one', 'DELETE', () => '/clients/ops'],
  ['deleting a client that holds one by its group', 'DELETE', () => '/clients/aide'],
  ['deleting a group that holds one', 'DELETE', () => '/groups/crew'],
  ['making a key for a client that holds one', 'POST', () => '/clients/ops/keys', {}],
  ['making a key for a client that holds one by its group', 'POST', () => '/clients/aide/keys', {}],
  [
    'making a key for the built-in admin',
    'POST',
    () => '/clients/countersign-admin/keys',
    { resources: ['countersign'] },
  ],
  [
    'making a key that could use one given later',
    'POST',
    () => '/clients/canister/keys',
    { resources: ['countersign'] },
  ],
  ['rotating a key of such a client', 'POST', ({ ops }) => `/credentials/${ops}/rotate`, {}],
  ['revoking a key of such a client', 'POST', ({ aide }) => `/credentials/${aide}/revoke`, {}],
  ['revoking a family of such a client', 'POST', ({ ops }) => `/credentials/${ops}/revoke`, { family: true }],
  ['revoking all of such a client', 'POST', () => '/clients/ops/revoke-credentials', {}],
  ['making a secret for a client that holds one', 'POST', () => '/clients/ops/secrets', {}],
  ['making a secret for a client that holds one by its group', 'POST', () => '/clients/aide/secrets', {}],
  [
    'making a secret whose tokens could use one given later',
    'POST',
    () => '/clients/canister/secrets',
    { resources: ['countersign'] },
  ],
  [
    'registering a key of such a client',
    'PATCH',
    () => '/clients/ops',
    { jwks: { keys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })] } },
  ],
  ['saying where such a client keeps its keys', 'PATCH', () => '/clients/aide', { jwks_uri: 'https://a.example/jwks' }],
  [
    'revoking an access token of nobody knows whom',
    'POST',
    () => `/credentials/${makeId('at', START, random)}/revoke`,
    {},
  ],
  ['revoking all access tokens', 'POST', () => '/credentials/revoke-older', { kind: 'at', created_before: START }],
  ['rotating the signing key', 'POST', () => '/signing-keys/rotate'],
  ['replacing the signing keys', 'POST', () => '/signing-keys/rotate', { now: true }],
  ['disabling the built-in admin', 'PATCH', () => '/clients/countersign-admin', { disabled: true }],
]

/** None of these has anything to do with rights at the management API. */
const HARMLESS: readonly Write[] = [
  ['making a client', 'POST', () => '/clients', { id: 'new', groups: ['media'] }],
  ['changing a client', 'PATCH', () => '/clients/canister', { disabled: true, groups: [] }],
  ['deleting a client', 'DELETE', () => '/clients/canister'],
  ['deleting a group', 'DELETE', () => '/groups/media'],
  [
    'giving a permission elsewhere',
    'POST',
    () => '/permissions',
    { client: 'canister', resource: 'webdav', scopes: ['*:write'] },
  ],
  [
    'giving one elsewhere to a holder',
    'POST',
    () => '/permissions',
    { client: 'ops', resource: 'webdav', scopes: ['*:read'] },
  ],
  ['making a key', 'POST', () => '/clients/canister/keys', {}],
  ['making a secret', 'POST', () => '/clients/canister/secrets', {}],
  ['saying where a client keeps its keys', 'PATCH', () => '/clients/canister', { jwks_uri: 'https://a.example/jwks' }],
  ['rotating a key', 'POST', ({ canister }) => `/credentials/${canister}/rotate`, {}],
  ['revoking a key', 'POST', ({ canister }) => `/credentials/${canister}/revoke`, {}],
  ['revoking all of a client', 'POST', () => '/clients/canister/revoke-credentials', {}],
  ['deleting a resource', 'DELETE', () => '/resources/webdav'],
]

async function attempt({ started, ids }: Stage, [, method, path, body]: Write, as: string) {
  const options: Call = body === undefined ? { as } : { as, body }
  const answer = await started.call(method, path(ids), options)
  return answer.refusal ?? (answer.status < 300 ? 'done' : answer.body.code)
}

const revisionOf = ({ started }: Stage) => started.directory.revision

describe('a write that bears on rights at the management API', () => {
  test.each(ALTERING.map((write) => [write[0], { write }] as const))(
    '%s: an unconfined admin may, and nobody else',
    async (_what, { write }) => {
      const set = await stage()
      const { callers } = set
      for (const caller of ['confined', 'credentials', 'clients', 'writer'] as const) {
        const before = revisionOf(set)
        const outcome = await attempt(set, write, callers[caller])
        expect([caller, outcome]).toEqual([caller, outcome === 'scope_missing' ? outcome : 'would_escalate'])
        expect(revisionOf(set)).toBe(before)
      }
      expect(await attempt(set, write, callers.confined)).toBe('would_escalate')
      expect(await attempt(set, write, callers.writer)).toBe('would_escalate')
      expect(await attempt(set, write, callers.admin)).toBe('done')
    },
  )

  test.each(HARMLESS.map((write) => [write[0], { write }] as const))(
    '%s needs only the scope',
    async (_what, { write }) => {
      for (const caller of ['writer', 'confined', 'admin'] as const) {
        const set = await stage()
        expect([caller, await attempt(set, write, set.callers[caller])]).toEqual([caller, 'done'])
      }
    },
  )

  test('each caller reaches the writes of its scope alone', async () => {
    const set = await stage()
    const { credentials, clients } = set.callers
    expect(await attempt(set, ['', 'POST', () => '/clients', { id: 'new' }], credentials)).toBe('scope_missing')
    expect(await attempt(set, ['', 'POST', () => '/clients/canister/keys', {}], clients)).toBe('scope_missing')
    expect(await attempt(set, ['', 'POST', () => '/clients', { id: 'new' }], clients)).toBe('done')
    expect(await attempt(set, ['', 'POST', () => '/clients/canister/keys', {}], credentials)).toBe('done')
  })
})

describe('would_escalate', () => {
  let set: Stage
  beforeAll(async () => {
    set = await stage({ shared: true })
  })

  test('is a 403 with a challenge and says what is needed', async () => {
    const body = { client: 'canister', resource: 'countersign', roles: ['admin'] }
    const answer = await set.started.call('POST', '/permissions', { as: set.callers.writer, body })
    expect(answer.status).toBe(403)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.headers.get('www-authenticate')).toStartWith('Bearer realm="countersign", error="insufficient_scope"')
    expect(answer.body).toMatchObject({ type: 'urn:countersign:problem:would_escalate', status: 403 })
    expect(answer.body.detail).toContain('role admin')
  })

  test('a narrowed admin key keeps its role, which is why the role alone proves nothing', async () => {
    const me = await set.started.ok('GET', '/me', { as: await confinedReader(set.started) })
    expect(me).toMatchObject({ roles: ['admin'], scopes: ['me:read'] })
  })

  test('no file but those of writes can change anything', async () => {
    const files = [...new Bun.Glob('*.ts').scanSync(import.meta.dir)].filter((file) => !file.endsWith('.test.ts'))
    const changing =
      /\b(insert|update|delete|shorten|revoke)(Resource|Group|Client|User|Permission|Credentials?|ForeignPrefix|Issuer|TrustRule|Unkept)\b[^}]*\} from '\.\.\/store|drawRevocationLine|revokeWithDescendants|rotateSigningKey|replaceSigningKeys|retireId|deps\.change\(/
    const found = []
    for (const file of files) if (changing.test(await Bun.file(`${import.meta.dir}/${file}`).text())) found.push(file)
    expect(found.toSorted()).toEqual([
      'credential-writes.ts',
      'foreign-prefix-writes.ts',
      'issuer-writes.ts',
      // Possession is the right there.
      'leaks.ts',
      'noun-writes.ts',
      // Asks nobody: it is for those here that do, and for leaks.
      'revocation.ts',
      'signing-key-writes.ts',
      'trust-rule-writes.ts',
      'user-writes.ts',
      'write.ts',
    ])
  })
})

async function confinedReader({ ok }: StartedApi): Promise<string> {
  const body = { resources: ['countersign'], scopes: ['me:read'] }
  return (await ok('POST', '/clients/root/keys', { as: BOOTSTRAP, body })).key
}

describe('somebody is always left with role admin', () => {
  test('the last enabled one cannot be disabled, by itself or by its group', async () => {
    const { ok, call } = await startApi()
    await ok('POST', '/groups', { body: { name: 'admins' } })
    await ok('POST', '/permissions', { body: { group: 'admins', resource: 'countersign', roles: ['admin'] } })
    await ok('POST', '/clients', { body: { id: 'root', groups: ['admins'] } })
    const as = (await ok('POST', '/clients/root/keys', { body: { resources: ['countersign'] } })).key
    await ok('PATCH', '/clients/bootstrap', { as, body: { disabled: true } })
    await ok('PATCH', '/clients/countersign-admin', { as, body: { disabled: true } })
    const last: [string, string, object?][] = [
      ['PATCH', '/clients/root', { disabled: true }],
      ['PATCH', '/clients/root', { groups: [] }],
      ['DELETE', '/clients/root'],
      ['DELETE', '/groups/admins'],
    ]
    for (const [method, path, body] of last) {
      const answer = await call(method, path, body === undefined ? { as } : { as, body })
      expect([answer.status, answer.body.code]).toEqual([409, 'conflict'])
    }
    expect(await ok('GET', '/me', { as })).toMatchObject({ roles: ['admin'] })
  })

  test('the bootstrap client counts only where there is a bootstrap key', async () => {
    const { ok, call, deps } = await startApi()
    const as = (await ok('POST', '/clients/countersign-admin/keys', { body: { resources: ['countersign'] } })).key
    const path = '/clients/countersign-admin'
    const body = { disabled: true }
    Object.assign(deps, { hasBootstrapKey: false })
    const { status, body: problem } = await call('PATCH', path, { as, body })
    expect([status, problem.code]).toEqual([409, 'conflict'])
    Object.assign(deps, { hasBootstrapKey: true })
    expect(await ok('PATCH', path, { as, body })).toMatchObject(body)
  })

  test('of two that disable each other at once, one stays', async () => {
    const { ok, call } = await startApi()
    const mint = (id: string) => ok('POST', `/clients/${id}/keys`, { body: { resources: ['countersign'] } })
    await ok('POST', '/clients', { body: { id: 'one' } })
    await ok('POST', '/permissions', { body: { client: 'one', resource: 'countersign', roles: ['admin'] } })
    const [one, admin] = [(await mint('one')).key, (await mint('countersign-admin')).key]
    await ok('PATCH', '/clients/bootstrap', { as: one, body: { disabled: true } })
    const body = { disabled: true }
    const answers = await Promise.all([
      call('PATCH', '/clients/countersign-admin', { as: one, body }),
      call('PATCH', '/clients/one', { as: admin, body }),
    ])
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 200).length).toBe(1)
    // 403: it was refused on the way in, by what the directory knew by then.
    expect(statuses.filter((status) => [401, 403, 409].includes(status)).length).toBe(1)
  })
})
