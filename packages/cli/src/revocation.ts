import type { AgeRevocation, BulkRevocation, Credential, CredentialKind, Revocation } from '@countersign/admin-api'
import { AnswerIsNo, UsageError } from './exit.ts'
import { moment, momentOr } from './moment.ts'
import { all, type OnlineSession, unlessForbidden } from './session.ts'
import { type TokenCalls, tokenCalls } from './token-calls.ts'

const KINDS_WORDS: Record<CredentialKind, string> = {
  key: 'API keys',
  pat: 'personal access tokens',
  at: 'access tokens',
  secret: 'client secrets',
}

/** Revokes one credential and says what became of it. A person without more rights revokes their own tokens. */
export async function revokeOne(session: OnlineSession, id: string, body: Partial<Revocation>): Promise<void> {
  const { api, print, hint, terminal } = session
  const calls = id.startsWith('pat_') ? await tokenCalls(session, 'credentials:write') : undefined
  const answer = await (calls ?? api.credentials).revoke(id, body)
  const { credential, revoked } = answer
  if (credential === null) {
    print(answer, () => (revoked > 0 ? `Revoked ${id}, from the next request on.\n` : `${id} was revoked already.\n`))
    hint('No record is kept of it, so nobody can say whether there ever was one of this id, and whether it was live.')
    return
  }
  const wanted = body.family === true && revoked > 0 && !session.json
  const members = wanted ? await familyOf(session, credential, calls) : []
  const since = momentOr('before', credential.revoked_at, terminal.now())
  print(answer, () => {
    if (members.length > 1) return familyText(members)
    if (revoked > 0) return `Revoked ${revoked === 1 ? credential.id : count(revoked)}, from the next request on.\n`
    const state = hadExpired(credential) ? 'had expired before it was revoked' : 'was revoked already'
    return `${credential.id} ${state}: ${since}.\n`
  })
}

/** Revokes all credentials of a client or user, or those that were made before. */
export async function revokeOfOwner(
  { api, print }: OnlineSession,
  owner: { client: string } | { user: string },
  body: Partial<BulkRevocation>,
): Promise<void> {
  const [answer, whose] =
    'client' in owner
      ? [await api.clients.revokeCredentials(owner.client, body), `client ${owner.client}`]
      : [await api.users.revokeCredentials(owner.user, body), `user ${owner.user}`]
  print(answer, () => `Revoked ${count(answer.revoked)} of ${whose}, from the next request on.\n`)
}

/** Revokes what is old, whoever owns it. That reaches many who do not know of it: a person is asked, a script says --yes. */
export async function revokeOlder(
  { api, print, hint, terminal }: OnlineSession,
  body: AgeRevocation,
  { yes }: { readonly yes?: true },
): Promise<void> {
  const what = KINDS_WORDS[body.kind]
  const question = `All ${what} of everybody that were made before ${moment(body.created_before, terminal.now())} will be revoked.`
  if (!yes && !terminal.canAsk) throw new UsageError(`${question} If that is meant: --yes`)
  if (!yes && !/^y(es)?$/i.test((await terminal.ask(`${question} Revoke? [y/N] `)).trim())) {
    hint('Nothing was revoked.')
    throw new AnswerIsNo()
  }
  const answer = await api.credentials.revokeOlder(body)
  print(answer, () => `Revoked ${count(answer.revoked)}, from the next request on.\n`)
}

/** A credential with its predecessors and successors by rotation; nothing if this key may not list them. */
async function familyOf(
  { api }: OnlineSession,
  { owner, kind, family }: Credential,
  calls: TokenCalls | undefined,
): Promise<readonly Credential[]> {
  const query = { owner: `${owner.kind}:${owner.id}`, kind }
  const list = calls?.own ? calls.list : (page: object) => api.credentials.list({ ...query, ...page })
  const owned = await unlessForbidden(all(list))
  return owned?.filter((credential) => credential.family === family) ?? []
}

/** Each of a family with what became of it by the newest revocation. */
function familyText(members: readonly Credential[]): string {
  const newest = members
    .map(({ revoked_at }) => revoked_at ?? '')
    .toSorted()
    .at(-1)
  const lines = members.map((member) => {
    const before = hadExpired(member) ? 'had expired' : 'was revoked before'
    return `  ${member.id}  ${!hadExpired(member) && member.revoked_at === newest ? 'revoked' : before}\n`
  })
  return `Revoked with its family, from the next request on:\n${lines.join('')}`
}

function hadExpired({ expires_at, revoked_at }: Credential): boolean {
  return expires_at !== null && revoked_at !== null && new Date(expires_at) <= new Date(revoked_at)
}

function count(revoked: number): string {
  return revoked === 1 ? '1 credential' : `${revoked} credentials`
}
