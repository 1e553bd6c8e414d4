// A server that plays the management API: it answers what it was told to, and keeps what it was sent.

import { afterAll } from 'bun:test'
import { type Credential, type ProblemCode, problem } from '@countersign/admin-api'
import type { RefusalCode } from '@countersign/resource-server'
import { type Ran, ran, type World } from './test-terminal.ts'

type Answer = { status: number; body?: unknown; headers?: Record<string, string> }
export type Sent = { method: string; path: string; authorization: string | null; body: unknown }

export const THEN = '2030-01-31T12:00:00.000Z'

export const key: Credential = {
  id: 'key_01J',
  kind: 'key',
  owner: { kind: 'client', id: 'canister' },
  name: 'laptop',
  hint: 'cs_key_…x7Qz',
  resources: null,
  scopes: null,
  projects: null,
  audience: null,
  networks: null,
  full: true,
  not_before: null,
  expires_at: THEN,
  created_at: '2030-01-01T11:00:00.000Z',
  created_by: 'client:bootstrap',
  family: 'key_01J',
  parent: null,
  state: 'live',
  revoked_at: null,
  revoked_by: null,
  revoked_reason: null,
  last_used_at: null,
  last_used_from: null,
  imported_from: null,
  managed_by: null,
}

export const client = {
  id: 'canister',
  name: 'Canister',
  groups: ['media'],
  grants: ['client_credentials'],
  token_endpoint_auth_methods: ['client_secret_basic', 'client_secret_post'],
  jwks: null,
  jwks_uri: null,
  default_resource: null,
  access_token_ttl_seconds: null,
  networks: null,
  listener: 'any',
  requires_workload: null,
  disabled: false,
  managed_by: null,
  created_at: THEN,
}

export const token: Credential = {
  ...key,
  id: 'pat_01J',
  kind: 'pat',
  owner: { kind: 'user', id: 'alice' },
  name: 'ci',
  hint: 'cs_pat_…x7Qz',
  created_by: 'user:alice',
  family: 'pat_01J',
}

export const user = {
  username: 'alice',
  name: 'Alice',
  email: 'alice@example.com',
  roles: ['user'],
  groups: ['media'],
  links: [],
  disabled: false,
  has_password: false,
  managed_by: null,
  created_at: THEN,
}

/** What `/me` answers to a client or user with these scopes. */
export const me = (kind: 'client' | 'user', ...scopes: string[]) => ({
  principal: { kind, id: kind === 'user' ? 'alice' : 'ops', name: 'Whoever' },
  credential: null,
  resource: 'countersign',
  roles: [],
  scopes,
  groups: [],
  projects: null,
})

export const resource = {
  name: 'webdav',
  identifier: 'https://webdav.example.com',
  hosts: ['webdav.example.com'],
  scopes: ['files:read'],
  scope_details: { 'files:read': { surface: 'files', description: 'Read files' } },
  rules: [{ methods: ['GET'], path: '/**', require: { scopes: ['files:read'] } }],
  access_token: { format: 'jwt', ttl_seconds: 600 },
  introspectors: [],
  audience_aliases: [],
  foreign_credentials: 'reject',
  credential_header: null,
  preflight: 'deny',
  headers: {},
  groups: 'holding',
  disabled: false,
  managed_by: null,
  created_at: THEN,
  revision: 3,
}
export const permission = {
  id: 'perm_01J',
  resource: 'webdav',
  scopes: ['files:read'],
  roles: [],
  projects: null,
  managed_by: null,
  created_at: THEN,
}

export const DECISION = {
  at: '2030-01-01T11:57:00.000Z',
  outcome: 'deny',
  code: 'credential_revoked',
  status: 401,
  step: 'decision',
  sentence: 'The key "laptop" of client canister was revoked. Make a new one.',
  request: {
    dialect: 'forward',
    method: 'GET',
    host: 'webdav.example.com',
    path: '/\u001b[2J',
    client_address: '192.0.2.7',
  },
  resource: 'webdav',
  rule: { index: 0, methods: ['GET'], path: '/**' },
  credential: { id: 'key_01J', kind: 'key', name: 'laptop', hint: 'cs_key_…x7Qz' },
  principal: 'client:canister',
  detail: { revoked_by: 'client:bootstrap' },
}

export const page = (...items: unknown[]) => ({ items, next_cursor: null })

export const ok = (body: unknown): Answer => ({ status: 200, body })

export function refused(code: ProblemCode | RefusalCode, status: number, decision?: string): Answer {
  const known = { ...problem('not_found'), code, status, title: `It is ${code}.` }
  const headers: Record<string, string> = decision === undefined ? {} : { 'Countersign-Decision': decision }
  return { status, body: known, headers }
}

/** Plays the API for one test file. `run` runs a command against it with a key. */
export function playApi() {
  const answers = new Map<string, Answer>()
  const next = new Map<string, Answer>()
  const sent: Sent[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const url = new URL(request.url)
      const path = url.pathname.replace('/api/v1', '') + url.search
      const text = await request.text()
      const { method, headers } = request
      sent.push({
        method,
        path,
        authorization: headers.get('Authorization'),
        body: text === '' ? undefined : JSON.parse(text),
      })
      const call = `${method} ${path}`
      const answer = answers.get(call) ?? refused('not_found', 404)
      answers.set(call, next.get(call) ?? answer)
      const body = answer.body === undefined ? null : JSON.stringify(answer.body)
      return new Response(body, { status: answer.status, headers: answer.headers ?? {} })
    },
  })
  afterAll(() => server.stop(true))
  const url = `http://127.0.0.1:${server.port}`
  return {
    url,
    sent,
    answer: (call: string, answer: Answer) => void answers.set(call, answer),
    /** What is answered from the second call on. */
    answerThen: (call: string, answer: Answer) => void next.set(call, answer),
    run: (line: string, world: World = {}): Promise<Ran> => {
      sent.length = 0
      return ran(line, { ...world, env: { COUNTERSIGN_SERVER: url, COUNTERSIGN_KEY: 'cs_key_test', ...world.env } })
    },
  }
}
