// What a text says of itself to the most lenient reader of JWTs. What claims to be ours is then for us to refuse, and no
// upstream is left to read it in its own way. Nothing is believed.

/** Whether somebody could take the text for a JWT. */
export function couldBeJwt(text: string): boolean {
  return text.startsWith('ey') && text.includes('.')
}

const BEARER_JWT = /^bearer +(ey[A-Za-z0-9_-]*)\.([A-Za-z0-9_-]+)/i
const MAX_CLAIMED_LENGTH = 64
/** Twice of what is read as a JWT. Reading costs whoever sends it nothing, and what is deeply nested costs us a lot. */
const MAX_READ_LENGTH = 16_384

/** Who a foreign bearer token says that it is of, for the operator: who registers issuers has to know. */
export function claimedIssuer(authorization: string | null): string | undefined {
  const [, , claims] = BEARER_JWT.exec(authorization ?? '') ?? []
  const iss = claims === undefined || claims.length > MAX_READ_LENGTH ? undefined : saidIn(claims, 'iss')
  return typeof iss === 'string' ? iss.slice(0, MAX_CLAIMED_LENGTH) : undefined
}

/** The member of that name in a header or in claims, in whatever spelling; undefined: it is not there, or not to be read. */
export function saidIn(part: string, name: string): unknown {
  try {
    const said: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof said === 'object' && said !== null && Object.hasOwn(said, name) ? Reflect.get(said, name) : undefined
  } catch {
    return undefined
  }
}
