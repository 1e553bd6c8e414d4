import { sql } from 'kysely'
import { ADMIN_CLIENT, BOOTSTRAP_CLIENT } from '../domain/client.ts'
import { type Change, type Db, parseObject, toSeconds } from './store.ts'

/** What names each thing that may let somebody in, or let them do something. */
const KEYS = {
  resource: 'name',
  group: 'name',
  client: 'id',
  user: 'id',
  issuer: 'name',
  trust_rule: 'name',
  permission: 'id',
} as const

export type WithdrawnNoun = keyof typeof KEYS

/** What is to count no more. */
export type Withdrawn = { readonly noun: WithdrawnNoun; readonly id: string }

/** Has something count no more: what can be is disabled, a trust rule ends, a permission goes. False: it did not count. */
export async function withdraw(running: Change, { noun, id }: Withdrawn, reason: string): Promise<boolean> {
  const { db, now, revision } = running
  if (noun === 'permission') {
    const gone = await db.deleteFrom('permission').where('id', '=', id).returningAll().executeTakeFirst()
    if (gone === undefined) return false
    const { holder_kind, holder, resource, scopes, roles } = gone
    const was = { holder: `${holder_kind}:${holder}`, resource, scopes: JSON.parse(scopes), roles: JSON.parse(roles) }
    await running.record('permission.delete', 'permission', id, { ...was, reason })
    return true
  }
  const named = sql`${sql.ref(KEYS[noun])} = ${id}`
  const at = toSeconds(now)
  const { numAffectedRows } = await (noun === 'trust_rule'
    ? sql`update trust_rule set expires_at = ${at}, revision = ${revision}
        where ${named} and (expires_at is null or expires_at > ${at})`
    : sql`update ${sql.table(noun)} set disabled = 1, revision = ${revision} where ${named} and disabled = 0`
  ).execute(db)
  if (numAffectedRows === undefined || numAffectedRows === 0n) return false
  const detail = noun === 'trust_rule' ? { fields: ['expires_at'] } : { fields: ['disabled'], disabled: true }
  await running.record(`${noun}.change`, noun, id, { ...detail, reason })
  return true
}

/** Countersign makes these itself: without them nobody could administer what is restored. */
const BUILT_IN: readonly string[] = [BOOTSTRAP_CLIENT, ADMIN_CLIENT]

type ChangeDetail = {
  readonly fields?: readonly string[]
  readonly changed?: { readonly disabled?: { readonly to: unknown } }
}

/** What changes who somebody is known to be, or whether; undefined: any field does. */
const TELLING_FIELDS: Readonly<Record<string, readonly string[] | undefined>> = {
  client: ['jwks', 'jwks_uri', 'disabled'],
  user: ['links', 'password', 'disabled'],
  issuer: undefined,
  trust_rule: undefined,
}
/** These take away, or say nothing of who somebody is; but for what is enabled. */
const HARMLESS_FIELDS: readonly string[] = ['disabled', 'managed_by', 'description']

export type MadeSince = {
  /** Whoever was made since, what was given since, and what somebody can since be known by that they could not before. */
  readonly made: readonly Withdrawn[]
  /** What was changed otherwise, in words: it may be as it was meant, or not. */
  readonly changed: readonly string[]
}

/** What an intruder may have left since a moment, besides keys, tokens and secrets. */
export async function findMadeSince(db: Db, since: Date): Promise<MadeSince> {
  const from = toSeconds(since)
  const made = new Map<string, Withdrawn>()
  const changed = new Set<string>()
  const add = (noun: WithdrawnNoun, id: string) => made.set(`${noun} ${id}`, { noun, id })
  for (const noun of ['client', 'user', 'issuer', 'trust_rule'] as const) {
    const rows = await sql<{ id: string }>`
      select ${sql.ref(KEYS[noun])} as id from ${sql.table(noun)} where created_at >= ${from}`.execute(db)
    for (const { id } of rows.rows) if (noun !== 'client' || !BUILT_IN.includes(id)) add(noun, id)
  }
  const permissions = await db
    .selectFrom('permission')
    .select(['id', 'holder_kind', 'holder'])
    .where('created_at', '>=', from)
    .execute()
  for (const { id, holder_kind, holder } of permissions) {
    if (holder_kind !== 'client' || !BUILT_IN.includes(holder)) add('permission', id)
  }
  const events = await db
    .selectFrom('audit_event')
    .select(['noun', 'noun_id', 'detail'])
    .where('at', '>=', from)
    .where('action', 'like', '%.change')
    .orderBy('id')
    .execute()
  for (const { noun, noun_id: id, detail } of events) {
    const { fields = [], changed: values } = parseObject<ChangeDetail>(detail, 'an audit event')
    const isEnabled = values?.disabled?.to === false
    const telling = fields.filter((field) => !HARMLESS_FIELDS.includes(field) || (field === 'disabled' && isEnabled))
    if (telling.length === 0) continue
    const isKnown = noun in TELLING_FIELDS
    if (isKnown && telling.some((field) => TELLING_FIELDS[noun]?.includes(field) ?? true))
      add(noun as WithdrawnNoun, id)
    else changed.add(`${noun} ${id}`)
  }
  return { made: [...made.values()], changed: [...changed].filter((one) => !made.has(one)) }
}
