/** Attacks on what this server does not have, or does not do, by now. A row leaves with the feature that needs it. */
export const NOT_YET: Readonly<Record<string, string>> = {
  'OPQ-08': 'There is one node: several need a database that they share.',
  'ADM-09': 'There are no issuers: this server fetches nothing from an address that it is told.',
  'ADM-10': 'There are no issuers.',
  'ADM-11': 'There are no issuers, so no claim is taken for a role.',
  'ADM-13': 'There is no Idempotency-Key: whoever sends a call again makes another key, and sees both in the list.',
  'FWD-30': 'There is no Envoy dialect and no configuration for it.',
  'FWD-36': 'A proxy asks once a connection: a revocation does not cut one that is open. Nothing here could.',
  'FWD-37': 'There are no sessions: a cookie is no credential, so there is nothing to forge a request with.',
}
