// What can be said of a credential without asking anyone.

import {
  type AccessTokenFacts,
  isDenied,
  parseIssuedCredential,
  parseJwt,
  readAccessToken,
  textClaim,
  type UnverifiedJwt,
} from '@countersign/resource-server'
import { moment } from './moment.ts'
import { plain } from './text.ts'

/** Its form, never whether it is live. */
export type CredentialForm = {
  readonly form_of_ours: boolean
  readonly kind: string | null
  readonly well_formed: boolean
  /** What a JWT says of itself; anybody could have written it. */
  readonly unverified?: Readonly<Record<string, unknown>>
  readonly says: string
}

const KINDS: Record<string, string> = {
  key: 'an API key',
  pat: 'a personal access token',
  at: 'an access token',
  secret: 'a client secret',
}
const ASK_SERVER = 'Ask it: countersign explain GET <url> --credential-stdin'

export function credentialForm(text: string, now: Date): CredentialForm {
  const jwt = parseJwt(text)
  if (jwt !== undefined) return jwtForm(jwt, now)
  const parsed = parseIssuedCredential(text)
  if (parsed === undefined) {
    const says =
      'Not a credential that Countersign issues: those begin with cs_key_, cs_pat_, cs_at_ or cs_secret_, or are access ' +
      'tokens in the form of a JWT. A bootstrap key and tokens of other issuers have no such form.'
    return { form_of_ours: false, kind: null, well_formed: false, says }
  }
  if (parsed === 'mistyped') {
    const says =
      'Mistyped or cut: it begins like a credential of Countersign, but its length, alphabet or checksum is wrong. ' +
      'No server will believe it. Copy it again, whole.'
    return { form_of_ours: true, kind: null, well_formed: false, says }
  }
  const how =
    parsed.kind === 'secret'
      ? 'It is shown to the token endpoint alone, by its client: countersign token --client <id> --secret-file <path>'
      : ASK_SERVER
  const says =
    `Well formed: ${KINDS[parsed.kind] ?? parsed.kind}, and its checksum is right, so it was copied whole. ` +
    `That says nothing of whether it was issued, is live or may do anything: only the server knows. ${how}`
  return { form_of_ours: true, kind: parsed.kind, well_formed: true, says }
}

/** Security: nothing that a JWT says is believed here: its signature is not checked. */
function jwtForm({ header, claims }: UnverifiedJwt, now: Date): CredentialForm {
  const issuer = textClaim(claims, 'iss')
  const facts = issuer === undefined ? undefined : readAccessToken(header, claims, issuer)
  if (issuer === undefined || facts === undefined || isDenied(facts)) {
    const by = issuer === undefined ? 'of an issuer that it does not name' : `that says it is of ${plain(issuer)}`
    const says =
      `A JWT ${by}${header.typ === undefined ? '' : `, of type ${plain(header.typ)}`}. It is no access token in the form ` +
      'that Countersign issues: it is of another issuer, for another purpose, or was cut off when it was copied.'
    const unverified = { issuer: issuer ?? null, typ: header.typ ?? null }
    return { form_of_ours: false, kind: null, well_formed: false, unverified, says }
  }
  return {
    form_of_ours: true,
    kind: 'at',
    well_formed: true,
    unverified: {
      issuer,
      id: facts.jti,
      client: facts.clientId,
      audience: facts.audience,
      resource: facts.resource,
      scopes: facts.scopes,
      expires_at: facts.expiresAt.toISOString(),
    },
    says: tokenText(facts, issuer, now),
  }
}

function tokenText(facts: AccessTokenFacts, issuer: string, now: Date): string {
  const end = facts.expiresAt <= now ? 'expired' : 'expires'
  const lines = [
    `id        ${facts.jti}`,
    `issuer    ${issuer}`,
    `client    ${facts.clientId}`,
    `resource  ${facts.resource} (${facts.audience})`,
    `scopes    ${facts.scopes.join(' ')}`,
    `${end}   ${moment(facts.expiresAt.toISOString(), now)}`,
  ]
  const said = lines.map((line) => `  ${plain(line)}`).join('\n')
  return (
    `Well formed: an access token (JWT). It says:\n${said}\n` +
    `Not verified: its signature is not checked here, so anybody could have written that, and it may be revoked. ${ASK_SERVER}`
  )
}
