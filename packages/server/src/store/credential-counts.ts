import { ISSUED_KINDS, type IssuedKind } from '@countersign/resource-server'
import { PostgresAdapter, type RawBuilder, sql } from 'kysely'
import { OWNER_KINDS, type OwnerRef } from '../domain/credential.ts'
import { CROCKFORD } from '../domain/ids.ts'
import { type Db, parseWord, toSeconds } from './store.ts'

/** Credentials of one kind and origin that have neither expired nor been revoked, by themselves or by a line. */
export type CredentialCount = {
  readonly kind: IssuedKind
  readonly importedFrom: string | null
  readonly standing: number
  /** Of those, the ones of owners who are not disabled that end within so many days: one number for each of the days. */
  readonly expiring: readonly number[]
}

/** What one part holds of a kind and origin. Sums are texts on PostgreSQL. */
type Row = {
  readonly kind: string
  readonly imported_from: string | null
  readonly seen: number | string
  readonly last: string
  readonly standing: number | string
  readonly [within: `within_${number}`]: number | string
}

/** SQLite answers before anything else is done: so many rows it counts without a request noticing. */
const ROWS_A_READ = 1000
const DAY_SECONDS = 86_400

/**
 * Counts all credentials, part by part; `pause` lets requests pass between two parts. What changes meanwhile may be
 * counted or not. One that was not yet valid stands.
 */
export async function countCredentials(
  db: Db,
  now: Date,
  withinDays: readonly number[],
  pause: () => Promise<void>,
): Promise<CredentialCount[]> {
  const counts = new Map<string, CredentialCount>()
  let after = ''
  for (;;) {
    const rows = await countPart(db, toSeconds(now), withinDays, after)
    for (const row of rows) add(counts, row)
    const seen = rows.reduce((sum, row) => sum + Number(row.seen), 0)
    if (seen < ROWS_A_READ) return [...counts.values()]
    after =
      rows
        .map(({ last }) => last)
        .toSorted()
        .at(-1) ?? after
    await pause()
  }
}

function add(counts: Map<string, CredentialCount>, row: Row): void {
  const { imported_from: importedFrom } = row
  const kind = parseWord(row.kind, ISSUED_KINDS, 'the kind of a credential')
  const key = JSON.stringify([kind, importedFrom])
  const before = counts.get(key)
  const expiring = Object.keys(row).filter((name) => name.startsWith('within_'))
  counts.set(key, {
    kind,
    importedFrom,
    standing: Number(row.standing) + (before?.standing ?? 0),
    expiring: expiring.map((_, at) => Number(row[`within_${at}`]) + (before?.expiring[at] ?? 0)),
  })
}

async function countPart(db: Db, now: number, withinDays: readonly number[], after: string): Promise<readonly Row[]> {
  const isThrough = sql`(line.revision >= it.revision or line.before > it.created_at)`
  const lineThrough = (subject: RawBuilder<unknown>) =>
    sql`exists (select 1 from revocation_line as line where line.subject = ${subject} and ${isThrough})`
  const ownLine = sql`'credential:' || ancestor.value`
  const isOrphan = sql`it.ancestors is not null and exists (
    select 1 from ${ancestorsOf(db)} join revocation_line as line
      on line.subject in (${ownLine}, it.owner_kind || ':' || it.owner, 'kind:' || ${kindOfAncestor(db)})
    where case when line.subject = ${ownLine} then ${isThrough} else ${wasMet(db)} end)`
  const isLiveAmong = (kind: OwnerRef['kind']) => sql`(it.owner_kind = ${kind} and exists (
    select 1 from ${sql.table(kind)} as owner where owner.id = it.owner and owner.disabled = 0))`
  const hasLiveOwner = sql`(${sql.join(OWNER_KINDS.map(isLiveAmong), sql` or `)})`
  const within = withinDays.map((days, at) => {
    const ends = now + days * DAY_SECONDS
    const column = sql.ref(`within_${at}`)
    return sql`sum(case when expires_at <= ${ends} and standing = 1 and is_live = 1 then 1 else 0 end) as ${column}`
  })
  // What is dead by its own row is not looked at further; nor is the owner of what does not end soon.
  const latest = now + Math.max(0, ...withinDays) * DAY_SECONDS
  const { rows } = await sql<Row>`
    with part as (
      select id, kind, owner_kind, owner, family, ancestors, expires_at, revoked_at, revision, created_at,
        imported_from
      from credential where id > ${after} order by id limit ${ROWS_A_READ}),
    judged as materialized (
      select it.id, it.kind, it.imported_from, it.expires_at,
        case when it.revoked_at is not null or it.expires_at <= ${now} then 0
          when ${lineThrough(sql`it.owner_kind || ':' || it.owner`)} then 0
          when ${lineThrough(sql`'kind:' || it.kind`)} then 0
          when ${lineThrough(sql`'family:' || it.family`)} then 0
          when it.kind = 'at' and ${lineThrough(sql`'credential:' || it.id`)} then 0
          when ${isOrphan} then 0 else 1 end as standing,
        case when it.revoked_at is not null or it.expires_at is null or it.expires_at <= ${now} then 0
          when it.expires_at > ${latest} then 0 when ${hasLiveOwner} then 1 else 0 end as is_live
      from part as it)
    select kind, imported_from, count(*) as seen, max(id) as last, sum(standing) as standing, ${sql.join(within)}
    from judged group by kind, imported_from`.execute(db)
  return rows
}

/** Whether a line through an owner or a kind met the ancestor: as `revocationOf` judges it. */
function wasMet(db: Db): RawBuilder<unknown> {
  const kind = kindOfAncestor(db)
  const madeBefore = sql`length(ancestor.value) - length(${kind}) = 27
    and substr(ancestor.value, length(${kind}) + 2, 10) < ${digitsOf(sql`line.before * 1000`)}`
  return sql`(line.revision >= it.revision or (line.before is not null and
    case when ${kind} = 'jwk' then it.created_at <= line.at else ${madeBefore} end))`
}

/** What a public id says of the moment of its making, for a number of milliseconds. */
function digitsOf(milliseconds: RawBuilder<unknown>): RawBuilder<unknown> {
  const digits = Array.from({ length: 10 }, (_, at) => {
    const place = sql.lit(32 ** (9 - at))
    return sql`substr(${sql.lit(CROCKFORD)}, cast(1 + (${milliseconds} / ${place}) % 32 as integer), 1)`
  })
  return sql.join(digits, sql` || `)
}

function kindOfAncestor(db: Db): RawBuilder<unknown> {
  return isPostgres(db)
    ? sql`split_part(ancestor.value, '_', 1)`
    : sql`substr(ancestor.value, 1, instr(ancestor.value, '_') - 1)`
}

/** Each id of the list of ancestors, as a row of its own. */
function ancestorsOf(db: Db): RawBuilder<unknown> {
  return isPostgres(db)
    ? sql`jsonb_array_elements_text(it.ancestors::jsonb) as ancestor(value)`
    : sql`json_each(it.ancestors) as ancestor`
}

function isPostgres(db: Db): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}
