import type { Place } from './raw-exchange.ts'

/** The protected site that is tried, and what every request of this run has. */
export type Site = {
  readonly url: URL
  readonly place: Place
  /** As a client writes it in `Host`. */
  readonly host: string
  /** A word that no other run has: in paths, and in what is made up. */
  readonly nonce: string
  /** The only header that machines show a key in there, if the resource has one of its own. */
  readonly credentialHeader: string | null
  /** A line with a key that nobody has, well formed: Countersign refuses every request that shows it. */
  readonly unknownKey: string
}

/** The path of a probe: nothing stands there, and the record of the decision is found by it. */
export function pathOf({ nonce }: Site, id: string): string {
  return `/countersign-doctor-${nonce}/${id}`
}

/** A request as it is sent: its first line, `Host`, the key, and what it tries. */
export function request(site: Site, firstLine: string, ...more: readonly string[]): string[] {
  return [`${firstLine} HTTP/1.1`, `Host: ${site.host}`, site.unknownKey, ...more, 'User-Agent: countersign-doctor']
}
