import { hideCredentials } from '../domain/hide-credentials.ts'
import type { AdminDeps } from './deps.ts'

/** What somebody wrote in a hurry, as it is kept: what is a credential in it is not. */
export function keptText({ directory }: Pick<AdminDeps, 'directory'>, text: string): string {
  return hideCredentials(text, directory.foreignPrefixes())
}
