// Where secrets and tokens may be sent.

/** Says whether what is sent there stays unread on the way: https, or this machine. */
export function isConfidential(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}

/**
 * Reads the address of an authorization server's endpoint that the configuration or its metadata names.
 *
 * Throws a `TypeError` that says what `name` was expected to be. The text is quoted only if it holds no user name,
 * password or query, which may be secrets.
 */
export function parseEndpoint(name: string, text: string): URL {
  const expected = `${name}: expected an https: URL (http: only on loopback) without user name or fragment`
  if (!URL.canParse(text)) throw new TypeError(expected)
  const url = new URL(text)
  const isBare = url.username === '' && url.password === '' && url.search === ''
  if (!isConfidential(url) || url.username !== '' || url.password !== '' || text.includes('#')) {
    throw new TypeError(isBare ? `${expected}, not ${url.origin}${url.pathname}` : expected)
  }
  return url
}

/** How an address is told in errors: never its query. */
export function nameOf(url: URL): string {
  return `${url.origin}${url.pathname}`
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.[0-9]+){3}$/.test(hostname)
}
