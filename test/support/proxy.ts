import type { Program } from './program.ts'

/** Where a proxy under test listens and what it speaks to. */
export type ProxyAddresses = {
  readonly port: number
  /** `host:port` of Countersign. */
  readonly verifyAddress: string
  readonly upstreamPort: number
  /** For its configuration and its own files. */
  readonly directory: string
  /** With it the snippet's line that sends the secret is used, as the guide says. */
  readonly proxySecret?: string
}

/** Starts a real proxy with the snippet of its guide. */
export type StartProxy = (addresses: ProxyAddresses) => Promise<Program>
