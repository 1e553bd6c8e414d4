import {
  type Address,
  type Circumstances,
  type CredentialHeaders,
  formatAddress,
  type Listener,
  type RequestTarget,
} from '@countersign/resource-server'
import type { Resource } from '../domain/resource.ts'

/** How the question was put, which is also how the answer is put. */
export type Dialect = 'forward' | 'nginx' | 'api' | 'oauth'
/** Those in which a proxy asks. */
export type ProxyDialect = Exclude<Dialect, 'api' | 'oauth'>

/** What a proxy, or the management API for itself, asks: may this request pass? */
export class AskedRequest implements Circumstances {
  // A plain field: private ones are defined anew for each object, which costs more than the rest of this class.
  private address: Address | undefined | null = null

  constructor(
    readonly dialect: Dialect,
    readonly now: Date,
    readonly listener: Listener,
    readonly method: string,
    readonly scheme: 'http' | 'https',
    /** Canonical. */
    readonly host: string,
    readonly target: RequestTarget,
    /** As it was sent, with its query. */
    private readonly rawTarget: string,
    readonly headers: CredentialHeaders,
    private readonly readClientAddress: (headers: CredentialHeaders) => Address | undefined,
    /** Set where the host does not choose it: the management API asks for itself. */
    readonly resource: Resource | undefined = undefined,
  ) {}

  /** For the operator: a credential in the query is never read, and now stands in the logs of whatever passed it. */
  hasCredentialInQuery(): boolean {
    return /[?&](?:[^&=]*=)?cs_[a-z]+_|[?&](?:access_token|api_?key|token)=/i.test(this.rawTarget)
  }

  /** Undefined: not known. Read when it is first needed. */
  clientAddress(): Address | undefined {
    if (this.address === null) this.address = this.readClientAddress(this.headers)
    return this.address
  }

  clientAddressText(): string | null {
    const address = this.clientAddress()
    return address === undefined ? null : formatAddress(address)
  }
}
