import { expandScopes, type RefusalCode, TOO_LONG_TO_READ, whyLegacyToken } from '@countersign/resource-server'
import type { StoredCredential, SubjectRef } from '../domain/credential.ts'
import type { DeniedDecision } from './decision.ts'

type Facts = {
  readonly detail: Readonly<Record<string, unknown>>
  readonly kind: StoredCredential['kind'] | undefined
  readonly credential: string
  readonly owner: string
  readonly resource: string
  /** Flags of the command that gives a permission. */
  readonly holder: string
  /** What the credential is narrowed to; null: by scopes it is not. */
  readonly narrowed: readonly string[] | null
  /** The command that does this to the owner. */
  readonly named: (verb: string) => string
}

/** What happened and what to do about it, for the operator. One line a code; the caller is never told this. */
const SENTENCES: Record<RefusalCode, (facts: Facts) => string> = {
  untrusted_proxy: ({ detail }) =>
    `${text(detail.peer ?? 'Somebody')} asked for a decision but may not: ${text(detail.because)}. If that is your proxy, add its address to COUNTERSIGN_TRUSTED_PROXIES or let it send the proxy secret.`,
  request_malformed: ({ detail }) =>
    detail.missing === undefined
      ? `The proxy did not describe the request properly: ${text(detail.because)}.`
      : `The proxy did not send ${text(detail.missing)}. Compare its configuration with the guide.`,
  target_malformed: () =>
    'The request target holds something that two programs read in two ways (dot segments, backslashes, control bytes, bad escapes). It is refused for everybody.',
  target_ambiguous: ({ resource }) =>
    `The request target holds ";", "%2f" or "//", and ${resource} has rules that look at the path. An upstream may read it otherwise than the rules do, so it is refused.`,
  destination_malformed: ({ detail }) =>
    `COPY and MOVE need a Destination header that can be checked; this one is ${text(detail.because ?? 'malformed')}.`,
  destination_host_refused: () => 'The Destination of COPY or MOVE is on another host than the request.',
  host_unknown: ({ detail }) =>
    detail.without_port !== undefined
      ? `Resource ${text(detail.without_port)} has this host without the port. Add ${text(detail.host)} too: countersign resource update ${text(detail.without_port)} --add-host ${text(detail.host)}.`
      : `No resource has the host ${text(detail.host)}. Add it to the hosts of a resource, or correct the proxy.`,
  rule_missing: ({ resource, detail }) =>
    `No rule of ${resource} covers ${text(detail.method)} at this path. What no rule allows is refused; add one: countersign resource update.`,
  credential_missing: ({ detail }) =>
    detail.in_query === true
      ? 'A credential was sent in the query, where it is never read. Revoke it: it stands in the logs of whatever passed it. Send it as Bearer.'
      : 'No credential was sent. The caller has to send one as Bearer, as the password of Basic, or in X-Api-Key.',
  credential_malformed: ({ detail }) =>
    detail.because === 'empty'
      ? 'A header for a credential came with nothing in it: perhaps the variable that should hold the key is empty.'
      : detail.because === 'empty password'
        ? 'Basic came with an empty password. The credential is the password; the user name may be anything.'
        : `A credential was sent in a form that cannot be read (${text(detail.via ?? 'malformed')}). Send "Authorization: Bearer <credential>".`,
  credential_ambiguous: () => 'Two credentials were sent. Send one: Authorization or X-Api-Key.',
  credential_foreign: ({ resource, detail }) =>
    detail.because === TOO_LONG_TO_READ
      ? `Nobody looked at the credential: ${TOO_LONG_TO_READ}. Have its issuer put less into it, such as roles in place of groups.`
      : detail.because !== undefined
        ? 'One of our credentials was sent, but without Bearer. Send "Authorization: Bearer <credential>".'
        : `${foreign(detail)} If it is meant for the upstream itself, set foreign_credentials: pass, or a credential_header, on ${resource}.`,
  credential_mistyped: () =>
    'The credential looks like ours, but its checksum is wrong: it was cut off or mistyped when it was copied.',
  credential_unknown: () =>
    'The credential is well formed, but there is none like it here: it was made elsewhere, or guessed.',
  token_malformed: () =>
    'A JWT that says it is ours is not in the one form that ours have: it was altered, or cut off when it was copied.',
  token_unverified: ({ detail }) =>
    `A JWT that says it is ours is not: ${text(detail.because)} is wrong. It is forged, or its signing key was retired.`,
  audience_refused: ({ credential, owner, resource, detail }) =>
    detail.issuer !== undefined
      ? `The token of issuer ${text(detail.issuer)} is for ${text(detail.audience)}, which is not the identifier of ${resource}. Have the issuer put the identifier into aud; or, where it cannot, add it to the audience_aliases of ${resource}.`
      : `${credential} of ${owner} was issued for ${text(detail.audience)}, which is not the identifier of ${resource}. The client has to ask for a token with resource=<identifier>.`,
  external_token_refused: ({ detail }) =>
    `The token of issuer ${text(detail.issuer)} is refused: ${text(detail.because)}.`,
  issuer_disabled: ({ detail }) =>
    `Tokens of issuer ${text(detail.issuer)} are refused while it is disabled. To believe them again: countersign issuer enable ${text(detail.issuer)}.`,
  trust_rule_missing: ({ detail }) =>
    `The token of issuer ${text(detail.issuer)} is genuine, but no trust rule says whom ${text(detail.subject)} stands for.${nearest(detail)}${detail.shadow === undefined ? '' : ` The rule ${text(detail.shadow)} fits, but is in mode shadow: countersign trust update ${text(detail.shadow)} --mode enforce.`}`,
  credential_kind_refused: ({ detail }) => `A credential of kind ${text(detail.kind)} is not accepted here.`,
  credential_revoked: ({ credential, owner, detail }) =>
    `${credential} of ${owner} was revoked at ${text(detail.revoked_at)} by ${text(detail.revoked_by)}${detail.revoked_with === 'the credential' ? '' : ` with ${text(detail.revoked_with)}`}${detail.reason === null ? '' : ` («${text(detail.reason)}»)`}. Make a new one: it cannot be brought back.`,
  credential_not_yet_valid: ({ credential, owner, detail }) =>
    `${credential} of ${owner} is not valid before ${text(detail.not_before)}.`,
  credential_expired: ({ kind, credential, owner, detail }) =>
    `${credential} of ${owner} expired at ${text(detail.expired_at)}. ${instead(kind)}`,
  owner_missing: ({ credential, owner }) => `${credential} is refused since its owner, ${owner}, was deleted.`,
  owner_disabled: ({ credential, owner, named }) =>
    `${credential} is refused while its owner, ${owner}, is disabled. To believe it again: ${named('enable')}.`,
  credential_network_refused: ({ credential, owner, detail }) =>
    detail.listener !== undefined
      ? `${credential} belongs to ${owner}, which is believed on the ${text(detail.listener)} listener alone.`
      : `${credential} of ${owner} was used from ${text(detail.from)}, outside the networks of the ${text(detail.of)}. If that is your proxy, it does not say where the call comes from.`,
  resource_disabled: ({ resource }) => `${resource} is disabled.`,
  client_address_unknown: ({ detail }) =>
    detail.introspected_by !== undefined
      ? `The ${text(detail.needed_by)} asks for a network, but ${text(detail.introspected_by)} did not say where it was shown from (client_address).`
      : `The ${text(detail.needed_by)} asks for a network, but the proxy did not say where the request comes from (X-Forwarded-For, or X-Real-IP with nginx).`,
  resource_not_granted: ({ credential, resource, detail }) =>
    Array.isArray(detail.granted) && detail.granted[0] === 'full'
      ? `${credential} names no resources, and the management API has to be named. Make a credential for it: --resource countersign.`
      : `${credential} was made for ${text(detail.granted)}, not for ${resource}.`,
  permission_missing: ({ owner, resource, holder }) =>
    `${owner} holds no permission on ${resource}, directly or by a group that is enabled. Give it one: countersign permission create ${holder} --scope <scope>.`,
  project_not_granted: ({ credential, detail }) =>
    `${credential} was used on project ${text(detail.project)} but reaches ${text(detail.confined_to)} alone.`,
  project_not_captured: ({ credential, detail }) =>
    `${credential} is confined to ${text(detail.confined_to)}, and this rule's path names no project. Capture it (:project) or say "project": "any".`,
  principal_kind_refused: ({ owner, detail }) =>
    `${owner} is a ${text(detail.kind)}; this rule accepts ${text(detail.accepted)}.`,
  network_refused: ({ detail }) =>
    `The rule accepts only certain networks, and ${text(detail.from)} is in none of them.`,
  listener_refused: ({ detail }) => `The rule is for the ${text(detail.needed)} listener alone.`,
  scope_missing: ({ credential, owner, resource, holder, narrowed, named, detail }) =>
    narrowedAway(narrowed, detail.missing)
      ? `${credential} of ${owner} was made for ${text(narrowed)} alone, and ${resource} asks for ${text(detail.missing)} here. No permission widens it: use or make another one. What its owner may: ${named('show')}.`
      : `${credential} of ${owner} lacks ${text(detail.missing)} on ${resource}. Give it to the owner: countersign permission create ${holder}${scopeFlags(detail.missing)}.`,
  role_missing: ({ owner, resource, detail }) =>
    `${owner} needs one of the roles ${text(detail.any_of)} on ${resource}.`,
  group_missing: ({ owner, detail }) => `${owner} needs to be in one of the groups ${text(detail.any_of)}.`,
  groups_overage: ({ detail }) =>
    `The token of issuer ${text(detail.issuer)} does not list the groups of its subject: they were too many (${text(detail.because)}). Have the issuer send roles, or only the groups that are assigned to the application.`,
  would_escalate: ({ owner, detail }) =>
    `${owner} asked the management API for more than it may give: ${text(detail.because)}`,
  minting_refused: ({ credential, owner, detail }) =>
    `${credential} of ${owner} asked for a new credential. ${text(detail.because)}`,
  identity_too_large: ({ owner, detail }) =>
    `The identity of ${owner} takes ${text(detail.bytes)} bytes of headers; proxies break above ${text(detail.most)}. Put it in fewer groups.`,
  client_unauthenticated: ({ detail }) =>
    `${detail.claimed === undefined ? 'No client' : `Whoever says to be client ${text(detail.claimed)}`} could ${detail.claimed === undefined ? '' : 'not '}be authenticated: ${text(detail.because)}. Send its id and secret by Basic or in the form, or a client assertion.`,
  client_method_refused: ({ owner, detail, named }) =>
    `${owner} authenticated by ${text(detail.auth_method)}, for which it is not registered. To allow that alone: ${named('update')} --auth-method ${text(detail.auth_method)}.`,
  client_mismatch: ({ credential, detail }) =>
    `${credential} belongs to ${text(detail.of)}, but the client said that it is ${text(detail.claimed)}.`,
  assertion_refused: ({ detail }) =>
    `The client assertion of ${text(detail.claimed ?? 'a client')} is refused: ${text(detail.because)}.`,
  assertion_replayed: ({ detail }) =>
    `A client assertion of ${text(detail.client)} was used a second time. Each needs a jti of its own; if nobody sent it twice, it was copied.`,
  workload_required: ({ detail }) =>
    `The client ${text(detail.client).replace(/^client:/, '')} gets tokens only beside a token of a workload that the trust rule ${text(detail.rule)} fits: ${text(detail.because)}.`,
  client_ambiguous: () =>
    'The client was authenticated in two ways at once. Send one: Basic, client_id and client_secret, or an assertion.',
  client_throttled: ({ detail }) =>
    `Too many attempts to authenticate failed (${text(detail.of)}). Others are not held up; this one may try again soon.`,
  revocations_throttled: ({ detail }) =>
    `${text(detail.of)} revokes its access tokens faster than one a second, after the first ${text(detail.at_once)}; this one still lives. To end all of them: countersign revoke --client.`,
  form_malformed: ({ detail }) => `A request to an OAuth endpoint could not be read: ${text(detail.because)}.`,
  grant_type_unsupported: ({ detail }) => `The grant type ${text(detail.asked)} was asked for, which is not supported.`,
  grant_type_refused: ({ owner, detail }) =>
    `${owner} asked for the grant ${text(detail.asked)}, for which it is not registered: see "grants" of the client.`,
  target_refused: ({ owner, detail }) =>
    `${owner} asked for a token for a resource that it cannot have (${text(detail.because)}). ${Array.isArray(detail.choices) && detail.choices.length > 0 ? `It may ask for: ${text(detail.choices)}.` : 'It has a permission on none that this credential reaches: give it one with countersign permission create.'}`,
  scope_refused: ({ owner, detail }) =>
    detail.because === 'too long'
      ? `A JWT for ${owner} would be longer than 8192 characters: it has too many scopes, projects or networks. Narrow the secret, or let the resource issue opaque tokens.`
      : detail.because !== undefined
        ? `${owner} sent a scope that is malformed.`
        : `${owner} asked for scopes of which it may have none. Asked: ${text(detail.asked)}; permitted: ${text(detail.permitted)}.`,
  token_not_owned: ({ credential, owner, resource, detail }) =>
    detail.introspected_by === undefined
      ? `${owner} tried to revoke ${text(detail.token)}, which belongs to ${text(detail.of)}.`
      : `${text(detail.introspected_by)} asked about ${credential} of ${owner}. It may ask about its own alone, as long as it is not among the introspectors of ${resource}.`,
  store_unavailable: ({ detail }) => `The database could not be asked: ${text(detail.because)}.`,
  store_busy: ({ detail }) => `Too many look-ups or signature checks at once: ${text(detail.because)}.`,
  revision_unconfirmed: ({ detail }) =>
    `The database has not confirmed for 5 seconds what this node knows, and could not be asked: ${text(detail.because)}.`,
  keys_unavailable: ({ detail }) =>
    `The keys of ${text(detail.of)} could not be fetched or read; the log says why. They are asked for again by themselves.`,
  internal_error: () => 'A bug of Countersign. The log holds the error under the same decision id.',
}

const KIND_NAMES: Readonly<Record<StoredCredential['kind'], string>> = {
  key: 'key',
  pat: 'personal access token',
  at: 'access token',
  secret: 'client secret',
  bootstrap: 'key',
  client_key: 'client key',
  jwt: 'token',
  host: 'operator of the host',
}

/** `detail` is that of the verdict, made fit for people and records. */
export function sentenceOf(decision: DeniedDecision, detail: Facts['detail']): string {
  const { verdict, caller, resource } = decision
  const stored = caller?.known.stored
  const sentence = SENTENCES[verdict.code]({
    detail,
    kind: stored?.kind,
    credential:
      stored === undefined
        ? 'The credential'
        : stored.name === ''
          ? `The ${KIND_NAMES[stored.kind]} ${stored.id}`
          : `"${stored.name}" (${stored.id})`,
    owner: stored === undefined ? 'the caller' : `${stored.owner.kind} ${stored.owner.id}`,
    holder: stored === undefined ? '' : `${holderFlag(stored.owner)} --resource ${resource?.name ?? '<name>'}`,
    narrowed: stored?.narrowing.scopes ?? null,
    named: (verb) => (stored === undefined ? '' : commandFor(verb, stored.owner)),
    resource: resource === undefined ? 'the resource' : `resource ${resource.name}`,
  })
  const at = detail.concerns === 'Destination' ? ' This concerns the Destination.' : ''
  return sentence.charAt(0).toUpperCase() + sentence.slice(1) + at
}

/** Instead of what has expired. */
function instead(kind: string | undefined): string {
  if (kind === 'at') return 'Access tokens are short-lived: get another one from the token endpoint.'
  if (kind === 'jwt') return 'Fetch another one from its issuer; or, if it was fetched just now, compare the clocks.'
  return 'Make a new one, or rotate earlier next time.'
}

function foreign({ claimed_issuer: iss }: Facts['detail']): string {
  if (iss === undefined) return 'The credential is not one of ours.'
  const legacy = whyLegacyToken({ iss })
  if (legacy !== undefined) return `The credential is never believed: ${legacy}.`
  return `The credential is a JWT that says it is of ${text(iss)}, and no issuer of that iss is registered. If you trust it: countersign issuer create.`
}

/** A workload holds nothing by itself: permissions are given to its groups. */
function holderFlag({ kind, id }: SubjectRef): string {
  return kind === 'workload' ? '--group <one of its groups>' : `--${kind} ${id}`
}

function commandFor(verb: string, { kind, id }: SubjectRef): string {
  return kind === 'workload' ? 'countersign trust list' : `countersign ${kind} ${verb} ${id}`
}

/** Whether a credential was made without something that is missing, so that its owner may even hold it. */
function narrowedAway(narrowed: readonly string[] | null, missing: unknown): narrowed is readonly string[] {
  if (narrowed === null || !Array.isArray(missing)) return false
  return expandScopes(narrowed, missing).size < missing.length
}

/** The claim by which the nearest rule did not fit. */
function nearest(detail: Facts['detail']): string {
  if (detail.unlinked !== undefined) {
    return ` The rule ${text(detail.unlinked)} fits, but no user is linked to this subject.`
  }
  if (detail.shadow !== undefined) return ''
  if (detail.nearest === undefined) return ' There is no rule for that issuer: countersign trust create.'
  return ` The nearest, ${text(detail.nearest)}, does not fit by ${text(detail.claim)}: ${text(detail.because)}.`
}

function scopeFlags(missing: unknown): string {
  return Array.isArray(missing) ? missing.map((scope) => ` --scope ${scope}`).join('') : ''
}

function text(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : String(value)
}
