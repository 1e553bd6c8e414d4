import type { Denied } from '@countersign/resource-server'
import type { KnownCredential } from './known-credentials.ts'

/** Finds out whom one kind of credential stands for. Synchronous for what is known. Never tries another resolver. */
export type Resolver = (text: string) => KnownCredential | Denied | Promise<KnownCredential | Denied>

/** One row of the table of credential kinds: who resolves a text of this kind; undefined: by its form it is none. */
export type CredentialKind = { readonly recognise: (text: string) => Resolver | undefined }

/** The first kind whose form a text has; undefined: it is not ours. Whichever answers, no other is asked. */
export function recogniseBy(kinds: readonly CredentialKind[]): (text: string) => Resolver | undefined {
  return (text) => {
    for (const kind of kinds) {
      const resolve = kind.recognise(text)
      if (resolve !== undefined) return resolve
    }
    return undefined
  }
}
