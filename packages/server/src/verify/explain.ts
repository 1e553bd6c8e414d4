import type { Explain, Explanation } from '@countersign/admin-api'
import {
  ASSERTION_HEADER,
  deny,
  isDenied,
  MANAGEMENT_RESOURCE,
  parseAbsoluteTarget,
  parseAddress,
  parseHost,
  parseMethod,
  parseRequestTarget,
} from '@countersign/resource-server'
import { KnownCredential } from '../authentication/known-credentials.ts'
import type { StoredCredential } from '../domain/credential.ts'
import { contextOf, denialHeaders } from './answer.ts'
import { AskedRequest } from './asked.ts'
import { type Decision, isAllowed, STEPS, type Step } from './decision.ts'
import { subjectOf } from './identity.ts'
import { recordOf } from './record.ts'
import { refuse, type VerifyDeps, verify } from './verify.ts'

export type ExplainDeps = {
  readonly verify: VerifyDeps
  readonly clock: () => Date
  readonly findCredential: (id: string) => Promise<StoredCredential | undefined>
  /** The host of the management API, which asks for itself. */
  readonly managementHost: string
}

/** Stands in for a credential that is only named by its id: never compared, never looked up. */
const NAMED_BY_ID = 'named-by-its-id'
const NOT_RECORDED = 'not recorded'

/**
 * Shows how a request would be decided: the same code as for a proxy's question, with its record shown.
 * Nothing is recorded, counted or marked as used.
 *
 * Undefined: there is no credential of that id.
 */
export async function explain(request: Explain, deps: ExplainDeps): Promise<Explanation | undefined> {
  let { recognise } = deps.verify
  if (request.credential_id !== undefined) {
    const stored = await deps.findCredential(request.credential_id)
    if (stored === undefined) return undefined
    const known = new KnownCredential(stored)
    recognise = () => () => known
  }
  const now = deps.clock()
  const asked = askedBy(request, now, deps)
  const decision = isDenied(asked)
    ? refuse({ asked: { dialect: 'forward', now, peer: null } }, 'request', asked)
    : await verify(asked, { ...deps.verify, recognise })
  return { decision: recordOf(decision), steps: stepsOf(decision), answer: answerOf(decision) }
}

function askedBy(request: Explain, now: Date, deps: ExplainDeps) {
  const absolute = parseAbsoluteTarget(request.url)
  const method = parseMethod(request.method)
  const host = absolute && parseHost(absolute.host, absolute.scheme)
  if (absolute === undefined || host === undefined || method === undefined) {
    return deny('request_malformed', { because: 'the method or the host of the URL is not acceptable' })
  }
  const target = parseRequestTarget(absolute.target)
  if (target === undefined) return deny('target_malformed', { host, method })
  const { directory } = deps.verify
  const isManagement = host === deps.managementHost && target.path.startsWith('/api/v1')
  const resource = isManagement ? directory.resource(MANAGEMENT_RESOURCE) : directory.resourceAt(host)
  const shown = request.credential ?? (request.credential_id === undefined ? undefined : NAMED_BY_ID)
  const header = resource?.credentialHeader ?? 'authorization'
  const headers = {
    get: (name: string) => (name === header && shown !== undefined ? `Bearer ${shown}` : null),
  }
  const address = request.client_address === undefined ? undefined : parseAddress(request.client_address)
  return new AskedRequest(
    'forward',
    now,
    'public',
    method,
    absolute.scheme,
    host,
    target,
    absolute.target,
    headers,
    () => address,
    isManagement ? resource : undefined,
  )
}

function stepsOf(decision: Decision): Explanation['steps'] {
  const failedAt = decision.step === undefined ? STEPS.length : STEPS.indexOf(decision.step)
  return STEPS.map((step, index) => {
    if (index > failedAt) return { step, outcome: 'not_reached' as const, says: 'Not reached.' }
    if (index === failedAt) return { step, outcome: 'refuse' as const, says: recordOf(decision).sentence }
    return { step, outcome: 'pass' as const, says: passed(step, decision) }
  })
}

function passed(step: Step, decision: Decision): string {
  const { asked, resource, matched, caller } = decision
  switch (step) {
    case 'request':
      return 'headers' in asked ? `${asked.method} ${asked.target.path} at ${asked.host}.` : 'The request was read.'
    case 'rule':
      return matched === undefined || resource === undefined
        ? 'A resource was found.'
        : `Resource ${resource.name}; ${describeRule(matched.rule.index, resource.definitions[matched.rule.index]?.path)}${matched.project === undefined ? '' : `; project ${matched.project}`}.`
    case 'credential':
      return caller === undefined ? 'No credential, or one that is still to be resolved.' : 'One credential.'
    case 'authentication':
      return caller === undefined
        ? 'Nobody: anonymous.'
        : `${caller.known.stored.kind} ${caller.known.stored.id} (${caller.known.stored.hint}) of ${subjectOf(caller.principal)}.`
    case 'decision':
      return isAllowed(decision)
        ? `Allowed with scopes ${listed(decision.verdict.rights.scopes)} and roles ${listed(decision.verdict.rights.roles)}.`
        : 'Allowed.'
    case 'answer':
      return 'Every identity header was written.'
  }
}

function describeRule(index: number, path: string | undefined): string {
  return index < 0 ? 'a preflight, let through' : `rule ${index} (${path ?? '/**'})`
}

function listed(names: ReadonlySet<string>): string {
  return names.size === 0 ? 'none' : [...names].join(', ')
}

function answerOf(decision: Decision): Explanation['answer'] {
  if (isAllowed(decision)) {
    // The assertion is a live proof of identity; an explanation must not hand one out.
    const { headers } = decision.identity
    const assertion = headers.get(ASSERTION_HEADER)
    const shown = [...headers].map(([name, value]) => [name, value === assertion ? 'a signed JWT, not shown' : value])
    return { status: 200, headers: Object.fromEntries(shown) as Record<string, string> }
  }
  const { code } = decision.verdict
  return { status: recordOf(decision).status, headers: denialHeaders(code, contextOf(decision, NOT_RECORDED)) }
}
