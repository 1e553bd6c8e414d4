import { AsyncLocalStorage } from 'node:async_hooks'
import { makeId, type RandomBytes } from '../domain/ids.ts'
import type { Proxies } from '../verify/proxies.ts'
import type { Handler } from './guard.ts'

const HEADER = 'X-Request-Id'
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

  giving(handler: Handler, proxies: Pick<Proxies, 'isTrustedPeer'>): Handler {
    return async (request, peer) => {
      const isOfProxy = peer === null || proxies.isTrustedPeer(peer)
      const id = isOfProxy ? this.#idOf(request) : this.#next()
      const answer = await this.#current.run(id, () => handler(request, peer))
      answer.headers.set(HEADER, id)
      return answer
    }
  }

  #idOf({ headers }: Request): string {
    const given = headers.get(HEADER)
    return given !== null && FORM.test(given) ? given : this.#next()
  }

  #next(): string {
    this.#count++
    return `${this.#process}-${this.#count}`
  }
}
