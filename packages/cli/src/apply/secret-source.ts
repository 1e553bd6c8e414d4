import { dirname, resolve } from 'node:path'
import type { Terminal } from '../terminal.ts'

/** Where a declared file says that a secret is: one of the two. */
export type SecretSource = { readonly file?: string | undefined; readonly variable?: string | undefined }

/**
 * A secret that a declared file does not hold itself, without the line break at its end.
 *
 * @param path of the declared file: a file that it names is relative to it.
 */
export function readSecretSource(
  { env, readFile }: Pick<Terminal, 'env' | 'readFile'>,
  path: string,
  { file, variable }: SecretSource,
): { readonly secret: string } | { readonly mistake: string } {
  if (file === undefined) {
    const secret = variable !== undefined && Object.hasOwn(env, variable) ? env[variable] : undefined
    return secret === undefined ? { mistake: 'the variable is not set' } : { secret }
  }
  try {
    return { secret: readFile(resolve(path === '-' ? '.' : dirname(path), file)).replace(/\r?\n$/, '') }
  } catch {
    return { mistake: 'the file cannot be read' }
  }
}
