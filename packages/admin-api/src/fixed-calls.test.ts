// The calls other tools rely on: these bodies stay acceptable for ever.

import { expect, test } from 'bun:test'
import {
  ClientChange,
  GroupChange,
  NewClient,
  NewGroup,
  NewKey,
  NewPermission,
  NewResource,
  NewToken,
  NewUser,
  ResourceChange,
  Revocation,
  UserChange,
} from './index.ts'

const webdav = {
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

test.each([
  ['POST /resources', NewResource, webdav],
  ['POST /groups', NewGroup, { name: 'media' }],
  ['POST /clients', NewClient, { id: 'canister', name: 'Canister', groups: ['media'] }],
  [
    'POST /permissions of a group',
    NewPermission,
    { group: 'media', resource: 'webdav', scopes: ['files:read'], roles: [] },
  ],
  ['POST /permissions of a client', NewPermission, { client: 'canister', resource: 'webdav', scopes: ['*:read'] }],
  ['POST /permissions of a user', NewPermission, { user: 'alice', resource: 'webdav', scopes: ['pushes:*'] }],
  ['POST /clients/canister/keys', NewKey, { name: 'laptop' }],
  ['POST /clients/canister/keys, nothing said', NewKey, {}],
  [
    'POST /users',
    NewUser,
    {
      username: 'alice',
      name: 'Alice',
      email: 'alice@example.com',
      roles: ['user'],
      groups: ['media'],
      password: 'correct horse',
    },
  ],
  ['POST /users, a username alone', NewUser, { username: 'alice' }],
  [
    'POST /users/alice/tokens',
    NewToken,
    { name: 'ci', resources: ['forge'], scopes: ['repo:read'], projects: ['a'], expires_in_days: 30 },
  ],
  ['POST /users/alice/tokens, nothing said', NewToken, {}],
  ['PATCH /users/alice', UserChange, { disabled: true }],
  ['PATCH /users/alice, no groups', UserChange, { groups: [] }],
  ['POST /credentials/{id}/revoke', Revocation, { reason: 'leaked' }],
  ['PATCH /clients/canister', ClientChange, { disabled: true }],
  ['PATCH /clients/canister, no groups', ClientChange, { groups: [] }],
  ['PATCH /resources/webdav', ResourceChange, { disabled: true }],
])('%s is accepted', (_call, schema, body) => {
  expect(schema.parse(body)).toMatchObject(body)
})

test('a resource says only what is its own; the rest has safe defaults', () => {
  const { name, identifier, rules } = webdav
  expect(NewResource.parse({ name, identifier, rules })).toEqual({
    name,
    identifier,
    rules,
    hosts: [],
    scopes: [],
    scope_details: {},
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
  })
})

test('a change fills in nothing that it does not name', () => {
  expect(ResourceChange.parse({})).toEqual({})
  expect(ClientChange.parse({})).toEqual({})
  expect(UserChange.parse({})).toEqual({})
  expect(GroupChange.parse({})).toEqual({})
  expect(ResourceChange.parse({ access_token: { ttl_seconds: 60 } })).toEqual({ access_token: { ttl_seconds: 60 } })
})

test('whoever is made without roles is a user, nothing more', () => {
  expect(NewUser.parse({ username: 'alice' })).toEqual({
    username: 'alice',
    email: null,
    roles: ['user'],
    groups: [],
    links: [],
    disabled: false,
    managed_by: null,
  })
})

test('a permission without projects is for all of them, and says so by absence alone', () => {
  expect(NewPermission.parse({ client: 'canister', resource: 'webdav' })).toEqual({
    client: 'canister',
    resource: 'webdav',
    scopes: [],
    roles: [],
    managed_by: null,
  })
  expect(NewPermission.safeParse({ client: 'canister', resource: 'webdav', projects: null }).success).toBe(false)
})
