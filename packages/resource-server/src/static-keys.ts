// Keys that stand in the environment of the application: for the one job that can show nothing better.

import { BUILT_IN_GROUP } from './principal.ts'
import {
  type Believed,
  clientCalled,
  grantFrom,
  NOT_NARROWED,
  OWNER_AT_LARGE,
  type ResourceScopes,
} from './protect-believed.ts'
import type { OptionProblem } from './protect-problems.ts'

export type StaticKeyOptions = {
  /** Name of the variable that holds the key. Unset: there is no such key. */
  readonly fromEnv: string
  /** Whom it stands for. */
  readonly principal: { readonly kind: 'client'; readonly id: string }
  /** At least one role or scope: else it would open nothing. */
  readonly roles?: readonly string[]
  readonly scopes?: readonly string[]
}

/** A key that is set, by the place of its option. */
export type StaticKey = { readonly options: StaticKeyOptions; readonly text: string }

type Environment = Readonly<Record<string, string | undefined>>

const MIN_LENGTH = 32
const TOKEN68 = /^[A-Za-z0-9._~+/=-]+$/

/**
 * The keys that are set. `isOfOtherForm` says why a text would be taken for another kind of credential.
 *
 * Security: an empty or short key is never "off": whoever sets a variable means it to be a key.
 */
export function readStaticKeys(
  all: readonly StaticKeyOptions[],
  env: Environment,
  isOfOtherForm: (text: string) => string | undefined,
  report: (problem: OptionProblem) => void,
): readonly StaticKey[] {
  const keys = all.flatMap((options, at): StaticKey[] => {
    const text = Object.hasOwn(env, options.fromEnv) ? env[options.fromEnv] : undefined
    if (text === undefined) return []
    const wrong = whyNoKey(text) ?? isOfOtherForm(text)
    if (wrong === undefined) return [{ options, text }]
    report({ path: `staticKeys[${at}].fromEnv`, message: `${options.fromEnv} ${wrong}` })
    return []
  })
  for (const [at, { text, options }] of keys.entries()) {
    const first = keys.findIndex((other) => other.text === text)
    if (first === at) continue
    const message = `${options.fromEnv} and ${keys[first]?.options.fromEnv} hold the same key: make one of their own for each.`
    report({ path: 'staticKeys', message })
  }
  return keys
}

function whyNoKey(text: string): string | undefined {
  const make = 'make one by: openssl rand -hex 32'
  if (text === '') return `is set and empty: unset it, or ${make}`
  if (text.length < MIN_LENGTH)
    return `holds a key of ${text.length} characters; expected at least ${MIN_LENGTH}, ${make}`
  if (text.length > 8192) return 'holds a key of more than 8192 characters'
  if (!TOKEN68.test(text))
    return `holds a key that cannot stand in a header: expected A-Z, a-z, 0-9 and . _ ~ + / = -, ${make}`
  return undefined
}

/**
 * Finds the static key of a text by its digest.
 *
 * Security: every key is compared, each to its last character, so that no time that it takes tells how much was right.
 */
export class StaticKeys {
  readonly #keys: readonly StaticKey[]
  readonly #believed: readonly Believed[]
  readonly #sha256: (text: string) => string | Promise<string>
  #digests: readonly string[] | undefined

  constructor(
    keys: readonly StaticKey[],
    resource: ResourceScopes,
    sha256: (text: string) => string | Promise<string>,
  ) {
    this.#keys = keys
    this.#sha256 = sha256
    this.#believed = keys.map(({ options }) => believedBy(options, resource))
  }

  get isEmpty(): boolean {
    return this.#keys.length === 0
  }

  async find(digest: string): Promise<Believed | undefined> {
    this.#digests ??= await Promise.all(this.#keys.map(({ text }) => this.#sha256(text)))
    let found = -1
    for (const [at, own] of this.#digests.entries()) if (isSame(own, digest)) found = at
    return this.#believed[found]
  }
}

function isSame(one: string, other: string): boolean {
  let difference = one.length ^ other.length
  for (let at = 0; at < one.length; at++) difference |= one.charCodeAt(at) ^ other.charCodeAt(at)
  return difference === 0
}

function believedBy(
  { fromEnv, principal, roles = [], scopes = [] }: StaticKeyOptions,
  resource: ResourceScopes,
): Believed {
  return {
    kind: 'static',
    client: principal.id,
    caller: {
      principal: clientCalled(principal.id),
      // Its public id is the name of its variable, which is no secret.
      credential: {
        id: `static:${fromEnv}`,
        notBefore: null,
        expiresAt: null,
        narrowing: NOT_NARROWED,
        audience: null,
        networks: [],
      },
      revocation: undefined,
      owner: OWNER_AT_LARGE,
      groups: new Set([BUILT_IN_GROUP.client]),
      grant: grantFrom({ roles, scopes, projects: null }, NOT_NARROWED, resource),
    },
  }
}
