// The services, rights and keys that the vectors are asked against: once made in the server by its management API,
// once given to the library's functions.
import type { WalletName } from './vector.ts'

export type WorldRule = {
  readonly methods?: readonly string[]
  readonly path: string
  readonly require: { readonly scopes: readonly string[] } | { readonly public: true }
}

type WorldResource = {
  readonly name: string
  readonly identifier: string
  readonly hosts: readonly string[]
  readonly scopes: readonly string[]
  readonly rules: readonly WorldRule[]
}

const READS = ['GET', 'HEAD', 'PROPFIND']

export const RESOURCES: readonly WorldResource[] = [
  {
    name: 'webdav',
    identifier: 'https://webdav.example.com',
    hosts: ['webdav.example.com', '*.cloud.example.com'],
    scopes: ['files:read', 'files:write'],
    rules: [
      { methods: READS, path: '/**', require: { scopes: ['files:read'] } },
      { path: '/**', require: { scopes: ['files:write'] } },
    ],
  },
  {
    name: 'intranet',
    identifier: 'https://intranet.example.com',
    hosts: ['intranet.example.com'],
    scopes: ['pages:read', 'pages:admin'],
    rules: [
      { path: '/pub/*', require: { scopes: ['pages:read'] } },
      { path: '/admin', require: { scopes: ['pages:admin'] } },
    ],
  },
  {
    name: 'forge',
    identifier: 'https://forge.example.com',
    hosts: ['forge.example.com'],
    scopes: ['repo:read'],
    rules: [
      { path: '/open/:project', require: { public: true } },
      { path: '/:project/**', require: { scopes: ['repo:read'] } },
    ],
  },
]

export const CLIENTS = ['canister', 'other'] as const
type ClientId = (typeof CLIENTS)[number]

export const PERMISSIONS: readonly { client: ClientId; resource: string; scopes: readonly string[] }[] = [
  { client: 'canister', resource: 'webdav', scopes: ['files:read', 'files:write'] },
  { client: 'canister', resource: 'intranet', scopes: ['pages:read'] },
  { client: 'canister', resource: 'forge', scopes: ['repo:read'] },
  { client: 'other', resource: 'webdav', scopes: ['files:read', 'files:write'] },
]

export type KeyBody = {
  readonly resources?: readonly string[]
  readonly scopes?: readonly string[]
  readonly projects?: readonly string[]
}

export const KEYS: { readonly [name in WalletName]: { readonly client: ClientId; readonly body: KeyBody } } = {
  key: { client: 'canister', body: {} },
  other: { client: 'other', body: {} },
  reader: { client: 'canister', body: { scopes: ['files:read'] } },
  confined: { client: 'canister', body: { resources: ['forge'], projects: ['a'] } },
  forgeOnly: { client: 'canister', body: { resources: ['forge'] } },
}
