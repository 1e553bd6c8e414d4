// Random services, rights, owners and credentials, and random questions about them.
import fc from 'fast-check'

export const SCOPES = ['files:read', 'files:write', 'admin:all']
export const KEY_NAMES = ['a', 'b', 'c'] as const

export type Requirement = {
  public?: true
  principals?: ('user' | 'client')[]
  scopes?: string[]
  roles?: string[]
  groups?: string[]
  project?: 'any'
  networks?: string[]
}
export type Rule = { methods?: string[]; path: string; require?: Requirement }
export type Service = {
  host: string
  rules: Rule[]
  foreign_credentials: 'reject' | 'pass'
  credential_header: 'X-Own' | null
  preflight: 'deny' | 'pass'
  disabled: boolean
}
export type Permission = {
  holder: 'owner' | 'group'
  service: number
  scopes: string[]
  roles: string[]
  projects?: string[]
}
/** A key of a client, a personal access token of a user. */
export type Key = {
  resources?: number[]
  scopes?: string[]
  projects?: string[]
  networks?: string[]
  state: 'live' | 'revoked' | 'expired' | 'early'
}
export type Owner = {
  kind: 'client' | 'user'
  state: 'enabled' | 'disabled' | 'deleted'
  /** Whether it is in the group `team`. */
  member: boolean
  /** What was revoked at the end: whatever it has, or whatever is of that kind. */
  swept: 'nothing' | 'owner' | 'kind'
}
export type Scene = {
  services: Service[]
  permissions: Permission[]
  keys: Key[]
  owner: Owner
  group: 'enabled' | 'disabled'
}

/** What may be shown: one of the scene's keys, or something that is none. */
export type Shown = (typeof KEY_NAMES)[number] | 'unknown' | 'foreign' | 'malformed'
export type Placement = { at: 'bearer' | 'basic' | 'api_key' | 'own' | 'scheme' | 'elsewhere'; shown: Shown }
export type Asked = {
  dialect: 'forward' | 'nginx'
  method: string
  host: string
  uri: string
  from: string
  placements: Placement[]
  cors: boolean
  destination: string | undefined
}

const some = <T>(...values: T[]) => fc.subarray(values)
const oneOrMore = <T>(...values: T[]) => fc.subarray(values, { minLength: 1 })
const perhaps = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 })
const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })
const record = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model).map((value) => withoutUndefined(value) as T)

const paths = ['/**', '/**', '/*', '/x/*', '/x/**', '/x/y', '/*/y', '/:project/**', '/:project', '/g/:project.git/**']
const requirement: fc.Arbitrary<Requirement | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.constant<Requirement>({ public: true }),
  record<Requirement>({
    principals: rarely(fc.constantFrom<('user' | 'client')[]>(['user'], ['client'], ['user', 'client'])),
    scopes: perhaps(oneOrMore(...SCOPES)),
    roles: rarely(oneOrMore('editor', 'owner')),
    groups: rarely(oneOrMore('team', 'clients', 'users')),
    project: perhaps(fc.constant('any' as const)),
    networks: rarely(fc.constant(['10.0.0.0/8'])),
  } as never),
  fc.constantFrom<Requirement>({ scopes: ['files:read'] }, { scopes: ['files:read', 'files:write'] }),
)
const rule = record<Rule>({
  methods: rarely(oneOrMore('GET', 'PUT', 'MOVE', 'OPTIONS')),
  path: fc.constantFrom(...paths, '/g/:project{1,2}.git/**'),
  require: requirement,
} as never)
const service = (host: string) =>
  fc.record<Service>({
    host: fc.constant(host),
    rules: fc.array(rule, { minLength: 1, maxLength: 4 }),
    foreign_credentials: fc.constantFrom('reject', 'pass'),
    credential_header: fc.constantFrom(null, null, null, 'X-Own'),
    preflight: fc.constantFrom('deny', 'pass'),
    disabled: fc.constantFrom(false, false, false, false, true),
  })
export const permission = record<Permission>({
  holder: fc.constantFrom('owner', 'group'),
  service: fc.constantFrom(0, 1),
  scopes: fc.oneof(some(...SCOPES), fc.constantFrom(['files:*'], ['*:read'], SCOPES)),
  roles: some('editor', 'owner'),
  projects: perhaps(oneOrMore('x', 'y')),
} as never)
export const key = record<Key>({
  resources: rarely(oneOrMore(0, 1)),
  scopes: rarely(oneOrMore(...SCOPES)),
  projects: perhaps(oneOrMore('x', 'y')),
  networks: rarely(fc.constant(['10.0.0.0/8'])),
  state: fc.constantFrom('live', 'live', 'live', 'live', 'live', 'live', 'revoked', 'expired', 'early'),
} as never).map(({ projects, ...rest }) =>
  // A project is a boundary inside one resource.
  projects !== undefined && rest.resources?.length === 1 ? { ...rest, projects } : rest,
)

const owner = fc.record<Owner>({
  kind: fc.constantFrom('client', 'user'),
  state: fc.constantFrom('enabled', 'enabled', 'enabled', 'enabled', 'enabled', 'enabled', 'disabled', 'deleted'),
  member: fc.constantFrom(true, true, true, false),
  swept: fc.constantFrom('nothing', 'nothing', 'nothing', 'nothing', 'nothing', 'nothing', 'owner', 'kind'),
})

export const scene: fc.Arbitrary<Scene> = fc.record({
  services: fc.tuple(service('one.test'), service('*.two.test')).map((both) => [...both]),
  permissions: fc.uniqueArray(permission, { minLength: 2, maxLength: 5, selector: (one) => JSON.stringify(one) }),
  keys: fc.tuple(key, key, key).map((all) => [...all]),
  owner,
  group: fc.constantFrom('enabled', 'enabled', 'enabled', 'disabled'),
})

const segment = fc.constantFrom(
  ...['x', 'y', 'x', 'y', 'z', 'g', 'x.git', 'y.git', '.git', '%78', '%79', 'X', '%2e%2e', '..', '.', '%2e', '', 'x;y'],
  ...['x%2fy', 'x%3by', '%5c', '%00', '%zz', '%', 'x\\y', '%ff', '%C3%BC', '%252e', '..;', '%2e%2e%2f', '...', 'é'],
)
const uri = fc
  .tuple(fc.array(segment, { maxLength: 4 }), fc.constantFrom('', '', '', '/', '?a=b', '?../..', '?x#y'))
  .map(([segments, tail]) => `/${segments.join('/')}${tail}`)
const host = fc.constantFrom(
  ...['one.test', 'one.test', 'ONE.test', 'one.test.', 'one.test:443', 'a.two.test', 'a.two.test', 'A.Two.Test.:443'],
  ...['one.test:80', 'one.test:8443', 'two.test', 'a.b.two.test', 'evil.test', 'one.test, evil.test', 'one.test@evil'],
)
const shown = fc.constantFrom<Shown>(...KEY_NAMES, ...KEY_NAMES, ...KEY_NAMES, 'unknown', 'foreign', 'malformed')
const placement = fc.record<Placement>({
  at: fc.constantFrom('bearer', 'bearer', 'basic', 'api_key', 'own', 'scheme', 'elsewhere'),
  shown,
})

const odd: fc.Arbitrary<Asked> = fc.record<Asked>({
  dialect: fc.constantFrom('forward', 'nginx'),
  method: fc.constantFrom('GET', 'GET', 'GET', 'PUT', 'MOVE', 'COPY', 'OPTIONS', 'TRACE', 'get'),
  host,
  uri,
  from: fc.constantFrom('10.1.2.3', '192.0.2.1', 'unknown'),
  placements: fc.oneof(
    { weight: 4, arbitrary: fc.tuple(placement).map((one) => [...one]) },
    { weight: 1, arbitrary: fc.array(placement, { maxLength: 3 }) },
  ),
  cors: fc.boolean(),
  destination: fc.oneof(
    fc.constant(undefined),
    uri,
    fc.tuple(host, uri).map(([at, target]) => `https://${at}${target}`),
  ),
})

/** What an honest caller might ask: else nearly everything would be refused for its form alone. */
const plainUri = fc
  .array(fc.constantFrom('x', 'y', 'g', 'x.git', '%78'), { minLength: 1, maxLength: 3 })
  .map((segments) => `/${segments.join('/')}`)
export const plain: fc.Arbitrary<Asked> = fc.record<Asked>({
  dialect: fc.constantFrom('forward', 'nginx'),
  method: fc.constantFrom('GET', 'PUT', 'MOVE', 'OPTIONS'),
  host: fc.constantFrom('one.test', 'a.two.test'),
  uri: plainUri,
  from: fc.constantFrom('10.1.2.3', '10.1.2.3', '192.0.2.1'),
  placements: fc
    .record<Placement>({
      at: fc.constantFrom('bearer', 'basic', 'api_key', 'own'),
      shown: fc.constantFrom(...KEY_NAMES),
    })
    .map((one) => [one]),
  cors: fc.boolean(),
  destination: plainUri,
})

export const asked: fc.Arbitrary<Asked> = fc.oneof(plain, plain, odd)

function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined))
}
