// Workers that ask for one URL, again and again, with tokens and nothing else.

/** Whose token it is. */
export type Caller = { readonly user: string; readonly token: string }

/** What became of a request: allowed as whose it is, allowed as anybody else, refused, or none of these. */
export type Outcome = 'owner' | 'other' | 'refused' | 'failed'
export type Counts = Readonly<Record<Outcome, number>>

type Asked = { readonly outcome: Outcome; readonly failure?: string }

export type Drive = {
  readonly url: string
  readonly callers: readonly Caller[]
  readonly workers: number
  /** How many while the tokens are live, and how many once they are revoked. */
  readonly requests: number
  /** Revokes all tokens. Requests go on meanwhile. */
  readonly revoke: () => Promise<void>
  /** Ends it, whatever was done by then. */
  readonly signal: AbortSignal
}

export type Driven = {
  readonly live: Counts
  readonly revoked: Counts
  /** Why the first request failed that did. */
  readonly failure: string | undefined
}

/**
 * Drives the URL while the tokens are live, while they are revoked, and after that.
 *
 * A request that was under way while the tokens were revoked may end either way and counts nowhere; whatever begins
 * after the revocation was acknowledged counts as revoked.
 */
export async function drive(options: Drive): Promise<Driven> {
  const { callers, workers, requests, revoke, signal } = options
  const counts = { live: none(), revoked: none() }
  let phase: 'live' | 'revoking' | 'revoked' = 'live'
  let revocation = Promise.resolve()
  let firstFailure: string | undefined

  const turn = () => {
    phase = 'revoking'
    revocation = revoke().finally(() => {
      phase = 'revoked'
    })
    revocation.catch(() => undefined) // It is told at the end.
  }
  const work = async (caller: Caller) => {
    while (!signal.aborted) {
      const began = phase
      if (began === 'revoked' && total(counts.revoked) >= requests) return
      if (began === 'live' && total(counts.live) >= requests) turn()
      else {
        const { outcome, failure } = await ask(options.url, caller, signal)
        if (began !== 'revoking' && began === phase && !signal.aborted) {
          counts[began][outcome]++
          firstFailure ??= failure
        }
      }
    }
  }
  await Promise.all(Array.from({ length: workers }, (_, i) => work(callers[i % callers.length] ?? noCaller())))
  await revocation
  return { ...counts, failure: firstFailure }
}

export function total(counts: Counts): number {
  return counts.owner + counts.other + counts.refused + counts.failed
}

/** The service says in the member `user` of its JSON for whom it takes the caller. */
async function ask(url: string, { user, token }: Caller, signal: AbortSignal): Promise<Asked> {
  try {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` }, redirect: 'manual', signal })
    const text = await answer.text()
    if (answer.headers.has('set-cookie')) return failed('the answer sets a cookie')
    if (answer.status === 401) return { outcome: 'refused' }
    if (answer.status !== 200) return failed(`the answer was ${answer.status}`)
    return { outcome: JSON.parse(text)?.user === user ? 'owner' : 'other' }
  } catch (error) {
    return failed(error instanceof SyntaxError ? 'the answer is no JSON' : String(error))
  }
}

function failed(failure: string): Asked {
  return { outcome: 'failed', failure }
}

function none(): Record<Outcome, number> {
  return { owner: 0, other: 0, refused: 0, failed: 0 }
}

function noCaller(): never {
  throw new Error('expected at least one user')
}
