// Every option of protect() by its name, and of which type it is. What its value may say is judged where it is made use of.

import type { AudienceAlias } from './access-rule.ts'
import type { OwnStoreOptions } from './own-store.ts'
import type { CountersignOptions } from './protect-countersign.ts'
import type { ProtectIssuerOptions, ProtectTrustRule } from './protect-issuers.ts'
import type { ProtectOptions } from './protect-options.ts'
import type { ProtectResourceOptions } from './protect-resource.ts'
import {
  anything,
  flag,
  hook,
  listOf,
  members,
  name,
  number,
  oneOf,
  orNull,
  type Shape,
  table,
  text,
  texts,
  value,
} from './protect-shape.ts'
import type { RequirementDefinition, RuleDefinition } from './rule-definition.ts'
import type { StaticKeyOptions } from './static-keys.ts'

/** What asks for nothing is left out: an empty list may be one that was to hold something. */
const some = (what: string, each: Shape) => listOf(what, each, { min: 1 })

const requirement = members<RequirementDefinition>({
  public: flag,
  principals: some('kinds of principals', oneOf('user', 'client', 'workload')),
  scopes: some('scopes', name),
  roles: some('roles', name),
  groups: some('groups', name),
  project: oneOf('any'),
  networks: some('networks', name),
  listener: text,
})

const rule = members<RuleDefinition>(
  {
    methods: some('methods', name),
    path: value('a path, as /accounts/**', (given) => typeof given === 'string'),
    require: requirement,
  },
  { required: ['path'] },
)

const resource = members<ProtectResourceOptions>({
  name: text,
  identifier: text,
  scopes: texts,
  rules: listOf('rules', rule),
  audienceAliases: listOf('aliases', members<AudienceAlias>({ issuer: text, audience: text })),
  credentialHeader: text,
  foreignCredentials: text,
})

const trustRule = members<ProtectTrustRule>({
  name: text,
  match: table,
  mode: text,
  expiresAt: orNull(value('a Date, or null', (given) => given instanceof Date)),
  roles: texts,
  scopes: texts,
  as: members<NonNullable<ProtectTrustRule['as']>>({ client: text }),
})

const issuer = members<ProtectIssuerOptions>({
  name: text,
  issuer: text,
  algorithms: texts,
  profile: text,
  jwks: anything,
  jwksUri: text,
  readKeys: hook,
  maxLifetimeSeconds: number,
  toleranceSeconds: number,
  allowedClients: orNull(texts),
  kubernetes: flag,
  roleMappings: table,
  groupsClaims: texts,
  trust: listOf('trust rules', trustRule),
})

const countersign = members<CountersignOptions>({
  issuer: text,
  keys: anything,
  introspection: members<NonNullable<CountersignOptions['introspection']>>({ clientId: text, clientSecret: text }),
  cacheSeconds: number,
})

const store = members<OwnStoreOptions>(
  { findCredential: hook, findOwner: hook, prefix: text, recognise: hook },
  { required: ['findCredential', 'findOwner'], mayBeOfClass: true },
)

const staticKey = members<StaticKeyOptions>({
  fromEnv: text,
  principal: members<StaticKeyOptions['principal']>({ kind: text, id: text }),
  roles: texts,
  scopes: texts,
})

export const protectOptions = members<ProtectOptions>(
  {
    resource,
    issuers: listOf('issuers', issuer),
    roleMappings: table,
    groupsClaims: texts,
    countersign,
    store,
    staticKeys: listOf('static keys', staticKey),
    absent: text,
    onDecision: hook,
    onFault: hook,
    env: value('an object', (given) => typeof given === 'object' && given !== null),
    fetch: hook,
    sha256: hook,
    now: hook,
  },
  { required: ['resource'] },
)
