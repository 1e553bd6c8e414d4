import type { Issuer as IssuerAnswer, IssuerChange, NewIssuer } from '@countersign/admin-api'
import { checkTrustRule } from '@countersign/resource-server'
import type { ExternalIssuer, KeySource } from '../domain/issuer.ts'
import { findIssuer, type IssuerWrite } from '../store/issuers.ts'
import type { Db } from '../store/store.ts'
import { listTrustRulesOf } from '../store/trust-rules.ts'
import { defined } from './defined.ts'
import type { AdminDeps, Authorized } from './deps.ts'
import { requireAcceptableIssuer } from './issuer-checks.ts'
import { Rejected, rejectedFields, unended } from './problem.ts'
import { requireGroups } from './references.ts'
import { toIssuer } from './wire.ts'
import { write } from './write.ts'

export async function createIssuer(deps: AdminDeps, by: Authorized, body: NewIssuer): Promise<IssuerAnswer> {
  return write(deps, by, async ({ db, issuers }) => {
    const issuer = await acceptable(body, sourceOf(body), db, deps)
    await issuers.insert(issuer, body.managed_by)
    return toIssuer(await requireIssuer(db, issuer.name))
  })
}

/** Only the fields sent change, and what comes of it is judged as a whole. */
export async function changeIssuer(
  deps: AdminDeps,
  by: Authorized,
  name: string,
  body: IssuerChange,
): Promise<IssuerAnswer> {
  return write(deps, by, async ({ db, issuers }) => {
    const before = await requireIssuer(db, name)
    const isSourceSent = [body.jwks, body.jwks_uri, body.jwks_file].some((source) => source !== undefined)
    const wanted = { ...toIssuer(before), ...defined(body) }
    const after = await acceptable(wanted, isSourceSent ? sourceOf(body) : before.keySource, db, deps)
    await requireFittingRules(before, after, db)
    await issuers.update(before, after, Object.keys(body), body.managed_by)
    return toIssuer(await requireIssuer(db, name))
  })
}

/** What a rule may ask depends on who signs: of an issuer that signs for everybody it has to name a tenant. */
async function requireFittingRules(before: ExternalIssuer, after: IssuerWrite, db: Db): Promise<void> {
  if (before.issuer === after.issuer) return
  const policy = { issuer: after.issuer, isKubernetes: after.kubernetes !== null }
  const problems = (await listTrustRulesOf(db, after.name)).flatMap((rule) =>
    checkTrustRule(rule, policy).problems.map(({ path, message }) => {
      const says = `expected one for which trust rule ${rule.name} would do (${path}: ${unended(message)})`
      return { path: 'issuer', message: says }
    }),
  )
  if (problems.length > 0) throw rejectedFields(problems)
}

export async function removeIssuer(deps: AdminDeps, by: Authorized, name: string): Promise<void> {
  await write(deps, by, async ({ db, issuers }) => issuers.delete(await requireIssuer(db, name)))
}

export async function requireIssuer(db: Db, name: string): Promise<ExternalIssuer> {
  const issuer = await findIssuer(db, name)
  if (issuer !== undefined) return issuer
  throw new Rejected('not_found', 'There is no issuer of this name. GET /api/v1/issuers lists those there are.')
}

type Sources = { readonly [Source in 'jwks' | 'jwks_uri' | 'jwks_file']?: NewIssuer[Source] | undefined }

function sourceOf({ jwks, jwks_uri, jwks_file }: Sources): KeySource {
  if (jwks) return { kind: 'jwks', jwks }
  if (jwks_uri) return { kind: 'jwks_uri', uri: jwks_uri }
  return jwks_file ? { kind: 'jwks_file', path: jwks_file } : { kind: 'discovery' }
}

async function acceptable(
  wanted: Omit<NewIssuer, 'managed_by' | 'jwks' | 'jwks_uri' | 'jwks_file'>,
  keySource: KeySource,
  db: Db,
  deps: AdminDeps,
): Promise<IssuerWrite> {
  const { kubernetes, group_mappings: groupMappings } = wanted
  if (groupMappings !== null) await requireGroups(db, Object.keys(groupMappings), 'group_mappings', 'table')
  const write: IssuerWrite = {
    name: wanted.name,
    issuer: wanted.issuer,
    algorithms: [...new Set(wanted.algorithms)],
    profile: wanted.profile,
    maxLifetimeSeconds: wanted.max_lifetime_seconds,
    toleranceSeconds: wanted.tolerance_seconds,
    allowedClients: wanted.allowed_clients,
    keySource,
    caFile: wanted.ca_file,
    kubernetes: kubernetes && {
      mode: kubernetes.mode,
      apiServer: kubernetes.api_server,
      tokenFile: kubernetes.token_file,
    },
    groupMappings,
    groupsClaims: wanted.groups_claims,
    singleUseAssertions: wanted.single_use_assertions,
    disabled: wanted.disabled,
  }
  await requireAcceptableIssuer(write, db, deps)
  return write
}
