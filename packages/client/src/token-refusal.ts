// An answer of the token endpoint that is no token, as an error that may be shown and logged.
import { parseBase64 } from './base64url.ts'
import type { JsonAnswer } from './json-answer.ts'
import { TokenRequestError } from './token-request-error.ts'

const MAX_DESCRIPTION_LENGTH = 300
/** RFC 6749 §5.2 */
const ERROR_CODE = /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,80}$/
const DECISION_ID = /^[A-Za-z0-9_-]{1,80}$/

/** What was sent to the token endpoint. */
type Sent = { readonly body: URLSearchParams; readonly headers: Headers }

/**
 * Reads why there is no token.
 *
 * Security: what was sent to authenticate is cut out of the server's words before they are kept.
 *
 * @see RFC 6749 §5.2
 */
export function refusalOf({ status, headers, body }: JsonAnswer, sent: Sent, now: Date): TokenRequestError {
  const secrets = secretsIn(sent)
  const text = (value: unknown) => (typeof value === 'string' ? withoutSecrets(value, secrets) : undefined)
  const error = text(body.error)
  const decisionId = text(headers.get('Countersign-Decision'))
  return new TokenRequestError({
    error: error !== undefined && ERROR_CODE.test(error) ? error : 'unexpected_answer',
    description: text(body.error_description)
      ?.replaceAll(/[^\x20-\x7e]/g, '?')
      .slice(0, MAX_DESCRIPTION_LENGTH),
    status,
    decisionId: decisionId !== undefined && DECISION_ID.test(decisionId) ? decisionId : undefined,
    retryAfterSeconds: parseRetryAfter(headers.get('Retry-After'), now),
  })
}

/** Whole seconds to wait, from a number of them or a date (RFC 9110 §10.2.3); undefined: neither. */
export function parseRetryAfter(text: string | null, now: Date): number | undefined {
  if (text === null) return undefined
  if (/^[0-9]{1,9}$/.test(text)) return Number(text)
  const at = /^[A-Z][a-z]{2}, .* GMT$/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now.getTime()) / 1000))
}

function secretsIn({ body, headers }: Sent): string[] {
  const authorization = headers.get('Authorization')?.replace(/^\S+ /, '') ?? ''
  const isBasic = headers.get('Authorization')?.startsWith('Basic ') === true
  // What an authentication of the caller's own made of it need not be base64.
  const pair = new TextDecoder('latin1').decode(isBasic ? parseBase64(authorization) : undefined)
  const password = pair.replace(/^[^:]*:/, '')
  const plain = new URLSearchParams(`v=${password}`).get('v')
  const found = [body.get('client_secret'), body.get('client_assertion'), authorization, password, plain]
  return found.flatMap((secret) => (secret === null || secret === '' ? [] : spellingsOf(secret)))
}

/** As it is, and as it goes over the wire in a form or in a URL. */
function spellingsOf(secret: string): string[] {
  const encoded = new URLSearchParams({ v: secret }).toString().slice('v='.length)
  return [secret, encoded, encoded.replaceAll('+', '%20')]
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, secret) => left.replaceAll(secret, '[removed]'), text)
}
