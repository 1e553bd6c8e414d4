// The API. Its normal pipeline knows people by their session; the internal routes of Atlas stand outside of it.

import { deny, type Guard, refusalResponse, reportable } from '@countersign/resource-server'

export type ApiOptions = {
  /** What each account used, by its handle. */
  readonly usage: ReadonlyMap<string, { readonly gigabytes: number }>
  /** Undefined: not configured, so nobody can be believed there. */
  readonly atlas: Guard | undefined
  /** Everything else: sessions, and whatever the API does for people. */
  readonly pipeline: (request: Request) => Response | Promise<Response>
  readonly log: (line: string) => void
}

const ATLAS = '/api/internal/atlas/'

/** Answers `GET /api/internal/atlas/accounts/:account_handle/usage` to Atlas, and all else by the pipeline. */
export function api({ usage, atlas, pipeline, log }: ApiOptions) {
  const usageFor = async (request: Request): Promise<Response> => {
    if (atlas === undefined) return refusalResponse(deny('keys_unavailable'), 'atlas-internal')
    const answer = await atlas(request)
    if (answer.outcome === 'deny') {
      log(`${answer.response.status} refused: ${answer.code} ${JSON.stringify(answer.detail)}`)
      return answer.response
    }
    // As the guard read the path, so what was allowed is what is answered.
    const handle = answer.project ?? ''
    const used = usage.get(handle)
    const { kind, id, credential } = reportable(answer)
    log(`${used === undefined ? 404 : 200} ${kind}:${id} by ${credential} asked for ${JSON.stringify(handle)}`)
    // Only now: whoever may not ask never learns which accounts there are.
    if (used === undefined) return Response.json({ error: 'There is no such account.' }, { status: 404 })
    return Response.json({ account: handle, ...used }, { headers: { 'Cache-Control': 'no-store' } })
  }

  return (request: Request): Response | Promise<Response> =>
    new URL(request.url).pathname.startsWith(ATLAS) ? usageFor(request) : pipeline(request)
}
