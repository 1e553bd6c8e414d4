// Which header names a resource may choose, and which are spoken for.

/** The headers of an allowed request, in the order they are sent. */
export const IDENTITY_HEADERS = [
  'Remote-User',
  'Remote-Name',
  'Remote-Email',
  'Remote-Groups',
  'Remote-Principal',
  'Remote-Client',
  'Remote-Roles',
  'Remote-Scopes',
  'Remote-Project',
  'Remote-Credential',
  'Countersign-Assertion',
] as const
export type IdentityHeader = (typeof IDENTITY_HEADERS)[number]

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/
const ALIAS = /^(X|Remote)-[A-Za-z0-9]+(-[A-Za-z0-9]+)*$/i
const IDENTITY = new Set<string>(IDENTITY_HEADERS.map((header) => header.toLowerCase()))

/** Prefixes that proxies and Countersign itself speak with. */
const SPOKEN_FOR = /^(x-forwarded-|x-original-|x-envoy-|remote-|countersign-|sec-|proxy-)/
const TAKEN = new Set([
  ...[
    'authorization',
    'cookie',
    'set-cookie',
    'host',
    'x-api-key',
    'x-real-ip',
    'forwarded',
    'via',
    'origin',
    'referer',
  ],
  ...['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'content-length', 'content-type'],
  ...['accept', 'access-control-request-method', 'access-control-request-headers', 'destination', 'user-agent'],
])

/** Whether machines may be asked to send their credential in this header alone. */
export function isCredentialHeader(header: string): boolean {
  const lower = header.toLowerCase()
  return TOKEN.test(header) && !header.includes('_') && !TAKEN.has(lower) && !SPOKEN_FOR.test(lower)
}

/** Whether an identity header may also be sent under this name. */
export function isAlias(header: string): boolean {
  const lower = header.toLowerCase()
  if (!ALIAS.test(header) || header.length > 64 || IDENTITY.has(lower)) return false
  return !/^x-(forwarded|original|envoy)-/.test(lower) && lower !== 'x-real-ip' && lower !== 'x-api-key'
}
