import { type Circumstances, parseAddress, reaches } from '@countersign/resource-server'
import type { KnownCredential } from '../authentication/known-credentials.ts'
import { couldBeJwt } from '../authentication/lenient-jwt.ts'
import type { Directory } from '../directory/directory.ts'
import type { Resource } from '../domain/resource.ts'
import type { OAuthCall } from './endpoint.ts'
import type { OAuthDenied } from './error-response.ts'
import { mistake } from './form.ts'
import { tokenOf } from './shown-token.ts'

/** What an introspection asks, apart from the token. */
export type Place = {
  /** Undefined: the question is about no resource. */
  readonly resource: Resource | undefined
  /** The identifier that the form or the token names; it may be that of no resource. */
  readonly identifier: string | null
  readonly isIntrospector: boolean
}

/**
 * Reads the token that is asked about, or says what is wrong with the question, whatever that token is.
 *
 * Security: an introspector of several resources has to say at which, and that hangs on the form of the token alone:
 * else the answer would tell whether there is such a credential.
 */
export function readQuestion(call: OAuthCall, directory: Directory): string | OAuthDenied {
  const { form } = call
  const token = tokenOf(form)
  if (typeof token !== 'string') return token
  const address = form.get('client_address')
  if (address !== undefined && parseAddress(address) === undefined) {
    return mistake('client_address is no IP address; send one such as 192.0.2.1 or 2001:db8::1.')
  }
  if (form.all('resource').length > 1) return mistake('resource is there more than once.')
  if (form.get('resource') !== undefined || namesItsResource(token)) return token
  const choices = introspectedBy(call, directory).map(({ identifier }) => identifier)
  return choices.length > 1 ? mistake(`resource is missing; send one of: ${choices.join(', ')}`) : token
}

/** An access token is for one resource, and says for which. */
function namesItsResource(token: string): boolean {
  return token.startsWith('cs_at_') || couldBeJwt(token)
}

/** The resource that the form names, or the token; else the one that this client is an introspector of. */
export function placeOf(call: OAuthCall, { stored }: KnownCredential, directory: Directory): Place {
  const identifier = call.form.get('resource') ?? stored.audience
  const [only, ...others] = identifier === null ? introspectedBy(call, directory) : []
  const resource = identifier === null ? (others.length === 0 ? only : undefined) : directory.resourceOf(identifier)
  const isIntrospector = resource?.introspectors.includes(call.client.id) === true && reachesFrom(call, resource)
  return { resource, identifier, isIntrospector }
}

function introspectedBy(call: OAuthCall, directory: Directory): Resource[] {
  return directory.introspectedBy(call.client.id).filter((resource) => reachesFrom(call, resource))
}

/** What the client shows narrows also where it may ask. */
function reachesFrom({ known }: OAuthCall, { name }: Resource): boolean {
  return reaches(known.stored.narrowing, name)
}

/**
 * Under which circumstances the token is judged: from where its introspector says that it was shown; else from where
 * its owner asks. Undefined, where nobody says so: what is bound to a network is then refused.
 */
export function circumstancesOf({ form, asked }: OAuthCall, isIntrospector: boolean, isOwn: boolean): Circumstances {
  const sent = isIntrospector ? form.get('client_address') : undefined
  const fallback = () => (isOwn ? asked.clientAddress() : undefined)
  return {
    now: asked.now,
    listener: asked.listener,
    clientAddress: () => (sent === undefined ? fallback() : parseAddress(sent)),
  }
}
