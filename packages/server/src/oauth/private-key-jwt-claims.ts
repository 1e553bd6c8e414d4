import {
  type Claims,
  claimOf,
  type Denied,
  dateClaim,
  deny,
  parseJwt,
  parseName,
  textClaim,
  type UnverifiedJwt,
  VERIFICATION_ALGORITHMS,
} from '@countersign/resource-server'

/** A client assertion that would be good if it were signed by a key of the client. Nothing in it is believed yet. */
export type UnverifiedAssertion = {
  readonly jwt: UnverifiedJwt
  readonly clientId: string
  readonly jti: string
  readonly expiresAt: Date
}

/** Longer ones would keep a copied assertion useful, and its `jti` in our memory, for as long. */
const MAX_LIFE_SECONDS = 300
/** How far the clock of a client may be ahead of ours. */
export const TOLERANCE_SECONDS = 60
const TYPES: readonly (string | undefined)[] = [undefined, 'jwt', 'client-authentication+jwt']
/** The id of an assertion that is for a single use: what every database keeps as it is. */
export const SINGLE_USE_JTI = /^[\x20-\x7e]{1,256}$/
/** What is said of any other. */
export const JTI_EXPECTED = 'its jti is not 1 to 256 printable ASCII characters'

/**
 * Reads a client assertion, as far as that can be judged without the client: what is refused here costs the same
 * whoever it names.
 *
 * - `iss` and `sub` are one client id, and `client_id` too where it is sent.
 * - `aud` is our issuer and nothing else, as a text or as a list of that one text. The URL of the token endpoint, which
 *   RFC 7523 §3 would allow, is refused, and so is our issuer beside others: a client that takes its audience from the
 *   metadata of a hostile authorization server could be brought to sign an assertion for us there (audience injection,
 *   RFC 7523bis §4). Whoever names our issuer alone means us.
 * - `exp` lies ahead, at most 5 minutes. `iat`, where it is, is at most 5 minutes old: an assertion that was made ahead
 *   of its time is one that lay around. `iat` and `nbf` may be ahead by a minute, for clocks that are.
 * - `typ` is absent, `JWT` or `client-authentication+jwt`: access tokens and assertions of ours are no client's.
 * - `alg` is asymmetric.
 *
 * @see RFC 7523 §3, RFC 8725 §3.11
 */
export function readAssertion(
  text: string,
  shownId: string | undefined,
  issuer: string,
  now: Date,
): UnverifiedAssertion | Denied {
  const jwt = parseJwt(text)
  if (jwt === undefined) return assertionRefused('it is no JWT in the one form that is taken', shownId)
  const { header, claims } = jwt
  const claimed = textClaim(claims, 'sub')
  const refuse = (because: string) => assertionRefused(because, shownId ?? claimed)
  if (!TYPES.includes(header.typ)) return refuse('its typ is for something else')
  if (!Object.hasOwn(VERIFICATION_ALGORITHMS, header.alg)) return refuse('its alg is not one that is taken')

  const clientId = parseName(claimed ?? '')
  if (clientId === undefined) return refuse('its sub is no client id')
  if (textClaim(claims, 'iss') !== clientId) return refuse('its iss and sub differ')
  if (shownId !== undefined && shownId !== clientId) return refuse('its sub is not the client_id that was sent')
  if (!isForUsAlone(claimOf(claims, 'aud'), issuer)) return refuse(`its aud is not ${issuer} alone`)

  const expiresAt = dateClaim(claims, 'exp')
  if (expiresAt === undefined) return refuse('its exp is missing or no whole number of seconds')
  const lifeSeconds = secondsBetween(now, expiresAt)
  if (lifeSeconds <= 0) return refuse('it has expired')
  if (lifeSeconds > MAX_LIFE_SECONDS) return refuse(`its exp is more than ${MAX_LIFE_SECONDS} seconds ahead`)
  const misdated = whyMisdated(claims, now)
  if (misdated !== undefined) return refuse(misdated)

  const jti = textClaim(claims, 'jti')
  if (jti === undefined || !SINGLE_USE_JTI.test(jti)) return refuse(JTI_EXPECTED)
  return { jwt, clientId, jti, expiresAt }
}

/** Security: `claimed` is what was said, not who it was. */
export function assertionRefused(because: string, claimed: string | undefined): Denied {
  return deny('assertion_refused', { because, claimed: claimed?.slice(0, 64) ?? null })
}

/** Whether an audience is our issuer and nothing else, as a text or as a list of that one text. */
export function isForUsAlone(audience: unknown, issuer: string): boolean {
  return Array.isArray(audience) ? audience.length === 1 && audience[0] === issuer : audience === issuer
}

/** Security: a date that is there and cannot be read is refused, never taken for absent. */
function whyMisdated(claims: Claims, now: Date): string | undefined {
  for (const name of ['iat', 'nbf']) {
    if (!Object.hasOwn(claims, name)) continue
    const date = dateClaim(claims, name)
    if (date === undefined) return `its ${name} is no whole number of seconds`
    if (secondsBetween(now, date) > TOLERANCE_SECONDS) return `its ${name} is ahead of our clock`
    if (name === 'iat' && secondsBetween(date, now) > MAX_LIFE_SECONDS) {
      return `its iat is more than ${MAX_LIFE_SECONDS} seconds old`
    }
  }
  return undefined
}

function secondsBetween(earlier: Date, later: Date): number {
  return (later.getTime() - earlier.getTime()) / 1000
}
