import { timingSafeEqual } from 'node:crypto'
import {
  type Address,
  type CredentialHeaders,
  clientAddress,
  contains,
  type Denied,
  deny,
  type Network,
  parseAddress,
} from '@countersign/resource-server'

export type ProxyTrust = {
  readonly networks: readonly Network[]
  /** SHA-256 of the proxy secret; when there is one, it is what counts, from whatever address. */
  readonly secretDigest: Uint8Array | undefined
  readonly sha256: (text: string) => Uint8Array
}

const PROXY_SECRET_HEADER = 'countersign-proxy-secret'
const MAX_REMEMBERED_PEERS = 1024

/** Judges who may ask for decisions, and which entries of `X-Forwarded-For` are proxies of ours. */
export class Proxies {
  /** Peers come again and again: their text is parsed once. */
  readonly #peers = new Map<string, boolean>()

  constructor(private readonly trust: ProxyTrust) {}

  readonly isTrusted = (address: Address): boolean => contains(this.trust.networks, address)

  /** Where a request comes from, by `X-Forwarded-For`, past the proxies of ours. */
  readonly clientAddress = (headers: CredentialHeaders): Address | undefined =>
    clientAddress(headers.get('x-forwarded-for'), this.isTrusted)

  /**
   * Undefined: this peer may ask. `peer` is null on a unix socket, whose file mode says who may connect.
   *
   * Security: whoever may ask chooses method, host, path and client address of the question, and reads identities
   * from the answer. Nobody is trusted by a header that a client could have set, but for the secret.
   */
  refused(peer: string | null, headers: CredentialHeaders): Denied | undefined {
    const { secretDigest, sha256 } = this.trust
    if (secretDigest !== undefined) {
      const secret = headers.get(PROXY_SECRET_HEADER)
      if (secret !== null && timingSafeEqual(sha256(secret), secretDigest)) return undefined
      return deny('untrusted_proxy', { peer, because: 'the proxy secret is missing or wrong' })
    }
    if (peer === null || this.isTrustedPeer(peer)) return undefined
    return deny('untrusted_proxy', { peer, because: 'not in trusted_proxies' })
  }

  /** Whether this peer is a proxy of ours by its address, whose word on where a call comes from is taken. */
  isTrustedPeer(peer: string): boolean {
    const remembered = this.#peers.get(peer)
    if (remembered !== undefined) return remembered
    const address = parseAddress(peer)
    const trusted = address !== undefined && this.isTrusted(address)
    if (this.#peers.size >= MAX_REMEMBERED_PEERS) this.#peers.clear()
    this.#peers.set(peer, trusted)
    return trusted
  }
}
