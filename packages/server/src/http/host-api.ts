import { deny } from '@countersign/resource-server'
import type { Authorized } from '../admin/deps.ts'
import { hostCaller } from '../admin/host-caller.ts'
import type { EdgeDeps } from '../verify/edge.ts'
import { refuse } from '../verify/verify.ts'

/** Calls the management API within this process, as the operator of the host. */
export type CallAsHost = (request: Request) => Promise<Response>

/**
 * The other way in to the management API, beside the one path: for whoever runs this process, who shows no credential.
 *
 * Security: what comes back must never be given to a listener. Nothing is authenticated here.
 */
export function hostApi(
  serve: (request: Request, authorized: Authorized) => Response | Promise<Response>,
  { verify, decisions, clock }: Pick<EdgeDeps, 'verify' | 'decisions' | 'clock'>,
): CallAsHost {
  return async (request) => {
    const asked = { dialect: 'api', now: clock(), peer: null } as const
    const caller = hostCaller(verify.directory, (code, because) =>
      decisions.noteDenied(refuse({ asked }, 'decision', deny(code, { because }))),
    )
    return serve(request, caller)
  }
}
