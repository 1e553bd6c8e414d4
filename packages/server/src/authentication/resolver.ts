import type { Denied } from '@countersign/resource-server'
import type { KnownCredential } from './known-credentials.ts'

/** Finds out whom one kind of credential stands for. Synchronous for what is known. Never tries another resolver. */
export type Resolver = (text: string) => KnownCredential | Denied | Promise<KnownCredential | Denied>

/** One row of the table of credential kinds: whether a text is of this kind, by its form alone, and who resolves it. */
export type CredentialKind = { readonly recognises: (text: string) => boolean; readonly resolve: Resolver }

/** The first kind whose form a text has; undefined: it is not ours. No two kinds share a form. */
export function recogniseBy(kinds: readonly CredentialKind[]): (text: string) => Resolver | undefined {
  return (text) => {
    for (const kind of kinds) if (kind.recognises(text)) return kind.resolve
    return undefined
  }
}
