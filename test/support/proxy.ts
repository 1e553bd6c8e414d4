import type { Program } from './program.ts'

/** Where a proxy under test listens and what it speaks to. */
export type ProxyAddresses = {
  readonly port: number
  /** `host:port` of Countersign. */
  readonly verifyAddress: string
  readonly upstreamPort: number
  /** For its configuration and its own files. */
  readonly directory: string
}

/** Starts a real proxy with the snippet of its guide. */
export type StartProxy = (addresses: ProxyAddresses) => Promise<Program>
