// Keys and secrets of our own form that were made elsewhere and are known by their digests: what that can be used for, and what not.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { formatCredential } from '@countersign/resource-server'
import { Stage } from './stage.ts'
import { bearer } from './vectors/vector.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
type Kind = 'key' | 'secret' | 'pat' | 'at'
type Sent = Readonly<Record<string, unknown>>

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
  await stage.make('/clients', { id: 'courier' })
  await stage.make('/permissions', { client: 'courier', resource: 'webdav', scopes: ['files:*'] })
  await stage.make('/users', { username: 'alice' })
})
afterAll(() => stage.close())

function made(kind: Kind): string {
  const text = formatCredential(kind, randomBytes(32))
  stage.oracle.keepSecret(text)
  return text
}
const claim = (text: string, said: Sent = {}, prefix = 'cs_key_', key?: string) => {
  const credentials = [{ digest: sha256(text), owner: 'client:canister', ...said }]
  return stage.test.api('POST', '/api/v1/credentials/import', { prefix, digest: 'sha256', credentials }, key)
}
const refused = async (...claimed: Parameters<typeof claim>) => {
  const { status, body } = await claim(...claimed)
  return [status, body.code, ((body.problems ?? []) as { path: string }[]).map(({ path }) => path)]
}
const passes = (text: string) => stage.expect('OK', undefined, 'forward', { lines: [bearer(text)] })
const isRefused = (text: string, code: string) => stage.expect('T401', code, 'forward', { lines: [bearer(text)] })
const keyOf = async (id: string, scopes: readonly string[]) => {
  await stage.make('/clients', { id })
  await stage.make('/permissions', { client: id, resource: 'countersign', scopes })
  const { key } = await stage.make(`/clients/${id}/keys`, { resources: ['countersign'] })
  return key as string
}

describe('a key of our own form that was made elsewhere', () => {
  test('is unknown until its digest is, and then stands for its owner', async () => {
    const text = made('key')
    await isRefused(text, 'credential_unknown')
    const { status, body } = await claim(text, { name: 'laptop', hint: `cs_key_…${text.slice(-4)}` })
    expect(status).toBe(200)
    const { headers } = await passes(text)
    const [id] = body.ids as string[]
    expect([headers.get('remote-user'), headers.get('remote-credential')]).toEqual(['client:canister', id ?? ''])
    const shown = await stage.call('GET', `/credentials/${id}`)
    expect(shown).toMatchObject({ kind: 'key', imported_from: null, hint: `cs_key_…${text.slice(-4)}`, full: true })
  })

  test('is looked for by its digest, which no answer holds', async () => {
    const text = made('key')
    await claim(text, { name: 'sought', managed_by: 'platform' })
    const found = await stage.call('GET', `/credentials?digest=${sha256(text)}`)
    expect(found.items).toMatchObject([{ name: 'sought', managed_by: 'platform' }])
    expect(JSON.stringify(found)).not.toContain(sha256(text))
    expect((await stage.call('GET', `/credentials?digest=${sha256('another')}`)).items).toEqual([])
    expect((await stage.call('GET', '/credentials?managed_by=platform')).items).toMatchObject([{ name: 'sought' }])
  })

  test('is claimed once: for no other owner, as no other kind, and not again once it is revoked', async () => {
    const text = made('key')
    const { body } = await claim(text)
    expect(await refused(text, { owner: 'client:courier' })).toEqual([409, 'conflict', ['credentials[0].owner']])
    expect(await refused(text, {}, 'cs_secret_')).toEqual([409, 'conflict', ['credentials[0].digest']])
    const [id] = body.ids as string[]
    await stage.call('POST', `/credentials/${id}/revoke`, {})
    expect((await claim(text)).body).toMatchObject({ imported: 0, present: 1, ids: [id] })
    await isRefused(text, 'credential_revoked')
  })

  test('gives nobody a credential that was issued here', async () => {
    const { key } = await stage.make('/clients/courier/keys', {})
    expect(await refused(key as string)).toEqual([409, 'conflict', ['credentials[0].owner']])
    const { headers } = await passes(key as string)
    expect(headers.get('remote-user')).toBe('client:courier')
  })
})

describe('a digest', () => {
  test.each<[Kind, string, string]>([
    ['secret', 'cs_key_', 'credential_kind_refused'],
    ['key', 'cs_secret_', 'credential_unknown'],
    ['pat', 'cs_key_', 'credential_unknown'],
    ['at', 'cs_key_', 'credential_unknown'],
  ])('of a %s that is claimed under %s opens nothing', async (kind, prefix, code) => {
    const text = made(kind)
    expect((await claim(text, {}, prefix)).status).toBe(200)
    await isRefused(text, code)
  })

  test('of a text that is claimed as a key authenticates no client, and one that is claimed as a secret does', async () => {
    const token = async (prefix: string) => {
      const text = made('secret')
      await claim(text, {}, prefix)
      const form = { grant_type: 'client_credentials', client_id: 'canister', client_secret: text }
      return (await stage.test.oauth('/oauth/token', form)).body
    }
    expect(await token('cs_key_')).toMatchObject({ error: 'invalid_client' })
    expect(await token('cs_secret_')).toMatchObject({ token_type: 'Bearer' })
  })

  test('of a text that has not our form opens nothing, whatever is known of it', async () => {
    const weak = 'cs_key_hunter2'
    expect((await claim(weak)).status).toBe(200)
    await isRefused(weak, 'credential_mistyped')
  })
})

test('only clients have them, by SHA-256, with a hint of their kind', async () => {
  const invalid = (path: string) => [400, 'invalid_body', [path]]
  expect(await refused(made('key'), { owner: 'user:alice' })).toEqual(invalid('credentials[0].owner'))
  expect(await refused(made('key'), { hint: 'cs_secret_…abcd' })).toEqual(invalid('credentials[0].hint'))
  expect(await refused(made('pat'), {}, 'cs_pat_')).toEqual(invalid('prefix'))
  expect(await refused(made('at'), {}, 'cs_at_')).toEqual(invalid('prefix'))
  expect(await refused(made('key'), { managed_by: 'countersign' })).toEqual(invalid('credentials[0].managed_by'))
  expect(await refused('glpat-x', { managed_by: 'platform' }, 'glpat-')).toEqual(invalid('credentials[0].managed_by'))
  const body = { prefix: 'cs_key_', digest: 'hmac-sha256', hmac_key: 'bm90LWEtcmVhbC1rZXk=' }
  const credentials = [{ digest: sha256('x'), owner: 'client:canister' }]
  const { status, body: said } = await stage.test.api('POST', '/api/v1/credentials/import', { ...body, credentials })
  expect([status, said.code]).toEqual([400, 'invalid_body'])
})

describe('whoever may not mint for an owner', () => {
  test('claims no digest for it either', async () => {
    const reader = await keyOf('reader', ['credentials:read'])
    expect((await claim(made('key'), {}, 'cs_key_', reader)).status).toBe(403)
    const minter = await keyOf('minter', ['credentials:write'])
    expect((await claim(made('key'), {}, 'cs_key_', minter)).status).toBe(200)
    await keyOf('ops', ['clients:write'])
    const said = await refused(made('key'), { owner: 'client:ops' }, 'cs_key_', minter)
    expect(said).toEqual([403, 'would_escalate', []])
    for (const prefix of ['cs_key_', 'cs_secret_']) {
      const there = await refused(made('key'), { resources: ['countersign'] }, prefix, minter)
      expect(there).toEqual([403, 'would_escalate', []])
    }
    expect((await refused(made('key'), { owner: 'client:bootstrap' }, 'cs_key_', minter))[0]).toBe(409)
  })

  test('makes for itself none that reaches beyond the credential that it shows', async () => {
    const id = 'self-minter'
    await keyOf(id, ['credentials:write', 'me:read'])
    const sent = { resources: ['countersign'], scopes: ['credentials:write'] }
    const { key } = await stage.make(`/clients/${id}/keys`, sent)
    const wider = { owner: `client:${id}`, resources: ['countersign'], scopes: ['credentials:write', 'me:read'] }
    const said = await refused(made('key'), wider, 'cs_key_', key as string)
    expect(said).toEqual([403, 'would_escalate', ['credentials[0].scopes']])
  })
})
