// The API of these tests: the real store, directory and decision before the real routes, without sockets. No tests here.

import { onTestFinished } from 'bun:test'
import { createHash } from 'node:crypto'
import { decide, isDenied, parseRequestTarget, ruleFor } from '@countersign/resource-server'
import { bootstrapKind } from '../authentication/bootstrap.ts'
import { KnownCredential } from '../authentication/known-credentials.ts'
import { Directory } from '../directory/directory.ts'
import { Follower } from '../directory/follow.ts'
import { Nodes } from '../directory/nodes.ts'
import { revisionSource } from '../directory/revision-source.ts'
import { HolderRevocations } from '../domain/holder-revocations.ts'
import { managementResource } from '../domain/management.ts'
import { passwordHasher } from '../keys/password.ts'
import { sealWith } from '../keys/seal.ts'
import { credentialFinder } from '../store/credentials.ts'
import { change } from '../store/store.ts'
import { openTestStore } from '../store/testing/engines.ts'
import { ManagementCounts } from './counts.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { managementApi } from './routes.ts'

export const START = new Date('2030-01-31T12:00:00.000Z')
export const DAY_MS = 86_400_000
export const BOOTSTRAP = 'the-bootstrap-key-of-these-tests-0123456789'

const sha256 = (text: string) => createHash('sha256').update(text).digest()
const sha256Hex = (text: string) => sha256(text).toString('hex')

/** Whatever was answered, with the fields that tests look at by name. */
export type Json = {
  readonly [field: string]: unknown
  readonly id: string
  readonly key: string
  readonly token: string
  readonly code: string
  readonly detail: string
  readonly problems: readonly { readonly path: string; readonly message: string }[]
  readonly warnings: readonly string[]
  readonly items: readonly Json[]
  readonly next_cursor: string | null
  readonly credential: Json
}
export type Answer = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: Json
  /** The refusal of the path, before any route; undefined: the API answered. */
  readonly refusal: string | undefined
}
export type Call = { as?: string; body?: unknown; headers?: Record<string, string>; raw?: string | Uint8Array }

type Settings = Partial<Pick<AdminDeps, 'maxKeyTtlDays' | 'patCreation' | 'patByPat' | 'patTtlDays' | 'maxPatTtlDays'>>

/** Closed when the running test ends. One that is started in `beforeAll`, for several tests, is `shared`. */
export async function startApi(options: Settings & { shared?: boolean } = {}) {
  const time = { now: START }
  let drawn = 0
  const random = (length: number) =>
    new Uint8Array(createHash('sha512').update(String(drawn++)).digest().subarray(0, length))
  const store = await openTestStore(() => time.now, random)
  if (!options.shared) onTestFinished(() => store.close())
  const management = managementResource('http://127.0.0.1:8420')
  const directory = new Directory(management)
  const raise = (error: unknown) => {
    throw error
  }
  const follower = new Follower({
    ...{ directory, source: revisionSource(store) },
    monotonicMs: () => 0,
    forget: () => undefined,
    forgetTokens: () => undefined,
    onError: raise,
  })
  await follower.confirm()

  const errors: unknown[] = []
  const answers: Answer[] = []
  const deps: AdminDeps = {
    store,
    counts: new ManagementCounts(() => 0),
    directory,
    nodes: new Nodes(
      { id: 'node_1', name: 'auth-1', version: '1.2.3', startedAt: START, leaseMs: 5000 },
      store,
      () => directory.revision,
      raise,
    ),
    sha256Hex,
    ...{ publicUrl: 'http://127.0.0.1:8420', issuerFileDirs: ['/etc/issuers'], groupMappings: {} },
    seal: sealWith(new Uint8Array(32).fill(1), random),
    recogniseLeaked: () => undefined,
    revocations: new HolderRevocations(() => 0),
    maxKeyTtlDays: options.maxKeyTtlDays ?? null,
    patTtlDays: options.patTtlDays ?? 90,
    maxPatTtlDays: options.maxPatTtlDays ?? 366,
    patCreation: options.patCreation ?? 'self',
    patByPat: options.patByPat ?? false,
    hashPassword: passwordHasher(),
    hasBootstrapKey: true,
    decisions: { find: async () => undefined, list: async () => [] },
    explain: async () => undefined,
    async change(actor, work) {
      const { result, revision } = await change(store, actor, work)
      await follower.reach(revision)
      return result
    },
  }
  const api = managementApi(deps, (error) => errors.push(error))
  const bootstrap = bootstrapKind(sha256(BOOTSTRAP), sha256)

  /** The one path, as far as a known credential at the management API goes. */
  async function authorize(method: string, path: string, key: string): Promise<Authorized | string> {
    const target = parseRequestTarget(path)
    if (target === undefined) return 'target_malformed'
    const rule = ruleFor(management, method, target)
    if (isDenied(rule)) return rule.code
    const known = await (bootstrap.recognise(key)?.(key) ?? find(key))
    if (!(known instanceof KnownCredential)) return 'credential_unknown'
    const caller = known.callerAt(management, directory)
    const circumstances = { now: time.now, listener: 'public', clientAddress: () => undefined } as const
    const verdict = decide(caller, management, rule, circumstances)
    return verdict.outcome === 'deny'
      ? verdict.code
      : { caller, ...verdict.rights, requiredScopes: rule.rule.require.scopes, noteRefusal: () => 'dec_noted' }
  }

  async function find(key: string) {
    const { credential } = await credentialFinder(store.reader)(sha256Hex(key))
    return credential && new KnownCredential(credential)
  }

  async function call(method: string, path: string, { as = BOOTSTRAP, body, headers, raw }: Call = {}) {
    const authorized = await authorize(method, `/api/v1${path}`, as)
    if (typeof authorized === 'string') {
      const nothing = {} as Json
      return { status: 403, headers: new Headers(), text: '', body: nothing, refusal: authorized } satisfies Answer
    }
    const isJson = body !== undefined || raw !== undefined
    const init: RequestInit = {
      method,
      headers: { ...(isJson && { 'Content-Type': 'application/json' }), ...headers },
      ...(isJson && { body: (raw as string | undefined) ?? JSON.stringify(body) }),
    }
    const response = await api.fetch(new Request(`http://127.0.0.1:8420/api/v1${path}`, init), { authorized })
    const text = await response.text()
    const parsed = (text === '' ? {} : JSON.parse(text)) as Json
    const answer = { status: response.status, headers: response.headers, text, body: parsed, refusal: undefined }
    answers.push(answer)
    return answer as Answer
  }

  /** Makes a call that has to succeed. */
  async function ok(method: string, path: string, options: Call = {}): Promise<Json> {
    const { status, text, body, refusal } = await call(method, path, options)
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${refusal ?? text}`)
    return body
  }

  /** A client with a permission at the management API, and a key of it that names that. */
  async function caller(id: string, permission: object, narrowing: object = {}): Promise<string> {
    await ok('POST', '/clients', { body: { id } })
    await ok('POST', '/permissions', { body: { client: id, resource: 'countersign', ...permission } })
    return (await ok('POST', `/clients/${id}/keys`, { body: { resources: ['countersign'], ...narrowing } })).key
  }

  /** Whether a key would pass at the management API, or why not. */
  async function stateOf(key: string): Promise<string> {
    const authorized = await authorize('GET', '/api/v1/me', key)
    return typeof authorized === 'string' ? authorized : 'live'
  }

  return { api, call, ok, caller, stateOf, authorize, time, errors, answers, deps, store, directory, management }
}

export type StartedApi = Awaited<ReturnType<typeof startApi>>

export const WEBDAV = {
  name: 'webdav',
  identifier: 'https://webdav.example.com',
  hosts: ['webdav.example.com'],
  scopes: ['files:read', 'files:write'],
  rules: [
    { methods: ['GET', 'HEAD', 'PROPFIND'], path: '/**', require: { scopes: ['files:read'] } },
    { path: '/**', require: { scopes: ['files:write'] } },
  ],
  access_token: { format: 'jwt', ttl_seconds: 600 },
}

/** A resource, a group that may read it, and a client in the group. */
export async function withCanister(started: StartedApi): Promise<void> {
  await started.ok('POST', '/resources', { body: WEBDAV })
  await started.ok('POST', '/groups', { body: { name: 'media' } })
  await started.ok('POST', '/clients', { body: { id: 'canister', name: 'Canister', groups: ['media'] } })
  const permission = { group: 'media', resource: 'webdav', scopes: ['files:read'], roles: [] }
  await started.ok('POST', '/permissions', { body: permission })
}
