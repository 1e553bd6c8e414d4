import { credentialRefused, type Denied, deny, isDenied, REFUSALS } from '@countersign/resource-server'
import type { KnownCredential } from '../authentication/known-credentials.ts'
import { refText } from '../domain/credential.ts'
import type { OAuthDeps } from './deps.ts'
import type { OAuthCall } from './endpoint.ts'
import { proveFederation, spendFederation } from './federated-assertion.ts'

/** The parameter by which a workload shows its token beside the secret of its client. */
export const WORKLOAD_TOKEN = 'workload_token'

/**
 * What the token of a client dies with beside its own ancestors: the workload that it had to show, nearest first. Empty: it
 * needs none, or was authenticated by a token that the named rule fits. Refused as `workload_required`: it did not show it.
 *
 * Security: whoever has the secret of such a client alone gets nothing by it.
 */
export async function accompaniedBy(call: OAuthCall, deps: OAuthDeps): Promise<readonly string[] | Denied> {
  const { client, known, form, asked } = call
  const { requiresWorkload } = client
  if (requiresWorkload === null || known.stored.ancestors.includes(`rule_${requiresWorkload}`)) return []
  const refuse = (because: string) =>
    deny('workload_required', { client: refText({ kind: 'client', id: client.id }), rule: requiresWorkload, because })
  const refuseAs = ({ code, detail }: Denied) => refuse(`${code}: ${detail.because ?? ''}`)
  const text = form.get(WORKLOAD_TOKEN)
  if (text === undefined) return refuse(`it sent no ${WORKLOAD_TOKEN}`)
  const proven = await proveFederation(text, deps, (rule) => rule.name === requiresWorkload)
  if (isDenied(proven)) return REFUSALS[proven.code].status >= 500 ? proven : refuseAs(proven)
  const dead = (one: KnownCredential) =>
    credentialRefused(one.callerAt(deps.directory.management, deps.directory), asked)
  const refused = dead(proven.known)
  if (refused !== undefined) return refuseAs(refused)
  const spent = await spendFederation(proven, deps.store)
  if (spent !== undefined) return spent
  // Judged again, both of them: what was changed or revoked while this was waited for counts.
  if (dead(proven.minting) !== undefined) return refuse('its rule or issuer was changed meanwhile, or it was revoked')
  if (deps.directory.client(client.id) !== client) {
    return deny('store_busy', { because: 'the client was changed while its workload was verified' })
  }
  const { id, ancestors } = proven.minting.stored
  return [id, ...ancestors]
}
