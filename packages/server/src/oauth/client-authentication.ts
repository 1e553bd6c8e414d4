import { type Denied, deny } from '@countersign/resource-server'
import { type Form, formDecode } from './form.ts'

/** How a client says who it is, not yet believed. */
export type ShownClient =
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly id: string; readonly secret: string }
  | { readonly method: 'private_key_jwt'; readonly id: string | undefined; readonly assertion: string }

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
/** Two Authorization fields arrive as one: a comma, and another scheme after it. */
const TWO_FIELDS = /, *[a-z0-9-]+ /i

/**
 * Finds the one way in which a client authenticates. Two ways are refused also when they agree.
 *
 * @see RFC 6749 §2.3.1, RFC 7521 §4.2
 */
export function readClientAuthentication(request: Request, form: Form): ShownClient | Denied {
  const authorization = request.headers.get('authorization')
  const id = form.get('client_id')
  const secret = form.get('client_secret')
  const assertion = form.get('client_assertion')
  const assertionType = form.get('client_assertion_type')
  const isAssertionShown = assertion !== undefined || assertionType !== undefined
  const ways = Number(authorization !== null) + Number(secret !== undefined) + Number(isAssertionShown)
  if (ways > 1 || (authorization !== null && TWO_FIELDS.test(authorization))) return deny('client_ambiguous')
  if (authorization !== null) return readBasic(authorization, id)
  if (secret !== undefined && id !== undefined) return { method: 'client_secret_post', id, secret }
  if (assertion !== undefined && assertionType === ASSERTION_TYPE) {
    return { method: 'private_key_jwt', id, assertion }
  }
  return deny('client_unauthenticated', { because: missing(request, ways, id) })
}

function missing({ url }: Request, ways: number, id: string | undefined): string {
  if (/[?&]client_(secret|assertion)=/.test(url)) return 'what was sent in the URL is not read'
  if (ways === 0) return id === undefined ? 'nothing was sent' : 'a client_id alone was sent'
  return 'client_id or client_assertion_type is missing or another'
}

const BASIC = /^basic +[A-Za-z0-9+/]+={0,2}$/i

/** Id and secret, each form-encoded, then joined and in base64. @see RFC 6749 §2.3.1, Appendix B */
function readBasic(authorization: string, bodyId: string | undefined): ShownClient | Denied {
  if (!BASIC.test(authorization)) {
    return deny('client_unauthenticated', { because: 'the Authorization header is not Basic' })
  }
  const pair = base64Decode(authorization.slice(authorization.lastIndexOf(' ') + 1))
  const colon = pair.indexOf(':')
  const id = colon === -1 ? undefined : formDecode(pair.slice(0, colon))
  const secret = formDecode(pair.slice(colon + 1))
  if (!id || !secret) return deny('client_unauthenticated', { because: 'Basic holds no id and secret' })
  if (bodyId !== undefined && bodyId !== id) return deny('client_ambiguous', { because: 'client_id is another one' })
  return { method: 'client_secret_basic', id, secret }
}

/** Empty: it is none. */
function base64Decode(text: string): string {
  try {
    return atob(text)
  } catch {
    return ''
  }
}
