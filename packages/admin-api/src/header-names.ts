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
  'Countersign-Expires',
  'Countersign-Assertion',
] as const
export type IdentityHeader = (typeof IDENTITY_HEADERS)[number]

const NAME = /^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$/
const MAX_LENGTH = 64
const IDENTITY = new Set<string>(IDENTITY_HEADERS.map((header) => header.toLowerCase()))

/** What proxies, browsers, frameworks and Countersign itself speak with. */
const SPOKEN_FOR = new RegExp(
  `^(${[
    'x-forwarded(-.*)?|x-original-.*|x-rewrite-.*|x-real-ip|x-client-ip|x-cluster-client-ip|x-envoy-.*|x-amzn-.*',
    'x-accel-.*|x-sendfile|x-lighttpd-.*|x-http-.*|x-method.*|x-host|x-requested-with',
    'x-frame-options|x-content-.*|x-xss-protection|x-dns-.*|x-permitted-.*|x-download-.*|x-ua-.*|x-robots-tag',
    'x-api-key|remote-.*|countersign-.*|sec-.*|proxy-.*|access-control-.*|content-.*|accept.*|if-.*|www-.*',
    'authorization|.*-token-binding|idempotency-key',
  ].join('|')})$`,
)

/**
 * Whether machines may be asked to send their credential in this header alone: `X-…`, or a name with the word Key,
 * Token or Authorization in it.
 *
 * Security: of a header that means something to somebody else on the way, the credential could be cut, logged or
 * obeyed.
 */
export function isCredentialHeader(header: string): boolean {
  const lower = header.toLowerCase()
  if (!NAME.test(header) || header.length > MAX_LENGTH || SPOKEN_FOR.test(lower)) return false
  return /^x-|(^|-)(key|token|authorization)(-|$)/.test(lower)
}

/**
 * The families of names in which proxies and sign-on servers hand on who somebody is: Authelia and Authentik
 * (`Remote-…`, `X-Authentik-…`), oauth2-proxy (`X-Auth-Request-…`, some of `X-Forwarded-…`), Grafana (`X-WebAuth-…`).
 */
const ALIAS = new RegExp(
  `^(${[
    'remote-(?!(addr|ip|host|port)$).+|x-(remote|auth|webauth|authentik|authelia|authenticated|token|grafana)-.+',
    'x-(user|username|email|name|groups?|roles?|scopes?|client|principal|project|who|login)',
    'x-user-(id|name|email|groups?|roles?)',
    'x-forwarded-(user|email|groups|preferred-username)',
  ].join('|')})$`,
)
/** What holds a secret there. `X-Auth-Token` is free: some upstreams read the assertion from it. */
const CREDENTIAL_WORDS = /(^|-)(key|secret|password|authorization|cookie)(-|$)|-access-token$/

/** Whether an identity header may also be sent under this name. */
export function isAlias(header: string): boolean {
  const lower = header.toLowerCase()
  if (!NAME.test(header) || header.length > MAX_LENGTH || IDENTITY.has(lower)) return false
  return ALIAS.test(lower) && !CREDENTIAL_WORDS.test(lower)
}
