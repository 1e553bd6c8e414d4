// Tokens of other issuers, put to the library's functions by a caller of its own.
import {
  type Caller,
  compileRulePath,
  compileTrustRules,
  DEFAULT_GROUPS_CLAIMS,
  type Denied,
  decide,
  deny,
  grantOf,
  inlineKeys,
  isDenied,
  isSigned,
  mapRoles,
  type ProtectedResource,
  parseJwt,
  readExternalToken,
  type TrustRule,
  textClaim,
  type UnverifiedJwt,
} from '@countersign/resource-server'
import { ALIAS, AUDIENCE, ISSUERS, type IssuerName, MAPPED_GROUPS, TRUSTED } from './vectors/external-world.ts'

type Rule = TrustRule & { readonly grouped: boolean }
const RULES = compileTrustRules(
  Object.entries(TRUSTED).map(
    ([name, { grouped = false, ...rule }]): Rule => ({ name, ...rule, grouped, mode: 'enforce', expiresAt: null }),
  ),
)
const KEYS = Object.fromEntries(
  Object.entries(ISSUERS).map(([name, { policy, keys }]) => [
    name,
    inlineKeys({ jwks: { keys }, algorithms: policy.algorithms }),
  ]),
)
const NARROWING = { resources: null, scopes: null, projects: null }
const READING = {
  ...{ public: false, scopes: ['files:read'], principals: [], roles: [], groups: [], networks: [] },
  ...{ listener: undefined, project: 'captured' as const },
}

/** The refusal of a GET, or `OK`. */
export async function askWithToken(text: string, now: Date): Promise<string> {
  const caller = await callerBy(text, now)
  if (isDenied(caller)) return caller.code
  const path = compileRulePath('/**')
  if ('problem' in path) throw new Error(path.problem)
  const rule = { index: 0, methods: undefined, path, require: READING }
  const resource: ProtectedResource = {
    ...{ name: 'webdav', identifier: AUDIENCE, audienceAliases: [{ issuer: 'corp', audience: ALIAS }] },
    ...{ disabled: false, rules: [rule] },
  }
  const circumstances = { now, listener: 'public', clientAddress: () => undefined } as const
  const verdict = decide(caller, resource, { rule, project: undefined }, circumstances)
  return isDenied(verdict) ? verdict.code : 'OK'
}

async function callerBy(text: string, now: Date): Promise<Caller | Denied> {
  const jwt = parseJwt(text)
  if (jwt === undefined) return deny('token_malformed')
  const issuer = await issuerOf(jwt)
  if (typeof issuer !== 'string') return issuer
  const { policy } = ISSUERS[issuer]
  const facts = readExternalToken(jwt, policy)
  if (isDenied(facts)) return facts
  const { kid, alg } = jwt.header
  const key = (await KEYS[issuer]?.find(kid, alg)) ?? 'unknown'
  if (typeof key === 'string' || !(await isSigned(jwt, key, alg))) return deny('external_token_refused')

  const matched = RULES.match(facts, now)
  if (matched.outcome === 'none') return deny('trust_rule_missing')
  const mapped = mapRoles(facts.claims, { mappings: { media: MAPPED_GROUPS }, groupsClaims: DEFAULT_GROUPS_CLAIMS })
  if (isDenied(mapped)) return mapped
  const isPermitted = !matched.rule.grouped || mapped.includes('media')
  const permission = { id: 'perm', resource: 'webdav', scopes: ['files:read'], roles: [], projects: null }
  const { subject, audiences, believedFrom, believedUntil } = facts
  return {
    principal: { kind: 'workload', id: `${issuer}:${subject}`, issuer, subject },
    credential: {
      ...{ id: 'jwt', notBefore: believedFrom, expiresAt: believedUntil, narrowing: NARROWING, audience: null },
      ...{ networks: [], external: { issuer, audiences } },
    },
    revocation: undefined,
    owner: { disabled: false, networks: [] },
    groups: new Set(mapped),
    grant: grantOf(isPermitted ? [permission] : [], NARROWING, ['files:read']),
  }
}

/** Of those who sign by the same name, the one whose key it names. */
async function issuerOf({ header, claims }: UnverifiedJwt): Promise<IssuerName | Denied> {
  const iss = textClaim(claims, 'iss')
  const [first, ...others] = (Object.keys(ISSUERS) as IssuerName[]).filter(
    (name) => ISSUERS[name].policy.issuer === iss,
  )
  if (first === undefined) return deny('credential_foreign')
  if (others.length === 0) return first
  for (const name of header.kid === undefined ? [] : [first, ...others]) {
    if (typeof (await KEYS[name]?.find(header.kid, header.alg)) !== 'string') return name
  }
  return deny('external_token_refused')
}
