import { AsyncLocalStorage } from 'node:async_hooks'
import { makeId, type RandomBytes } from '../domain/ids.ts'
import { REQUEST_ID_HEADER } from '../oauth/error-response.ts'
import type { Proxies } from '../verify/proxies.ts'
import type { Handler } from './guard.ts'

/** What proxies make: UUIDs, hexadecimal, base64url. */
const FORM = /^[A-Za-z0-9._-]{1,64}$/

/**
 * Gives each request a name: that of the proxy before us, so that its log and ours can be laid side by side, or a new
 * one. It stands in the answer and in every line that is logged for the request.
 *
 * Security: a name that comes from elsewhere is taken from our proxies alone, and only if it is one word: it could stand
 * for another request, or write into the log.
 */
export class RequestIds {
  readonly #current = new AsyncLocalStorage<string>()
  readonly #process: string
  #count = 0

  constructor(now: Date, random: RandomBytes) {
    this.#process = makeId('req', now, random)
  }

  /** Of the request that is being answered; undefined: there is none, or it is one that has no name. */
  current(): string | undefined {
    return this.#current.getStore()
  }

  /** The handler, whose log lines and answers have the name. It costs more than some answers: not for what is asked all the time. */
  giving(handler: Handler, proxies: Pick<Proxies, 'isTrustedPeer'>): Handler {
    return async (request, peer) => {
      const id = this.of(request.headers, peer, proxies)
      const answer = await this.#current.run(id, () => handler(request, peer))
      answer.headers.set(REQUEST_ID_HEADER, id)
      return answer
    }
  }

  of(headers: Headers, peer: string | null, proxies: Pick<Proxies, 'isTrustedPeer'>): string {
    const given = headers.get(REQUEST_ID_HEADER)
    const isOfProxy = peer === null || proxies.isTrustedPeer(peer)
    if (given !== null && isOfProxy && FORM.test(given)) return given
    this.#count++
    return `${this.#process}-${this.#count}`
  }
}
