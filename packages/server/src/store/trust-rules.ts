import { type ClaimMatch, TRUST_MODES } from '@countersign/resource-server'
import type { ServerTrustRule, TrustTarget } from '../domain/trust-rule.ts'
import { readRow } from './corrupt-row.ts'
import { managedByColumn } from './managed-by.ts'
import {
  type Change,
  type Db,
  parseObject,
  parseTextsOrNull,
  parseWord,
  type Slice,
  toDate,
  toDateOrNull,
  toSeconds,
} from './store.ts'

/** What a change writes of a trust rule. */
export type TrustRuleWrite = Omit<ServerTrustRule, 'managedBy' | 'createdAt' | 'revision'>

type TrustRuleBody = {
  readonly description: string
  readonly match: Readonly<Record<string, ClaimMatch>>
  readonly as: TrustTarget
}

const NARROWING = 'the narrowing of a trust rule'

/** All rules, or those of the given names, in the order of their names. */
export async function listTrustRules(db: Db, names?: readonly string[]): Promise<ServerTrustRule[]> {
  let query = db.selectFrom('trust_rule').selectAll().orderBy('name')
  if (names !== undefined) query = query.where('name', 'in', names)
  return (await query.execute()).map((row) =>
    readRow('trust_rule', row.name, () => {
      const { description, match, as } = parseObject<TrustRuleBody>(row.body, `trust rule ${row.name}`)
      return {
        ...{ name: row.name, issuer: row.issuer, description, match, as },
        mode: parseWord(row.mode, TRUST_MODES, `the mode of trust rule ${row.name}`),
        expiresAt: toDateOrNull(row.expires_at),
        narrowing: {
          resources: parseTextsOrNull(row.resources, NARROWING),
          scopes: parseTextsOrNull(row.scopes, NARROWING),
          projects: parseTextsOrNull(row.projects, NARROWING),
        },
        managedBy: row.managed_by,
        createdAt: toDate(row.created_at),
        revision: row.revision,
      }
    }),
  )
}

export async function findTrustRule(db: Db, name: string): Promise<ServerTrustRule | undefined> {
  return (await listTrustRules(db, [name]))[0]
}

/** The rules about subjects of an issuer. */
export async function listTrustRulesOf(db: Db, issuer: string): Promise<ServerTrustRule[]> {
  const rows = await db.selectFrom('trust_rule').select('name').where('issuer', '=', issuer).execute()
  return rows.length === 0
    ? []
    : listTrustRules(
        db,
        rows.map(({ name }) => name),
      )
}

/** With `issuer`, only the rules about its subjects. */
export async function listTrustRuleNames(db: Db, { after, limit }: Slice, issuer?: string): Promise<string[]> {
  let query = db.selectFrom('trust_rule').select('name').orderBy('name').limit(limit)
  if (issuer !== undefined) query = query.where('issuer', '=', issuer)
  if (after !== undefined) query = query.where('name', '>', after)
  return (await query.execute()).map(({ name }) => name)
}

export async function insertTrustRule(change: Change, write: TrustRuleWrite, managedBy: string | null): Promise<void> {
  await change.db
    .insertInto('trust_rule')
    .values({
      ...{ name: write.name, ...columnsOf(write), managed_by: managedBy },
      ...{ created_at: toSeconds(change.now), revision: change.revision },
    })
    .execute()
}

/** `managedBy` undefined: as it is. */
export async function updateTrustRule(change: Change, write: TrustRuleWrite, managedBy?: string | null): Promise<void> {
  await change.db
    .updateTable('trust_rule')
    .set({ ...columnsOf(write), revision: change.revision, ...managedByColumn(managedBy) })
    .where('name', '=', write.name)
    .execute()
}

export async function deleteTrustRule({ db }: Change, name: string): Promise<void> {
  await db.deleteFrom('trust_rule').where('name', '=', name).execute()
}

function columnsOf({ issuer, mode, expiresAt, narrowing, description, match, as }: TrustRuleWrite) {
  const body: TrustRuleBody = { description, match, as }
  const textOrNull = (list: readonly string[] | null) => (list === null ? null : JSON.stringify(list))
  return {
    issuer,
    mode,
    expires_at: expiresAt && toSeconds(expiresAt),
    resources: textOrNull(narrowing.resources),
    scopes: textOrNull(narrowing.scopes),
    projects: textOrNull(narrowing.projects),
    body: JSON.stringify(body),
  }
}
