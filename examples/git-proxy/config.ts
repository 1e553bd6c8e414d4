// git-proxy.yaml, as the options of the guard.

import type { ProtectOptions, RoleMappings } from '@countersign/resource-server'

export type Config = {
  /** Where browsers have the API, as they say it in `Origin`. Behind what ends TLS the API itself sees another one. */
  readonly publicOrigin: string
  readonly resource: string
  readonly issuers: NonNullable<ProtectOptions['issuers']>
  readonly roleMappings: RoleMappings
  readonly groupsClaims: readonly string[]
  readonly staticKeys: NonNullable<ProtectOptions['staticKeys']>
}

type Level = Readonly<Record<string, unknown>>

/** All that may stand in the file, level by level: options of the guard, in snake_case. */
const FILE = ['public_url', 'resource', 'issuers', 'role_mappings', 'groups_claims', 'static_keys']
const ISSUER = [
  ...['name', 'issuer', 'jwks_uri', 'algorithms', 'profile', 'max_lifetime_seconds', 'allowed_clients'],
  ...['role_mappings', 'groups_claims', 'trust'],
]
const TRUST = ['name', 'match', 'roles', 'scopes']
const STATIC_KEY = ['from_env', 'client', 'roles', 'scopes']

/**
 * Reads the file, or throws with every name in it that there is not. What the values may be `protect` says, at the start too.
 *
 * Security: a name that is passed over narrows nothing. `allowed_client` would let in every client of the issuer.
 */
export function parseConfig(yaml: string): Config {
  const problems: string[] = []
  const file = levelOf(Bun.YAML.parse(yaml), 'git-proxy.yaml', FILE, problems)
  const issuers = levelsOf(file.issuers, 'issuers', ISSUER, problems).map((issuer, at) => {
    const { trust } = issuer
    if (at > 0 && issuer.roleMappings === undefined) problems.push(`issuers[${at}].role_mappings: ${OWN_TABLE}`)
    return {
      ...issuer,
      ...(trust !== undefined && { trust: levelsOf(trust, `issuers[${at}].trust`, TRUST, problems) }),
    }
  })
  const staticKeys = levelsOf(file.staticKeys, 'static_keys', STATIC_KEY, problems)
  const publicUrl = URL.parse(String(file.publicUrl))
  if (!/^https?:$/.test(publicUrl?.protocol ?? '')) problems.push(`public_url: ${PUBLIC_URL}`)
  if (problems.length > 0) throw new Error(`git-proxy.yaml cannot be used:\n  ${problems.join('\n  ')}`)
  const options = {
    groupsClaims: ['groups'],
    roleMappings: {},
    ...file,
    issuers,
    staticKeys: staticKeys.map(({ client: id, ...key }) => ({ ...key, principal: { kind: 'client', id } })),
    publicOrigin: publicUrl?.origin,
  }
  // Each name is one that there is; of which type its value is `protect` judges.
  return options as unknown as Config
}

const PUBLIC_URL = 'expected where browsers have the API: https://git.example.com'
const OWN_TABLE =
  'expected a table of its own, since its groups are not those of the first issuer; {} where they give nothing'

function levelsOf(written: unknown, at: string, names: readonly string[], problems: string[]): readonly Level[] {
  if (written === undefined) return []
  if (Array.isArray(written)) return written.map((one, index) => levelOf(one, `${at}[${index}]`, names, problems))
  problems.push(`${at}: expected a list`)
  return []
}

function levelOf(written: unknown, at: string, names: readonly string[], problems: string[]): Level {
  if (typeof written !== 'object' || written === null || Array.isArray(written)) {
    problems.push(`${at}: expected names with values, of ${names.join(', ')}`)
    return {}
  }
  for (const [name, value] of Object.entries(written)) {
    if (!names.includes(name)) problems.push(`${at}: there is no ${name}; expected one of ${names.join(', ')}`)
    // As `allowed_clients:` with all of its lines taken out, which must not come to mean all clients.
    else if (value === null) problems.push(`${at}: ${name} has no value; leave it out where none is meant`)
  }
  return Object.fromEntries(Object.entries(written).map(([name, value]) => [inCamelCase(name), value]))
}

function inCamelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
