import { type Denied, deny } from '@countersign/resource-server'
import type { OAuthDenied } from './error-response.ts'

/** The parameters of a request to an OAuth endpoint. What was sent without a value was not sent (RFC 6749 §3.2). */
export type Form = {
  get(name: string): string | undefined
  /** Of the one parameter that may repeat: `resource` (RFC 8707 §2). What is said twice is said once. */
  all(name: 'resource'): readonly string[]
}

const CONTENT_TYPE = /^application\/x-www-form-urlencoded[ \t]*(;|$)/i
const MAY_REPEAT = 'resource'
const NOT_ENCODED = 'A parameter is not form-encoded UTF-8.'
/** In a form all of it is encoded; and what was no UTF-8 has been repaired by whoever made a text of it. */
const NOT_ASCII = /[\x80-\uffff]/

/**
 * Reads the parameters from the body, and from the body alone: what stands in a URL ends up in logs.
 *
 * Refused as `form_malformed`: any other content type, a parameter that is there twice, what is not encoded as a form is,
 * a body without an end.
 *
 * @see RFC 6749 §3.2, Appendix B
 */
export async function readForm(request: Request): Promise<Form | OAuthDenied> {
  if (!CONTENT_TYPE.test(request.headers.get('content-type') ?? '')) {
    return mistake('The Content-Type is not application/x-www-form-urlencoded.')
  }
  let body: string
  try {
    body = await request.text()
  } catch {
    // Too long, or the caller hung up: whoever did that is not told more, and it is no fault of ours.
    return malformed('the body could not be read to its end')
  }
  return NOT_ASCII.test(body) ? mistake(NOT_ENCODED) : parseForm(body)
}

/** Read here and not by `URLSearchParams`, which guesses at what is not well encoded, and takes thrice the time. */
function parseForm(body: string): Form | OAuthDenied {
  const values = new Map<string, string>()
  const resources: string[] = []
  for (const pair of body.split('&')) {
    const equals = pair.indexOf('=')
    if (equals === -1 || equals === pair.length - 1) continue
    const name = formDecode(pair.slice(0, equals))
    const value = formDecode(pair.slice(equals + 1))
    if (name === undefined || value === undefined) return mistake(NOT_ENCODED)
    if (name === MAY_REPEAT) resources.push(value)
    else if (values.has(name)) return mistake('A parameter is there more than once.')
    else values.set(name, value)
  }
  const [resource] = resources
  if (resource !== undefined) values.set(MAY_REPEAT, resource)
  const distinct = resources.length > 1 ? [...new Set(resources)] : resources
  return { get: (name) => values.get(name), all: () => distinct }
}

const ENCODED = /[%+]/

/** Decodes one name or value; undefined: it is not what UTF-8 is encoded to. @see RFC 6749 Appendix B */
export function formDecode(text: string): string | undefined {
  if (!ENCODED.test(text)) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

/** A request that is malformed, and what the client is told of that. */
export function mistake(says: string): OAuthDenied {
  return { ...malformed(says), says }
}

export function malformed(because: string): Denied {
  return deny('form_malformed', { because })
}
