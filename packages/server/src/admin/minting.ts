// The law of minting for oneself: never further than the credential that was presented.

import { contains, expandScopes, type Narrowing, type Network } from '@countersign/resource-server'
import type { BelievedCredential } from '../domain/credential.ts'

/** How far a credential reaches, as far as its own record says. */
export type Reach = {
  readonly narrowing: Narrowing
  readonly networks: readonly Network[]
  readonly networkTexts: readonly string[]
  readonly expiresAt: Date | null
}

/** The field in which `wanted` goes beyond `bound`; undefined: it is within. */
export function fieldBeyond(wanted: Reach, bound: Reach): string | undefined {
  const { resources, scopes, projects } = bound.narrowing
  if (!isWithin(wanted.narrowing.resources, resources, (name) => resources?.includes(name))) return 'resources'
  const patterns = scopes ?? []
  if (!isWithin(wanted.narrowing.scopes, scopes, (scope) => expandScopes(patterns, [scope]).has(scope))) return 'scopes'
  if (!isWithin(wanted.narrowing.projects, projects, (project) => projects?.includes(project))) return 'projects'
  if (!areNetworksWithin(wanted.networks, bound.networks)) return 'networks'
  if (bound.expiresAt !== null && (wanted.expiresAt === null || wanted.expiresAt > bound.expiresAt)) return 'expires_at'
  return undefined
}

/** What was left out is as narrow as the presented credential. */
export function inherit(wanted: Reach, presented: Reach): Reach {
  const inheritsNetworks = wanted.networks.length === 0
  return {
    narrowing: {
      resources: wanted.narrowing.resources ?? presented.narrowing.resources,
      scopes: wanted.narrowing.scopes ?? presented.narrowing.scopes,
      projects: wanted.narrowing.projects ?? presented.narrowing.projects,
    },
    networks: inheritsNetworks ? presented.networks : wanted.networks,
    networkTexts: inheritsNetworks ? presented.networkTexts : wanted.networkTexts,
    expiresAt: wanted.expiresAt ?? presented.expiresAt,
  }
}

/** The lineage of what `presented` mints: revoking any of it revokes that. */
export function lineageOf(presented: BelievedCredential): readonly string[] {
  return [presented.id, ...presented.ancestors]
}

/** The earlier of two ends; null is never. */
export function earlier(one: Date | null, other: Date | null): Date | null {
  if (one === null || other === null) return one ?? other
  return one < other ? one : other
}

function isWithin(
  wanted: readonly string[] | null,
  bound: readonly string[] | null,
  isCovered: (member: string) => boolean | undefined,
): boolean {
  if (bound === null) return true
  return wanted?.every((member) => isCovered(member) === true) ?? false
}

/** Empty means anywhere. One network is within another when it is not wider and its address is inside. */
export function areNetworksWithin(wanted: readonly Network[], bound: readonly Network[]): boolean {
  if (bound.length === 0) return true
  if (wanted.length === 0) return false
  return wanted.every((network) =>
    bound.some((wide) => wide.prefixLength <= network.prefixLength && contains([wide], network.address)),
  )
}
