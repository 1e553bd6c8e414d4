import type { Credential } from '@countersign/admin-api'
import type { DeclaredCredential } from './declared-credentials.ts'
import { findDifferences } from './differences.ts'
import { toWholeSeconds } from './nouns.ts'
import type { Present } from './present.ts'
import type { PartOfPlan, Step } from './step.ts'

/**
 * What to do about keys and secrets. One is known by its digest, and what it reaches never changes: an entry makes one
 * known, finds it as it says, or is a mistake.
 *
 * What is over stays over, and what was rotated ends when its overlap is over: a key that was revoked, in an emergency
 * perhaps, is not made to work again because a file still declares it. It is told, and is no reason to stop: a server that
 * applies a file has to start all the same.
 */
export function planCredentials(
  file: string,
  declared: readonly DeclaredCredential[],
  { credentials, managedCredentials }: Present,
  now: Date,
): PartOfPlan {
  const part: PartOfPlan = { steps: [], mistakes: [], notes: [], unchanged: 0 }
  for (const { kind, client, way, body } of declared) {
    const name = credentialName(body.name, client)
    const held = credentials.get(body.digest)
    if (held === undefined) {
      const hasExpired = body.expires_at != null && Date.parse(body.expires_at) <= now.getTime()
      if (hasExpired) part.notes.push({ way, message: `${kind} ${name} has expired, and is not made` })
      else part.steps.push({ action: 'create', noun: kind, name, way, body: { ...body, managed_by: file } })
      continue
    }
    const isOver = OVER.has(held.state)
    const mistake = mistakeIn(held, { kind, client, body }, isOver)
    const shortened = endsEarlier(held, body)
    if (mistake !== undefined) part.mistakes.push({ way, message: mistake })
    else if (isOver) part.notes.push({ way, message: `${kind} ${name} is ${held.state}, and stays so` })
    else if (shortened !== undefined) part.notes.push({ way, message: `${kind} ${name} ends ${shortened}` })
    else part.unchanged++
  }

  const known = new Set([...credentials.values()].map(({ id }) => id))
  const undeclared = managedCredentials.filter(({ id, state }) => !known.has(id) && !OVER.has(state))
  const prunings = undeclared.map(({ id, kind, name, owner }): Step => {
    // Nothing but these two can be declared, see `CredentialImport`.
    const noun = kind === 'secret' ? 'secret' : 'key'
    return { action: 'delete', noun, name: credentialName(name ?? id, owner.id), id, prunes: true }
  })
  part.steps.push(...prunings)
  return part
}

const OVER: ReadonlySet<Credential['state']> = new Set(['revoked', 'expired'])

function credentialName(name: string, client: string): string {
  return `${name} of ${client}`
}

function mistakeIn(
  held: Credential,
  { kind, client, body }: Pick<DeclaredCredential, 'kind' | 'client' | 'body'>,
  isOver: boolean,
): string | undefined {
  const owner = `${held.owner.kind} ${held.owner.id}`
  if (held.kind !== kind || owner !== `client ${client}`) return `is a ${held.kind} of ${owner} already`
  if (isOver) return undefined
  const { name, resources = null, scopes = null, projects = null, networks = null, expires_at } = body
  const ends = expires_at == null ? expires_at : toWholeSeconds(expires_at)
  const isShortened = endsEarlier(held, body) !== undefined
  const wanted = { name, resources, scopes, projects, networks, expires_at: isShortened ? undefined : ends }
  const fields = findDifferences(held, wanted).map(({ field }) => field)
  if (fields.length === 0) return undefined
  return `is known already with other ${fields.join(', ')}, and what it reaches never changes: declare another one`
}

/** When one ends that was rotated since: its end can only ever come nearer. Undefined: when it is declared to. */
function endsEarlier({ expires_at: ends }: Credential, body: DeclaredCredential['body']): string | undefined {
  if (ends === null || body.expires_at === undefined) return undefined
  const isEarlier = body.expires_at === null || Date.parse(ends) < Date.parse(toWholeSeconds(body.expires_at))
  return isEarlier ? `${ends}, earlier than declared, as by a rotation` : undefined
}
