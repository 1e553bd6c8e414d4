// Differences that several cases share. Of each pair ours is the first.
import type { Difference } from './case.ts'

const UNAUTHENTICATED = {
  status: [401, 400],
  error: ['invalid_client', 'invalid_request'],
  challenge: ['Basic', null],
} as const
export const noClient = (because: string): Difference => ({ ...UNAUTHENTICATED, because })

/** What was shown and cannot be read is a failed authentication like any other. */
export const UNREADABLE = noClient(
  'RFC 6749 §5.2: whoever tried in the Authorization header is answered 401 with a challenge',
)
export const NOT_SHOWN = noClient('RFC 6749 §5.2: no client authentication is what invalid_client is for')
export const CHALLENGED: Difference = {
  challenge: ['Basic', null],
  because: 'RFC 9110 §15.5.2: every 401 says how to authenticate, wherever the client tried to',
}
export const GRANTED = 'access_token expires_in scope token_type'
export const named = (scope: string): Difference => ({
  members: [GRANTED, 'access_token expires_in token_type'],
  scope: [scope, undefined],
  because: 'RFC 6749 §3.3: what is granted is named when it is not what was asked for, and nothing was',
})
export const NAMED = named('files:read files:write')
export const refused = (error: string, because: string, challenge?: readonly ['Basic', null]): Difference => ({
  status: [challenge === undefined ? 400 : 401, 200],
  error: [error, null],
  ...(challenge !== undefined && { challenge }),
  members: ['error', 'access_token expires_in token_type'],
  because,
})
export const METHOD: Difference = {
  status: [405, 404],
  error: ['invalid_request', null],
  cache: ['no-store', null],
  members: ['error', ''],
  because: 'RFC 9110 §15.5.6: the address is right and the method wrong, and Allow names the one that is served',
}
