// What cannot stand in an issuer, as far as the form of its fields does not tell.

import { isFetchable } from '@countersign/admin-api'
import { type JwkSet, parseJwkSet } from '@countersign/resource-server'
import type { ExternalIssuer } from '../domain/issuer.ts'
import { type IssuerWrite, listIssuers, listIssuersOf } from '../store/issuers.ts'
import type { Db } from '../store/store.ts'
import { Rejected, rejectedField, rejectedFields } from './problem.ts'

export type IssuerCheckDeps = {
  /** Our own `iss`. */
  readonly publicUrl: string
  /** Directories of this host whose files an issuer may name. */
  readonly issuerFileDirs: readonly string[]
}

export async function requireAcceptableIssuer(write: IssuerWrite, db: Db, deps: IssuerCheckDeps): Promise<void> {
  const { issuer, keySource, kubernetes } = write
  if (sameButForSlash(issuer, deps.publicUrl)) {
    throw rejectedField(
      'issuer',
      'expected another issuer: this is Countersign itself, whose tokens are believed anyway',
    )
  }
  requireAllowedFiles(write, deps)
  requireReviewer(write)
  const asksForKeys = kubernetes?.apiServer === null || kubernetes === null
  if (keySource.kind === 'discovery' && asksForKeys && !isFetchable(issuer)) {
    throw rejectedField(
      'issuer',
      'expected an https URL (http at a loopback address alone), or one of jwks, jwks_uri and jwks_file: its keys ' +
        'cannot be found by it',
    )
  }
  const keys = keySource.kind === 'jwks' ? await requireUsableKeys(keySource.jwks, write) : undefined
  await requireTellable(write, keys, db)
}

/** Whom to ask about tokens, and who asks. */
function requireReviewer({ kubernetes }: IssuerWrite): void {
  if (kubernetes?.mode !== 'token_review') return
  const { apiServer, tokenFile } = kubernetes
  const problems = [
    ...(apiServer === null ? [{ path: 'api_server', message: 'the address of the API server, which it asks' }] : []),
    ...(tokenFile === null ? [{ path: 'token_file', message: 'our own projected token, which it shows there' }] : []),
  ].map(({ path, message }) => ({ path: `kubernetes.${path}`, message: `expected ${message} in mode token_review` }))
  if (problems.length > 0) throw rejectedFields(problems)
}

/** The keys that tokens can be verified with; refuses what no issuer means to publish, each with its place. */
async function requireUsableKeys(jwks: object, { algorithms }: IssuerWrite): Promise<JwkSet['keys']> {
  const set = await parseJwkSet(jwks, { algorithms })
  if (set === undefined) throw rejectedField('jwks', 'expected a JSON object with "keys", a list of at most 100 keys')
  const problems = set.problems.map(({ at, because }) => ({
    path: `jwks.keys[${at}]`,
    message: `expected another key: ${because}`,
  }))
  if (problems.length > 0) throw rejectedFields(problems)
  if (set.keys.length === 0) {
    const why = set.ignored.map(({ at, because }) => `keys[${at}]: ${because}`).join('; ')
    throw rejectedField('jwks', `expected a key for ${algorithms.join(' or ')}${why === '' ? '' : ` (${why})`}`)
  }
  return set.keys
}

/**
 * Tokens of one `iss` are of one issuer, unless each that signs as it has its keys pinned here, under ids of their own.
 *
 * Security: else whoever runs one cluster could sign for another.
 */
async function requireTellable(write: IssuerWrite, keys: JwkSet['keys'] | undefined, db: Db): Promise<void> {
  const others = (await listIssuersOf(db, write.issuer)).filter(({ name }) => name !== write.name)
  const twin = (await listIssuers(db)).find(
    ({ name, issuer }) => name !== write.name && issuer !== write.issuer && sameButForSlash(issuer, write.issuer),
  )
  if (twin !== undefined) {
    const says = `Issuer ${twin.name} is ${twin.issuer}, which differs by a slash at the end alone. Tokens name one of the two.`
    throw new Rejected('name_taken', says)
  }
  if (others.length === 0) return
  const unpinned = [write, ...others].find(
    ({ keySource }) => keySource.kind !== 'jwks' && keySource.kind !== 'jwks_file',
  )
  if (unpinned !== undefined) {
    const named = others.map(({ name }) => name).join(', ')
    const says = `Issuer ${named} signs as ${write.issuer} too. Issuers of one iss are told apart by their keys: pin those of each (jwks or jwks_file); ${unpinned.name} has none pinned.`
    throw new Rejected('name_taken', says)
  }
  if (keys?.some(({ kid }) => kid === undefined)) {
    throw rejectedField('jwks', 'expected a kid in each key, since another issuer has the same iss')
  }
  for (const other of others) await requireOtherKids(write, keys ?? [], other)
}

async function requireOtherKids(write: IssuerWrite, keys: JwkSet['keys'], other: ExternalIssuer): Promise<void> {
  if (other.keySource.kind !== 'jwks') return
  const theirs = new Set((await parseJwkSet(other.keySource.jwks, other))?.keys.map(({ kid }) => kid))
  if (theirs.has(undefined)) {
    throw new Rejected('name_taken', `A key of issuer ${other.name}, which has the same iss, has no kid.`)
  }
  const shared = keys.find(({ kid }) => theirs.has(kid))
  if (shared === undefined) return
  const says = `The kid ${shared.kid} is that of a key of issuer ${other.name}, which has the same iss as ${write.name}: nobody could tell which of them signed.`
  throw new Rejected('name_taken', says)
}

/**
 * Security: whoever may write issuers must not be able to have any file of this host read, nor sent to a server of their
 * choice.
 */
function requireAllowedFiles(
  { keySource, caFile, kubernetes }: IssuerWrite,
  { issuerFileDirs }: IssuerCheckDeps,
): void {
  const named = {
    jwks_file: keySource.kind === 'jwks_file' ? keySource.path : null,
    ca_file: caFile,
    'kubernetes.token_file': kubernetes?.tokenFile ?? null,
  }
  const problems = Object.entries(named).flatMap(([path, file]) => {
    if (file === null || issuerFileDirs.some((directory) => file.startsWith(`${directory.replace(/\/+$/, '')}/`)))
      return []
    const message = `expected a file in ${issuerFileDirs.join(' or ') || 'a directory'}; the server's COUNTERSIGN_ISSUER_FILE_DIRS says where`
    return [{ path, message }]
  })
  if (problems.length > 0) throw rejectedFields(problems)
}

function sameButForSlash(one: string, other: string): boolean {
  return one.replace(/\/+$/, '') === other.replace(/\/+$/, '')
}
