import type { Declaration } from '@countersign/admin-api'
import { checkTrustRule, expandScopes, parseNetwork } from '@countersign/resource-server'
import { CREDENTIAL_LISTS } from './declared-credentials.ts'
import type { Mistake } from './declared-file.ts'
import type { FieldWay } from './line-of.ts'
import type { Present } from './present.ts'

/**
 * Scopes that the resource they are for does not declare, networks that are none, and trust rules that would trust
 * strangers. The server refuses them too, but
 * only when it comes to them: half of the file would be applied by then, and a dry run would find nothing.
 */
export function findMeaningless(declaration: Declaration, { resources, issuers }: Present): Mistake[] {
  const scopesOf = new Map([...resources, ...declaration.resources].map(({ name, scopes }) => [name, scopes]))
  const issuerOf = new Map([...issuers, ...declaration.issuers].map(({ name, issuer }) => [name, issuer]))
  return [
    ...inRules(declaration),
    ...inPermissions(declaration, scopesOf),
    ...inClients(declaration, scopesOf),
    ...inTrustRules(declaration, issuerOf),
  ]
}

function* inRules({ resources }: Declaration): Generator<Mistake> {
  for (const [index, { name, scopes, rules }] of resources.entries()) {
    for (const [position, { require }] of rules.entries()) {
      const way = ['resources', index, 'rules', position, 'require']
      yield* undeclared(require?.scopes ?? [], name, scopes, [...way, 'scopes'])
      yield* malformed(require?.networks ?? [], [...way, 'networks'])
    }
  }
}

function* inPermissions(
  { permissions }: Declaration,
  scopesOf: ReadonlyMap<string, readonly string[]>,
): Generator<Mistake> {
  for (const [index, { resource, scopes }] of permissions.entries()) {
    const declared = scopesOf.get(resource)
    if (declared !== undefined) yield* undeclared(scopes, resource, declared, ['permissions', index, 'scopes'])
  }
}

function* inClients({ clients }: Declaration, scopesOf: ReadonlyMap<string, readonly string[]>): Generator<Mistake> {
  for (const [index, client] of clients.entries()) {
    yield* malformed(client.networks ?? [], ['clients', index, 'networks'])
    for (const list of Object.values(CREDENTIAL_LISTS)) {
      for (const [place, { resources = [], scopes = [], networks = [] }] of client[list].entries()) {
        const way = ['clients', index, list, place]
        yield* malformed(networks, [...way, 'networks'])
        const declared = resources.flatMap((name) => scopesOf.get(name) ?? [])
        if (resources.every((name) => scopesOf.has(name)) && resources.length > 0)
          yield* undeclared(scopes, resources.join(', '), declared, [...way, 'scopes'])
      }
    }
  }
}

function* inTrustRules({ trust_rules }: Declaration, issuerOf: ReadonlyMap<string, string>): Generator<Mistake> {
  for (const [index, { issuer: name, match }] of trust_rules.entries()) {
    const issuer = issuerOf.get(name)
    if (issuer === undefined) continue
    // Whether it is a cluster makes warnings, never a problem.
    for (const { path, message } of checkTrustRule({ match }, { issuer, isKubernetes: false }).problems) {
      const [, claim] = path.match(/^match\.(.+)$/) ?? []
      yield { way: ['trust_rules', index, 'match', ...(claim === undefined ? [] : [claim])], message: unended(message) }
    }
  }
}

/** Problems are put into lines without a full stop. */
function unended(message: string): string {
  return message.replace(/\.$/, '')
}

function* undeclared(
  scopes: readonly string[],
  resource: string,
  declared: readonly string[],
  way: FieldWay,
): Generator<Mistake> {
  const there = declared.length === 0 ? 'none at all' : declared.join(', ')
  for (const [index, scope] of scopes.entries()) {
    if (expandScopes([scope], declared).size > 0) continue
    yield { way: [...way, index], message: `is no scope of ${resource}; it declares ${there}` }
  }
}

function* malformed(networks: readonly string[], way: FieldWay): Generator<Mistake> {
  for (const [index, network] of networks.entries()) {
    if (parseNetwork(network) !== undefined) continue
    yield { way: [...way, index], message: 'expected a network without bits beyond its prefix, like "10.0.0.0/8"' }
  }
}
