// Who calls, by whatever they show: one answer for tokens of the company, keys from the environment, API keys and sessions.

import { isDenied, mapRoles, type Principal, type ProtectFetch, protect } from '@countersign/resource-server'
import { type ApiKeys, KEY_PREFIX } from './api-keys.ts'
import type { Config } from './config.ts'
import { isFromElsewhere } from './elsewhere.ts'
import type { People } from './people.ts'
import { SCOPES, scopesOf } from './surfaces.ts'

export type Caller = {
  readonly principal: Principal
  readonly scopes: ReadonlySet<string>
  /** What was shown. */
  readonly by: 'session' | 'external' | 'static' | 'own'
}

export type WhoCallsOptions = {
  readonly config: Config
  readonly people: People
  readonly keys: ApiKeys
  readonly env: Readonly<Record<string, string | undefined>>
  readonly now: () => Date
  readonly fetch?: ProtectFetch
  readonly log: (line: string) => void
}

export const REALM = 'git-proxy'

export function whoCalls({ config, people, keys, env, now, log, ...rest }: WhoCallsOptions) {
  const { publicOrigin, resource: identifier, issuers, roleMappings, groupsClaims, staticKeys } = config
  /** The roles of a person's groups, by the table that tokens are read by. */
  const rolesOf = (groups: readonly string[]) => {
    const roles = mapRoles({ groups }, { mappings: roleMappings, groupsClaims: ['groups'] })
    return isDenied(roles) ? [] : roles
  }
  const guard = protect({
    resource: { name: REALM, identifier, scopes: SCOPES, rules: [{ path: '/api/**' }] },
    ...{ issuers, roleMappings, groupsClaims, staticKeys, env, now, ...rest },
    store: {
      prefix: KEY_PREFIX,
      findCredential: (digest) => keys.find(digest),
      findOwner(id) {
        const person = people.find(id)
        if (person === undefined) return undefined
        const { name, email, groups, disabled = false } = person
        // Scopes narrow scopes, never roles: a key that may only read must not bring along the role of its owner.
        return { kind: 'user', id, name, email, disabled, roles: [], scopes: scopesOf(rolesOf(groups)) }
      },
    },
    absent: 'continue',
    onDecision({ outcome, code, method, path, principal }) {
      if (outcome === 'deny') log(`refused ${code} ${method} ${path ?? ''} ${principal?.kind ?? 'nobody'}`)
    },
    // Callers are told 503 and no more: that the identity provider cannot be reached is for whoever runs this.
    onFault: ({ source, state, because = '' }) => log(`fault of ${source} ${state} ${because}`.trimEnd()),
  })

  /** The caller; the answer for a bad credential; undefined: nobody says who they are. */
  return async (request: Request): Promise<Caller | Response | undefined> => {
    const answer = await guard(request)
    if (answer.outcome === 'deny') return answer.response
    if (answer.outcome === 'allow') {
      const { principal, scopes, roles, credential } = answer
      return {
        principal,
        scopes: new Set([...scopes, ...scopesOf(roles)]),
        by: credential?.kind === 'static' || credential?.kind === 'own' ? credential.kind : 'external',
      }
    }
    const person = people.signedIn(request)
    if (person === undefined || isFromElsewhere(request, publicOrigin)) return undefined
    const { id, name, email, groups } = person
    return {
      principal: { kind: 'user', id, name, email },
      scopes: new Set(scopesOf(rolesOf(groups))),
      by: 'session',
    }
  }
}
