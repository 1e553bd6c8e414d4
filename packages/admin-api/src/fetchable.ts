const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/

/**
 * Whether something may be fetched at this address: by https, or from this machine, and without user name and fragment.
 *
 * Security: what is fetched without TLS is whatever somebody on the way says.
 */
export function isFetchable(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  const isBare = username === '' && password === '' && !text.includes('#')
  return isBare && (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname)))
}
