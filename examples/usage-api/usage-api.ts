// The API. It decides nothing: what reaches a route has passed, and the caller's accounts are those of its permission.

import type { Asserted } from '@countersign/resource-server'

/** What each account used; an account that is not in it does not exist. */
export type UsageByAccount = ReadonlyMap<string, { readonly gigabytes: number }>

export type UsageApiOptions = {
  readonly usage: UsageByAccount
  /** Who calls, or what to answer instead. */
  readonly ask: (request: Request, from: string) => Promise<Asserted | Response>
  readonly log: (line: string) => void
}

const USAGE = /^\/api\/internal\/accounts\/([^/]+)\/usage$/

/** Answers `GET /api/internal/accounts/:account/usage`, and to a user `GET /api/internal/accounts/mine`. */
export function usageApi({ usage, ask, log }: UsageApiOptions) {
  const answerTo = (caller: Asserted, pathname: string): Response => {
    if (pathname === '/api/internal/accounts/mine') return Response.json({ accounts: caller.projects })
    const [, account = ''] = USAGE.exec(pathname) ?? []
    const used = usage.get(decodeURIComponent(account))
    // Only now: whoever may not see the account never learns whether it exists.
    if (used === undefined) return Response.json({ error: 'There is no such account.' }, { status: 404 })
    return Response.json({ account: decodeURIComponent(account), ...used, asked_by: reportable(caller) })
  }

  return async (request: Request, from: string): Promise<Response> => {
    const { pathname } = new URL(request.url)
    const caller = await ask(request, from)
    if (caller instanceof Response) {
      log(`${caller.status} ${request.method} ${pathname} refused (${caller.headers.get('countersign-decision')})`)
      return caller
    }
    const answer = answerTo(caller, pathname)
    log(`${answer.status} ${request.method} ${pathname} by ${reportable(caller)}`)
    return answer
  }
}

/** Who called and how far it reaches, in one line: `client:billing at *`. No secret, no address of a person. */
function reportable({ principal, projects }: Asserted): string {
  const who = principal.kind === 'anonymous' ? principal.kind : `${principal.kind}:${principal.id}`
  return `${who} at ${projects?.join(',') ?? '*'}`
}
