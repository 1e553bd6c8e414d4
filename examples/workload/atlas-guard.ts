// Believes one ServiceAccount of one cluster, for the internal routes of Atlas and nothing else.

import { readFile } from 'node:fs/promises'
import { type Guard, type ProtectFault, type ProtectRecord, protect } from '@countersign/resource-server'

export type AtlasGuardOptions = {
  /** Where the cluster's keys are pinned: its `/openid/v1/jwks`, saved. Read anew, so keys are replaced without a restart. */
  readonly jwksFile: string
  /** The `iss` of the cluster's tokens. */
  readonly issuer: string
  /** The `audience` of the projected token: this API's internal routes, and nobody else's. */
  readonly audience: string
  /** The one that is let in. */
  readonly serviceAccount: { readonly namespace: string; readonly name: string }
  readonly onDecision?: (record: ProtectRecord) => void
  /** Told when the keys cannot be read, and when they can be again: Atlas learns no more than 503. */
  readonly onFault?: (fault: ProtectFault) => void
  /** The clock, for tests. */
  readonly now?: () => Date
}

/** The longest life of a token that is believed: Kubernetes makes projected ones for an hour. */
const MAX_LIFETIME_SECONDS = 3607

export function atlasGuard({ jwksFile, issuer, audience, serviceAccount, ...rest }: AtlasGuardOptions): Guard {
  const { namespace, name } = serviceAccount
  return protect({
    resource: {
      name: 'atlas-internal',
      identifier: audience,
      scopes: ['account:usage:read'],
      rules: [
        {
          methods: ['GET'],
          path: '/api/internal/atlas/accounts/:project/usage',
          require: { principals: ['client'], scopes: ['account:usage:read'] },
        },
      ],
    },
    issuers: [
      {
        name: 'cluster',
        issuer,
        algorithms: ['RS256', 'ES256'],
        kubernetes: true,
        maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
        readKeys: () => pinnedKeys(jwksFile),
        trust: [
          {
            name: 'atlas',
            match: { sub: `system:serviceaccount:${namespace}:${name}` },
            as: { client: 'atlas' },
            scopes: ['account:usage:read'],
          },
        ],
      },
    ],
    ...rest,
  })
}

/** Throws for what holds no key: a caller must not be told that its good token is bad, so the guard says 503. */
async function pinnedKeys(path: string): Promise<unknown> {
  const set = JSON.parse(await readFile(path, 'utf8')) as { keys?: unknown } | null
  if (!Array.isArray(set?.keys) || set.keys.length === 0) throw new Error('it has no keys')
  return set
}

/** The guard as the environment has it. Undefined: not configured. What is half configured stops the start. */
export function atlasGuardFrom(
  env: Readonly<Record<string, string | undefined>>,
  log: (line: string) => void,
): Guard | undefined {
  const names = ['ATLAS_JWKS_FILE', 'ATLAS_ISSUER', 'ATLAS_AUDIENCE', 'ATLAS_SERVICE_ACCOUNT'] as const
  const [jwksFile, issuer, audience, account] = names.map((name) => env[name])
  const missing = names.filter((name) => env[name] === undefined)
  if (missing.length === names.length) return undefined
  const [namespace, name, ...more] = account?.split(':') ?? []
  if (missing.length > 0 || !jwksFile || !issuer || !audience || !namespace || !name || more.length > 0) {
    const empty = names.filter((one) => !env[one])
    throw new Error(
      `Expected all of ${names.join(', ')} (ATLAS_SERVICE_ACCOUNT as namespace:name), or none. To mend: ${
        empty.length === 0 ? 'ATLAS_SERVICE_ACCOUNT' : empty.join(', ')
      }`,
    )
  }
  return atlasGuard({
    ...{ jwksFile, issuer, audience, serviceAccount: { namespace, name } },
    onFault: ({ source, state, because = '' }) => log(`fault of ${source} ${state} ${because}`.trimEnd()),
  })
}
