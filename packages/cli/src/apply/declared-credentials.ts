import type { Declaration, DeclaredCredential as Entry, ImportedCredential } from '@countersign/admin-api'
import { hintOf, parseIssuedCredential } from '@countersign/resource-server'
import type { Terminal } from '../terminal.ts'
import type { Mistake } from './declared-file.ts'
import type { FieldWay } from './line-of.ts'
import { readSecretSource } from './secret-source.ts'

/** The kinds of credentials that a client has and a file can declare, and where their entries stand. */
export const CREDENTIAL_LISTS = { key: 'keys', secret: 'secrets' } as const
export type DeclaredKind = keyof typeof CREDENTIAL_LISTS

/** A key or secret that a file declares, known by its digest alone. */
export type DeclaredCredential = {
  readonly kind: DeclaredKind
  readonly client: string
  readonly way: FieldWay
  /** What the call takes that makes it known, but for who declares it. */
  readonly body: Omit<ImportedCredential, 'managed_by'> & { readonly name: string }
}

type Read = { readonly credentials: readonly DeclaredCredential[]; readonly mistakes: readonly Mistake[] }

/**
 * The keys and secrets that a file declares, each read from where the file says that it is. What is read is forgotten
 * here: its digest is all that is compared, sent and printed.
 *
 * @param path of the declared file: a `secret_file` is relative to it.
 */
export function readDeclaredCredentials(
  terminal: Pick<Terminal, 'env' | 'readFile'>,
  { clients }: Declaration,
  path: string,
): Read {
  const credentials: DeclaredCredential[] = []
  const mistakes: Mistake[] = []
  const taken = new Map<string, string>()
  for (const [client, { id, keys, secrets }] of clients.entries()) {
    for (const [kind, entries] of [['key', keys] as const, ['secret', secrets] as const]) {
      for (const [index, entry] of entries.entries()) {
        const way = ['clients', client, CREDENTIAL_LISTS[kind], index]
        const read = digestOf(terminal, path, kind, entry)
        if ('mistake' in read) {
          mistakes.push({ way: [...way, read.field], message: read.mistake })
          continue
        }
        const { secret_file: _file, secret_env: _env, sha256: _digest, hint: _hint, ...said } = entry
        const place = `clients[${client}].${CREDENTIAL_LISTS[kind]}[${index}]`
        for (const [what, key] of [
          ['name', JSON.stringify([id, kind, entry.name])],
          ['secret', read.digest],
        ] as const) {
          const earlier = taken.get(key)
          if (earlier !== undefined) mistakes.push({ way, message: `has the same ${what} as ${earlier}` })
          else taken.set(key, place)
        }
        credentials.push({ kind, client: id, way, body: { ...said, ...read, owner: `client:${id}` } })
      }
    }
  }
  return { credentials, mistakes }
}

type Digest = { readonly digest: string; readonly hint?: string | undefined }
type NoDigest = { readonly field: 'secret_file' | 'secret_env'; readonly mistake: string }

function digestOf(
  terminal: Pick<Terminal, 'env' | 'readFile'>,
  path: string,
  kind: DeclaredKind,
  { secret_file: file, secret_env: variable, sha256, hint }: Entry,
): Digest | NoDigest {
  if (sha256 !== undefined) return hint === undefined ? { digest: sha256 } : { digest: sha256, hint }
  const field = file === undefined ? 'secret_env' : 'secret_file'
  const read = readSecretSource(terminal, path, { file, variable })
  if ('mistake' in read) return { field, mistake: read.mistake }
  const { secret } = read
  const form = parseIssuedCredential(secret)
  // Security: what stands there may be a secret all the same, so no part of it is shown.
  if (form === undefined || form === 'mistyped' || form.kind !== kind) {
    const mistake = `what it holds is no ${kind === 'key' ? 'API key' : 'client secret'} like cs_${kind}_…; countersign ${kind} generate makes one`
    return { field, mistake: form === 'mistyped' ? `${mistake}. It looks mistyped` : mistake }
  }
  return { digest: Bun.SHA256.hash(secret, 'hex'), hint: hintOf(secret) }
}
