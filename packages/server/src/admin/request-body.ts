import { Rejected } from './problem.ts'

const MAX_BODY_BYTES = 65_536

/** Reads the body as UTF-8 text, at most 64 KiB of it, whatever its header says of its length. */
export async function readBodyText(request: Request): Promise<string> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge()
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let bytes = 0
  let text = ''
  try {
    for await (const chunk of request.body ?? []) {
      bytes += chunk.byteLength
      if (bytes > MAX_BODY_BYTES) throw tooLarge()
      text += decoder.decode(chunk, { stream: true })
    }
    return text + decoder.decode()
  } catch (error) {
    if (isOverLimit(error)) throw tooLarge()
    if (error instanceof TypeError) throw new Rejected('invalid_body', 'Send the body in UTF-8.')
    if (isAborted(error)) throw new Rejected('invalid_body', 'The body ended before it was whole.')
    throw error
  }
}

/** The listener has the same limit, and ends the body when it is past it. */
function isOverLimit(error: unknown): boolean {
  return error instanceof Error && error.message.includes('maxRequestBodySize')
}

/**
 * Whoever sent it has gone. Nobody is there to be answered, and it is no failure of ours: a stranger may do it as often
 * as they like, and must not fill the log with errors.
 */
function isAborted(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

function tooLarge(): Rejected {
  return new Rejected('too_large', `Send at most ${MAX_BODY_BYTES} bytes.`)
}
