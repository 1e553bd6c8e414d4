// Who resolves a credential, by its form alone: exactly one, and no other is tried after it.

import { parseIssuedCredential } from './issued-credential.ts'
import { claimOf, parseJwt } from './jwt.ts'
import type { OwnStoreOptions } from './own-store.ts'
import type { Resolve } from './protect-believed.ts'
import type { CountersignSource } from './protect-countersign.ts'
import type { ExternalSource } from './protect-external.ts'
import { RememberedTokens } from './protect-remembered.ts'
import { deny } from './refusals.ts'

export type RecognisedSources = {
  readonly external: ExternalSource
  readonly countersign: CountersignSource | undefined
  readonly own: { readonly options: OwnStoreOptions; readonly resolve: Resolve } | undefined
}

export class Recognition {
  readonly #sources: RecognisedSources
  readonly #remembered = new RememberedTokens()

  constructor(sources: RecognisedSources) {
    this.#sources = sources
  }

  /** Undefined: nobody here; it may still be a static key, else it is foreign. */
  resolverOf(text: string): Resolve | undefined {
    return this.#issued(text) ?? this.#jwt(text) ?? this.#own(text)
  }

  /** For a static key, which has no form of its own: why it would never be asked for. */
  whyOfOtherForm(text: string): string | undefined {
    if (text.startsWith('cs_')) return 'begins with cs_, as credentials of Countersign do: give it another form'
    if (parseJwt(text) !== undefined) return 'holds a JWT: make a random key'
    return this.#own(text) === undefined ? undefined : 'has the form of the keys of the store: give it another'
  }

  #issued(text: string): Resolve | undefined {
    const issued = parseIssuedCredential(text)
    if (issued === undefined) return undefined
    if (issued === 'mistyped') return () => deny('credential_mistyped')
    const { kind } = issued
    if (kind === 'secret') {
      return () => deny('credential_kind_refused', { kind, because: 'a client secret is for the token endpoint alone' })
    }
    const because = 'only Countersign can tell what it is, and no introspection is configured'
    return this.#sources.countersign?.introspect ?? (() => deny('credential_kind_refused', { kind, because }))
  }

  #jwt(text: string): Resolve | undefined {
    if (!text.includes('.')) return undefined
    const jwt = parseJwt(text)
    // For a reader more lenient than we are it would be of that issuer.
    if (jwt === undefined) return this.#isRegistered(claimedIssuer(text)) ? () => deny('token_malformed') : undefined
    const iss = claimOf(jwt.claims, 'iss')
    if (!this.#isRegistered(iss)) return undefined
    const { external, countersign } = this.#sources
    const source = countersign !== undefined && countersign.issuer === iss ? countersign : external
    return this.#remembered.resolve(() => source.verify(jwt))
  }

  #isRegistered(iss: unknown): boolean {
    const { external, countersign } = this.#sources
    return external.isRegistered(iss) || (countersign !== undefined && countersign.issuer === iss)
  }

  #own(text: string): Resolve | undefined {
    const { own } = this.#sources
    if (own === undefined) return undefined
    const { prefix, recognise } = own.options
    const isOwn = prefix === undefined ? recognise?.(text) === true : text.startsWith(prefix)
    return isOwn ? own.resolve : undefined
  }
}

/** Whom a text says that it is of, to the most lenient reader of JWTs. Nothing is believed. */
function claimedIssuer(text: string): unknown {
  const [, part = ''] = text.split('.', 2)
  const letters = part
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replace(/[^A-Za-z0-9+/]/g, '')
  try {
    const said: unknown = JSON.parse(atob(letters.slice(0, letters.length - (letters.length % 4 === 1 ? 1 : 0))))
    return typeof said === 'object' && said !== null && Object.hasOwn(said, 'iss')
      ? Reflect.get(said, 'iss')
      : undefined
  } catch {
    return undefined
  }
}
