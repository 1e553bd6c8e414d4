import { credentialRefused, type Denied, deny, isDenied, REFUSALS } from '@countersign/resource-server'
import { refText } from '../domain/credential.ts'
import type { OAuthDeps } from './deps.ts'
import type { OAuthCall } from './endpoint.ts'
import { proveFederation, spendFederation } from './federated-assertion.ts'

/** The parameter by which a workload shows its token beside the secret of its client. */
export const WORKLOAD_TOKEN = 'workload_token'

/**
 * Says why a client gets no token without its workload; undefined: it needs none, or showed it. A client that was
 * authenticated by a token which the named rule fits has shown it already.
 *
 * Security: whoever has the secret of such a client alone gets nothing by it.
 */
export async function workloadMissing(call: OAuthCall, deps: OAuthDeps): Promise<Denied | undefined> {
  const { client, known, form, asked } = call
  const { requiresWorkload } = client
  if (requiresWorkload === null || known.stored.ancestors.includes(`rule_${requiresWorkload}`)) return undefined
  const refuse = (because: string) =>
    deny('workload_required', { client: refText({ kind: 'client', id: client.id }), rule: requiresWorkload, because })
  const text = form.get(WORKLOAD_TOKEN)
  if (text === undefined) return refuse(`it sent no ${WORKLOAD_TOKEN}`)
  const proven = await proveFederation(text, deps, (rule) => rule.name === requiresWorkload)
  if (isDenied(proven))
    return REFUSALS[proven.code].status >= 500 ? proven : refuse(`${proven.code}: ${proven.detail.because ?? ''}`)
  const dead = credentialRefused(proven.known.callerAt(deps.directory.management, deps.directory), asked)
  return dead ?? (await spendFederation(proven, deps.store))
}
