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

/**
 * Reads the parameters from the body, and from the body alone: what stands in a URL ends up in logs.
 *
 * Refused as `form_malformed`: any other content type, a parameter that is there twice, a body without an end.
 *
 * @see RFC 6749 §3.2, Appendix B
 */
export async function readForm(request: Request): Promise<Form | OAuthDenied> {
  if (!CONTENT_TYPE.test(request.headers.get('content-type') ?? '')) {
    return mistake('The Content-Type is not application/x-www-form-urlencoded.')
  }
  // Too long, or the caller hung up: whoever did that is not told more, and it is no fault of ours.
  const body = await request.text().catch(() => undefined)
  if (body === undefined) return malformed('the body could not be read to its end')
  const values = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(body)) {
    if (value === '') continue
    const before = values.get(name)
    if (before === undefined) values.set(name, [value])
    else before.push(value)
  }
  for (const [name, all] of values) {
    if (all.length > 1 && name !== MAY_REPEAT) return mistake('A parameter is there more than once.')
  }
  return { get: (name) => values.get(name)?.[0], all: (name) => [...new Set(values.get(name))] }
}

/** A request that is malformed, and what the client is told of that. */
export function mistake(says: string): OAuthDenied {
  return { ...malformed(says), says }
}

export function malformed(because: string): Denied {
  return deny('form_malformed', { because })
}
