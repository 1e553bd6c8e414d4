// The application's own keys: what each may do hangs on its record and on its owner, as both are now.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { OwnCredential, OwnOwner } from './own-store.ts'
import { protect } from './protect.ts'

const NOW = new Date('2030-01-01T00:00:00Z')
const KEY = 'acme_0123456789abcdef'
const DIGEST = new Bun.CryptoHasher('sha256').update(KEY).digest('hex')
const SCOPES = ['repos:read', 'repos:write', 'pushes:read']
const RECORD: OwnCredential = {
  id: 'k1',
  owner: 'alice',
  scopes: null,
  projects: null,
  expiresAt: null,
  revokedAt: null,
}
const ALICE: OwnOwner = {
  ...{ kind: 'user', id: 'alice', name: 'Alice', disabled: false },
  ...{ roles: ['reader'], scopes: ['repos:read', 'repos:write'] },
}

const askWith = (
  record: object | null | undefined,
  owner: object | null | undefined = ALICE,
  clientAddress?: string,
) => {
  const guard = protect({
    resource: { name: 'git', identifier: 'https://git.example.com', scopes: SCOPES },
    store: {
      prefix: 'acme_',
      findCredential: (digest) => (digest === DIGEST ? (record as OwnCredential) : undefined),
      findOwner: async (id) => (id === RECORD.owner ? (owner as OwnOwner) : undefined),
    },
    now: () => NOW,
  })
  return guard(new Request('https://git.example.com/', { headers: { 'x-api-key': KEY } }), { clientAddress })
}
const without = (object: object, name: string) =>
  Object.fromEntries(Object.entries(object).filter(([one]) => one !== name))

describe('a key', () => {
  const past = new Date(NOW.getTime() - 1000)
  const future = new Date(NOW.getTime() + 1000)
  const ROWS: [string, object | null | undefined, object | null | undefined, string][] = [
    ['that is unknown', undefined, ALICE, 'credential_unknown'],
    ['that is unknown, by null', null, ALICE, 'credential_unknown'],
    ['that is revoked', { ...RECORD, revokedAt: past }, ALICE, 'credential_revoked'],
    ['that is to be revoked', { ...RECORD, revokedAt: future }, ALICE, 'credential_revoked'],
    ['that has expired', { ...RECORD, expiresAt: NOW }, ALICE, 'credential_expired'],
    ['that is not valid yet', { ...RECORD, notBefore: future }, ALICE, 'credential_not_yet_valid'],
    ['whose owner is gone', RECORD, null, 'owner_missing'],
    ['whose owner is disabled', RECORD, { ...ALICE, disabled: true }, 'owner_disabled'],
    ['from an unknown address', { ...RECORD, networks: ['10.0.0.0/8'] }, ALICE, 'client_address_unknown'],
    ['whose owner may nothing', RECORD, { ...ALICE, roles: [], scopes: [] }, 'permission_missing'],
    ['whose owner may something elsewhere', RECORD, { ...ALICE, roles: [], scopes: ['other:x'] }, 'permission_missing'],
    ['whose owner has no scope', RECORD, { ...ALICE, roles: [], scopes: ['garbage'] }, 'permission_missing'],
    ['that is narrowed to nothing', { ...RECORD, scopes: [] }, { ...ALICE, roles: [] }, 'permission_missing'],
  ]
  for (const [name, record, owner, code] of ROWS) {
    test(`${name} is refused: ${code}`, async () => {
      expect(await askWith(record, owner)).toMatchObject({ outcome: 'deny', code })
    })
  }

  test('unknown, expired, revoked or of nobody looks alike outside', async () => {
    const answers = await Promise.all(
      ROWS.slice(0, 8).map(async ([, record, owner]) => {
        const answer = await askWith(record, owner)
        if (answer.outcome !== 'deny') throw new Error('allowed')
        return [answer.response.status, [...answer.response.headers], await answer.response.text()]
      }),
    )
    expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1)
  })

  test('that is bound to a network is good there alone', async () => {
    const bound = { ...RECORD, networks: ['10.0.0.0/8'] }
    expect(await askWith(bound, ALICE, '10.1.2.3')).toMatchObject({ outcome: 'allow' })
    expect(await askWith(bound, ALICE, '192.0.2.1')).toMatchObject({ code: 'credential_network_refused' })
  })

  test('may what it says and its owner may, and no more', async () => {
    const scopes = fc.subarray(['*:read', 'repos:*', ...SCOPES])
    const declared = (patterns: readonly string[]) =>
      SCOPES.filter((scope) =>
        patterns.some(
          (one) =>
            one === scope ||
            (one === '*:read' && scope.endsWith(':read')) ||
            (one === 'repos:*' && scope.startsWith('repos:')),
        ),
      )
    await fc.assert(
      fc.asyncProperty(scopes, fc.option(scopes), async (owned, narrowed) => {
        const answer = await askWith({ ...RECORD, scopes: narrowed }, { ...ALICE, scopes: owned })
        const kept = narrowed === null ? SCOPES : declared(narrowed)
        expect(answer).toMatchObject({ outcome: 'allow', roles: new Set(['reader']) })
        const held = answer.outcome === 'allow' ? [...answer.scopes].sort() : undefined
        expect(held).toEqual(
          declared(owned)
            .filter((scope) => kept.includes(scope))
            .sort(),
        )
      }),
    )
  })
})

describe('a record that is none is a fault, and never a key without limits', () => {
  const BAD: [string, object, object][] = [
    ...(['id', 'owner', 'scopes', 'projects', 'expiresAt', 'revokedAt'] as const).map(
      (name): [string, object, object] => [`without ${name}`, without(RECORD, name), ALICE],
    ),
    ...(['kind', 'id', 'name', 'disabled', 'roles', 'scopes'] as const).map((name): [string, object, object] => [
      `without ${name} of the owner`,
      RECORD,
      without(ALICE, name),
    ]),
    ['with an end as text', { ...RECORD, expiresAt: '2031-01-01' }, ALICE],
    ['with an end that is no date', { ...RECORD, expiresAt: new Date(Number.NaN) }, ALICE],
    ['with a beginning as text', { ...RECORD, notBefore: '2031-01-01' }, ALICE],
    ['with scopes as text', { ...RECORD, scopes: 'repos:read' }, ALICE],
    ['with a network that is none', { ...RECORD, networks: ['here'] }, ALICE],
    ['with networks as text', { ...RECORD, networks: '10.0.0.0/8' }, ALICE],
    ['with an owner of another kind', RECORD, { ...ALICE, kind: 'admin' }],
    ['with an owner who is disabled by a number', RECORD, { ...ALICE, disabled: 0 }],
    ['with an e-mail that is none', RECORD, { ...ALICE, email: null }],
  ]
  for (const [name, record, owner] of BAD) {
    test(name, async () => {
      const answer = await askWith(record, owner)
      expect(answer).toMatchObject({ outcome: 'deny', code: 'internal_error', detail: { of: 'store' } })
    })
  }
})
