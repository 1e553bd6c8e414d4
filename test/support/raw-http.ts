// HTTP as bytes, for requests that no decent client sends.

const DEADLINE_MS = 10_000

export type RawAnswer = {
  readonly status: number
  readonly headers: Headers
  readonly body: string
  /** Whether `100 Continue` came first: the proxy was ready to take the body. */
  readonly continued: boolean
}

/** Sends one request, its lines joined by CRLF, and reads one answer. */
export async function rawRequest(port: number, lines: readonly string[], body = ''): Promise<RawAnswer> {
  let received = ''
  const arrived = Promise.withResolvers<RawAnswer>()
  const settle = (ended: boolean) => {
    const answer = parseAnswer(received, ended)
    if (answer !== undefined) arrived.resolve(answer)
    else if (ended) arrived.reject(new Error(`no whole answer: ${JSON.stringify(received)}`))
  }
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      data(_, chunk) {
        received += chunk.toString('latin1')
        settle(false)
      },
      close: () => settle(true),
      error: (_, failure) => arrived.reject(failure),
    },
  })
  const deadline = setTimeout(() => arrived.reject(new Error(`no answer: ${JSON.stringify(received)}`)), DEADLINE_MS)
  socket.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1'))
  try {
    return await arrived.promise
  } finally {
    clearTimeout(deadline)
    socket.end()
  }
}

/** The answer, once all of it is there: by Content-Length, by the last chunk, or by the end of the connection. */
function parseAnswer(text: string, ended: boolean): RawAnswer | undefined {
  const continued = /^HTTP\/1\.1 100 [\s\S]*?\r\n\r\n/.exec(text)
  if (continued !== null) {
    const answer = parseAnswer(text.slice(continued[0].length), ended)
    return answer && { ...answer, continued: true }
  }
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const [statusLine = '', ...fields] = text.slice(0, headEnd).split('\r\n')
  const headers = new Headers()
  for (const field of fields)
    headers.append(field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 1).trim())
  const body = text.slice(headEnd + 4)

  const length = headers.get('content-length')
  const status = Number(statusLine.split(' ')[1])
  const isWhole = length === null ? status === 101 || body.endsWith('0\r\n\r\n') : body.length >= Number(length)
  if (!isWhole && !ended) return undefined
  return { status, headers, body, continued: false }
}
