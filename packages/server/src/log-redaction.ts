import { hideCredentials } from './domain/hide-credentials.ts'

export type LogSecrets = {
  /** Texts of the configuration that are never logged, wherever they stand. */
  readonly known: readonly string[]
  /** What credentials of other systems begin with. */
  readonly foreignPrefixes: () => readonly string[]
}

const HIDDEN = '…'
/** What a field is called whose text is a secret, or holds one. */
const SECRET_NAME =
  /secret|passw|passphrase|authorization|cookie|assertion|(^|_)kek$|([a-z]K|(^|_)k)ey$|([a-z]T|(^|_)t)oken$|database_?url/i
/** Who signs in, in an address. */
const USER_INFO = /(?<=:\/\/)[^\s/?#@]+@/g
/** Control characters past ASCII and those that turn text around: JSON lets them through, and terminals obey them. */
const UNSEEN = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g
const MAX_CHARACTERS = 4096
const MAX_MEMBERS = 32
const MAX_CAUSES = 4

/**
 * What of a value may stand in a log line: texts without credentials, numbers, moments, errors and lists of these.
 *
 * Security: by type. Whatever else somebody hands to the log, a request, its headers, a configuration, a row, is written
 * as the name of its type: a secret that nobody thought of cannot come along in it.
 */
export class LogRedaction {
  constructor(private readonly secrets: LogSecrets) {}

  /** The fields of a line. */
  fields(given: object): Record<string, unknown> {
    if (given instanceof Error) return { err: this.#error(given, 0) }
    if (!isPlain(given)) return { of_type: typeOf(given) }
    return Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name, SECRET_NAME.test(name) ? HIDDEN : this.#value(value)]),
    )
  }

  text(text: string): string {
    const { known, foreignPrefixes } = this.secrets
    const told = known.reduce((left, secret) => left.replaceAll(secret, HIDDEN), text)
    const hidden = hideCredentials(told.replace(USER_INFO, `${HIDDEN}@`), foreignPrefixes())
    return hidden.replace(UNSEEN, '\ufffd').slice(0, MAX_CHARACTERS)
  }

  #value(value: unknown): unknown {
    if (Array.isArray(value)) return value.slice(0, MAX_MEMBERS).map((member) => this.#member(member))
    return this.#member(value)
  }

  #member(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value)
    if (value === undefined || value === null || typeof value === 'number' || typeof value === 'boolean') return value
    if (value instanceof Error) return this.#error(value, 0)
    return value instanceof Date ? value : `[${typeOf(value)}]`
  }

  /** Its message, stack and code, and those of what it came from; nothing else that somebody hung on it. */
  #error(error: Error, depth: number): object {
    const { name, message, stack, cause } = error
    const code = 'code' in error && typeof error.code === 'string' ? this.text(error.code) : undefined
    const because = cause instanceof Error && depth < MAX_CAUSES ? this.#error(cause, depth + 1) : undefined
    return { type: name, message: this.text(message), code, stack: stack && this.text(stack), cause: because }
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function typeOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? (value.constructor?.name ?? 'Object') : typeof value
}
