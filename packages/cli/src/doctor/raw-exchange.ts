import { connect as connectPlainly, type Socket } from 'node:net'
import { connect as connectByTls } from 'node:tls'

/** Where a site is reached, whatever its name says. */
export type Place = {
  readonly host: string
  readonly port: number
  /** Undefined: without TLS. */
  readonly tls: { readonly servername: string | undefined; readonly ca: string | undefined } | undefined
}

export type RawAnswer = {
  readonly status: number
  /** By names in lower case; several of one name are joined by `, `. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** What came back for a request: an answer, or why there is none. */
export type Exchange = RawAnswer | Failure
/** Untold: the request could not be sent, or nothing came back in time. Whether it passes, nobody can tell. */
export type Failure = { readonly failure: string; readonly isUntold?: true }

const DEADLINE_MS = 10_000
/** How long the rest of an answer may take that has begun: some never end, and what they say shows at their beginning. */
const REST_MS = 2000
const MAX_CHARACTERS = 262_144

/** Sends these lines as they are, which no HTTP client would, and reads one answer. */
export function exchange(place: Place, lines: readonly string[]): Promise<Exchange> {
  return new Promise((resolve) => {
    const socket = open(place)
    let received = ''
    let isSent = false
    const finish = (result: Exchange) => {
      clearTimeout(deadline)
      socket.destroy()
      resolve(result)
    }
    const settle = (ended: boolean) => {
      const answer = parseAnswer(received, lines[0]?.startsWith('HEAD ') === true, ended)
      if (answer !== undefined) finish(answer)
      else if (ended) finish({ failure: received === '' ? 'the connection was closed' : 'the answer was cut off' })
    }
    /** What there is of an answer whose status is known. */
    const begun = () => parseAnswer(received, lines[0]?.startsWith('HEAD ') === true, true)
    const giveUp = () => {
      finish(begun() ?? { failure: 'nothing came back', isUntold: true })
    }
    let deadline = setTimeout(giveUp, DEADLINE_MS)
    let isWaitingForRest = false
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      received = (received + chunk).slice(0, MAX_CHARACTERS)
      settle(received.length === MAX_CHARACTERS)
      if (isWaitingForRest || socket.destroyed || begun() === undefined) return
      isWaitingForRest = true
      clearTimeout(deadline)
      deadline = setTimeout(giveUp, REST_MS)
    })
    socket.on('error', ({ message: failure }) => {
      finish(begun() ?? (isSent ? { failure } : { failure, isUntold: true }))
    })
    socket.on('close', () => settle(true))
    socket.once(place.tls === undefined ? 'connect' : 'secureConnect', () => {
      isSent = true
      socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
    })
  })
}

function open({ host, port, tls }: Place): Socket {
  if (tls === undefined) return connectPlainly({ host, port })
  const { servername, ca } = tls
  const chosen = { ...(servername !== undefined && { servername }), ...(ca !== undefined && { ca }) }
  return connectByTls({ host, port, ALPNProtocols: ['http/1.1'], ...chosen })
}

/**
 * The answer, once all of it is there; of one that has ended, whatever there is from its status on. Answers of the kind 1xx
 * before it are left out, but for 101, which is one.
 */
function parseAnswer(text: string, isHead: boolean, ended: boolean): RawAnswer | undefined {
  const blank = text.indexOf('\r\n\r\n')
  if (blank < 0 && !(ended && /^HTTP\/1\.[01] [0-9]{3}[^\n]*\r\n/.test(text))) return undefined
  const headEnd = blank < 0 ? text.length : blank
  const [statusLine = '', ...fields] = text.slice(0, headEnd).split('\r\n')
  const status = Number(/^HTTP\/1\.[01] ([0-9]{3})/.exec(statusLine)?.[1] ?? 0)
  const rest = text.slice(headEnd + 4)
  if (status >= 100 && status < 200 && status !== 101) return parseAnswer(rest, isHead, ended)

  const headers = new Map<string, string>()
  for (const field of fields) {
    const name = field.slice(0, field.indexOf(':')).toLowerCase()
    const value = field.slice(field.indexOf(':') + 1).trim()
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  if (isHead || status === 101 || status === 204 || status === 304) return { status, headers, body: '' }
  const length = headers.get('content-length')
  if (length !== undefined) return rest.length >= Number(length) || ended ? { status, headers, body: rest } : undefined
  const isChunked = headers.get('transfer-encoding')?.toLowerCase().includes('chunked') === true
  return ended || (isChunked && rest.endsWith('0\r\n\r\n')) ? { status, headers, body: rest } : undefined
}
