import { TOKEN_PROFILES } from '@countersign/resource-server'
import type { ExternalIssuer } from '../domain/issuer.ts'
import { readRow } from './corrupt-row.ts'
import { managedByColumn } from './managed-by.ts'
import { type Change, type Db, parseObject, parseWord, type Slice, toDate, toSeconds } from './store.ts'

/** What a change writes of an issuer. */
export type IssuerWrite = Omit<ExternalIssuer, 'isKubernetes' | 'managedBy' | 'createdAt' | 'revision'>

/** What of an issuer is kept as one JSON text. */
type IssuerBody = Omit<IssuerWrite, 'name' | 'issuer' | 'disabled'>

/** All issuers, or those of the given names, in the order of their names. */
export async function listIssuers(db: Db, names?: readonly string[]): Promise<ExternalIssuer[]> {
  let query = db.selectFrom('issuer').selectAll().orderBy('name')
  if (names !== undefined) query = query.where('name', 'in', names)
  return (await query.execute()).map((row) =>
    readRow('issuer', row.name, () => {
      const body = parseObject<IssuerBody>(row.body, `issuer ${row.name}`)
      return {
        ...body,
        profile: parseWord(body.profile, TOKEN_PROFILES, `issuer ${row.name}`),
        name: row.name,
        issuer: row.issuer,
        isKubernetes: body.kubernetes !== null,
        disabled: row.disabled !== 0,
        managedBy: row.managed_by,
        createdAt: toDate(row.created_at),
        revision: row.revision,
      }
    }),
  )
}

export async function findIssuer(db: Db, name: string): Promise<ExternalIssuer | undefined> {
  return (await listIssuers(db, [name]))[0]
}

/** All who sign as this `iss`. */
export async function listIssuersOf(db: Db, issuer: string): Promise<ExternalIssuer[]> {
  const rows = await db.selectFrom('issuer').select('name').where('issuer', '=', issuer).execute()
  return rows.length === 0
    ? []
    : listIssuers(
        db,
        rows.map(({ name }) => name),
      )
}

export async function listIssuerNames(db: Db, { after, limit }: Slice): Promise<string[]> {
  let query = db.selectFrom('issuer').select('name').orderBy('name').limit(limit)
  if (after !== undefined) query = query.where('name', '>', after)
  return (await query.execute()).map(({ name }) => name)
}

export async function insertIssuer(change: Change, write: IssuerWrite, managedBy: string | null): Promise<void> {
  const { name, issuer, disabled } = write
  await change.db
    .insertInto('issuer')
    .values({
      ...{ name, issuer, disabled: Number(disabled), body: bodyOf(write), managed_by: managedBy },
      ...{ created_at: toSeconds(change.now), revision: change.revision },
    })
    .execute()
}

/** `managedBy` undefined: as it is. */
export async function updateIssuer(change: Change, write: IssuerWrite, managedBy?: string | null): Promise<void> {
  const { name, issuer, disabled } = write
  await change.db
    .updateTable('issuer')
    .set({
      ...{ issuer, disabled: Number(disabled), body: bodyOf(write), revision: change.revision },
      ...managedByColumn(managedBy),
    })
    .where('name', '=', name)
    .execute()
}

export async function deleteIssuer({ db }: Change, name: string): Promise<void> {
  await db.deleteFrom('issuer').where('name', '=', name).execute()
}

function bodyOf(write: IssuerWrite): string {
  const body: IssuerBody = {
    algorithms: write.algorithms,
    profile: write.profile,
    maxLifetimeSeconds: write.maxLifetimeSeconds,
    toleranceSeconds: write.toleranceSeconds,
    allowedClients: write.allowedClients,
    keySource: write.keySource,
    caFile: write.caFile,
    kubernetes: write.kubernetes,
    groupMappings: write.groupMappings,
    groupsClaims: write.groupsClaims,
    singleUseAssertions: write.singleUseAssertions,
  }
  return JSON.stringify(body)
}
