// The same questions, put to the library's functions by a caller of its own: what an API does that embeds them.
import {
  type Caller,
  type CredentialHeaders,
  compileRulePath,
  type Denied,
  decide,
  deny,
  extractCredential,
  grantOf,
  isDenied,
  type ProtectedResource,
  parseHost,
  parseIssuedCredential,
  parseMethod,
  parseRequestTarget,
  ruleFor,
  wildcardOf,
} from '@countersign/resource-server'
import { type Asked, HONEST, type Line, type Vector, type Wallet, type WalletName } from './vectors/vector.ts'
import { KEYS, PERMISSIONS, RESOURCES, type WorldRule } from './vectors/world.ts'

const SOURCES = { header: undefined, foreign: 'reject' } as const
const NOW = new Date('2030-01-01T00:00:00Z')
const ASKS_NOTHING_MORE = {
  public: false,
  scopes: [],
  principals: [],
  roles: [],
  groups: [],
  networks: [],
  listener: undefined,
}

/** The refusal, or `OK`. */
export function askLibrary(vector: Vector, headers: CredentialHeaders, wallet: Wallet): string {
  const verdict = verdictOf({ ...HONEST, ...vector.asks }, headers, wallet)
  return verdict === undefined ? 'OK' : verdict.code
}

/** Headers as a runtime hands them over: trimmed, and joined where a name comes twice. */
export function webHeaders(lines: readonly Line[]): CredentialHeaders {
  const headers = new Headers()
  for (const [name, value] of lines) headers.append(name, value)
  return headers
}

/** Headers as another runtime might: joined, but with every space and tab that was sent. */
export function untrimmedHeaders(lines: readonly Line[]): CredentialHeaders {
  return {
    get(name) {
      const values = lines.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value)
      return values.length === 0 ? null : values.join(', ')
    },
  }
}

function verdictOf(asked: Asked, headers: CredentialHeaders, wallet: Wallet): Denied | undefined {
  const scheme = asked.proto === 'http' ? 'http' : 'https'
  const host = parseHost(asked.host, scheme)
  const method = parseMethod(asked.method)
  if (host === undefined || method === undefined) return deny('request_malformed')
  const target = parseRequestTarget(asked.uri)
  if (target === undefined) return deny('target_malformed')
  const resource = resourceAt(host)
  if (resource === undefined) return deny('host_unknown')

  const presented = extractCredential(headers, SOURCES, (text) => (text.startsWith('cs_') ? 'ours' : undefined))
  const matched = ruleFor(resource, method, target)
  if (isDenied(matched)) return matched
  if (presented.outcome === 'deny') return presented
  const caller = presented.outcome === 'none' ? undefined : callerBy(presented.text, resource, wallet)
  if (caller !== undefined && isDenied(caller)) return caller
  const verdict = decide(caller, resource, matched, { now: NOW, listener: 'public', clientAddress: () => undefined })
  return verdict.outcome === 'deny' ? verdict : undefined
}

function resourceAt(host: string): ProtectedResource | undefined {
  const hosts = [host, wildcardOf(host)]
  const found = RESOURCES.find((resource) => resource.hosts.some((one) => hosts.includes(one)))
  return found && { name: found.name, identifier: found.identifier, disabled: false, rules: found.rules.map(compiled) }
}

function compiled({ methods, path, require }: WorldRule, index: number): ProtectedResource['rules'][number] {
  const compiledPath = compileRulePath(path)
  if ('problem' in compiledPath) throw new Error(compiledPath.problem)
  const asks = { ...ASKS_NOTHING_MORE, ...require, project: 'captured' as const }
  return { index, methods: methods && new Set(methods), path: compiledPath, require: asks }
}

function callerBy(text: string, resource: ProtectedResource, wallet: Wallet): Caller | Denied {
  if (parseIssuedCredential(text) === 'mistyped') return deny('credential_mistyped')
  const name = (Object.keys(wallet) as WalletName[]).find((one) => wallet[one] === text)
  if (name === undefined) return deny('credential_unknown')
  const { client, body } = KEYS[name]
  const { resources = null, scopes = null, projects = null } = body
  const narrowing = { resources, scopes, projects }
  const held = PERMISSIONS.filter((permission) => permission.client === client && permission.resource === resource.name)
  const permissions = held.map((permission) => ({ ...permission, id: 'perm', roles: [], projects: null }))
  const declared = RESOURCES.find((one) => one.name === resource.name)?.scopes ?? []
  return {
    principal: { kind: 'client', id: client, name: client },
    credential: { id: name, notBefore: null, expiresAt: null, narrowing, audience: null, networks: [] },
    revocation: undefined,
    owner: { disabled: false, networks: [] },
    groups: new Set(['clients']),
    grant: grantOf(permissions, narrowing, declared),
  }
}
