import type { TokenGrant } from './grant.ts'

/** The client itself, by what it authenticated with. @see RFC 6749 §4.4 */
export const clientCredentials: TokenGrant = {
  type: 'client_credentials',
  subjectOf: ({ known }) => known,
}
