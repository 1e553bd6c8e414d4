// git-proxy.yaml, as the options of the guard.

import type { ProtectOptions, RoleMappings } from '@countersign/resource-server'

export type Config = {
  readonly resource: string
  readonly issuers: NonNullable<ProtectOptions['issuers']>
  readonly roleMappings: RoleMappings
  readonly groupsClaims: readonly string[]
  readonly staticKeys: NonNullable<ProtectOptions['staticKeys']>
}

type Written = {
  readonly resource: string
  readonly issuers?: readonly {
    readonly name: string
    readonly issuer: string
    readonly algorithms?: readonly string[]
    readonly profile?: 'at+jwt' | 'plain'
    readonly role_mappings?: RoleMappings
  }[]
  readonly role_mappings?: RoleMappings
  readonly groups_claims?: readonly string[]
  readonly static_keys?: readonly { from_env: string; client: string; roles: readonly string[] }[]
}

/** Reads the file. What cannot stand in it `protect` says, all of it at once, at the start. */
export function parseConfig(yaml: string): Config {
  const written = Bun.YAML.parse(yaml) as Written
  return {
    resource: written.resource,
    issuers: (written.issuers ?? []).map(({ role_mappings: roleMappings, ...issuer }) => ({
      ...issuer,
      ...(roleMappings !== undefined && { roleMappings }),
    })),
    roleMappings: written.role_mappings ?? {},
    groupsClaims: written.groups_claims ?? ['groups'],
    staticKeys: (written.static_keys ?? []).map(({ from_env: fromEnv, client: id, roles }) => ({
      fromEnv,
      principal: { kind: 'client', id },
      roles,
    })),
  }
}
