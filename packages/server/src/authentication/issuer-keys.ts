import { readFile } from 'node:fs/promises'
import {
  discoveredKeys,
  inlineKeys,
  type KeyClientOptions,
  type KeyFetch,
  readKeys,
  remoteKeys,
  type VerificationKeys,
} from '@countersign/resource-server'
import type { RandomBytes } from '../domain/ids.ts'
import type { ExternalIssuer } from '../domain/issuer.ts'
import { IssuerKeyCounts } from './issuer-key-counts.ts'

/** What is fetched from others: judges what may be connected to. */
export type IssuerFetch = (
  uri: string,
  init: {
    readonly signal: AbortSignal
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
    readonly ca?: string | undefined
  },
) => Promise<Response>

export type IssuerKeyOptions = {
  readonly fetch: IssuerFetch
  readonly clock: () => Date
  readonly monotonicMs: () => number
  readonly random: RandomBytes
  readonly log: { warn(details: object, message: string): void }
}

type Source = { readonly settings: string; readonly keys: VerificationKeys }

/** The keys of issuers: of each the same as long as where they come from stays the same, whatever else is changed of it. */
export class IssuerKeySources {
  readonly #sources = new Map<string, Source>()
  /** An issuer is one object as long as nothing of it changes. */
  readonly #ready = new WeakMap<ExternalIssuer, VerificationKeys>()

  readonly counts: IssuerKeyCounts

  constructor(private readonly options: IssuerKeyOptions) {
    this.counts = new IssuerKeyCounts(options.clock)
  }

  of(issuer: ExternalIssuer): VerificationKeys {
    const ready = this.#ready.get(issuer)
    if (ready !== undefined) return ready
    const settings = settingsOf(issuer)
    const kept = this.#sources.get(issuer.name)
    const keys = kept?.settings === settings ? kept.keys : this.#open(issuer)
    this.#sources.set(issuer.name, { settings, keys })
    this.#ready.set(issuer, keys)
    return keys
  }

  #open(issuer: ExternalIssuer): VerificationKeys {
    const { algorithms, keySource, kubernetes } = issuer
    const client = { ...this.#client(issuer), algorithms }
    switch (keySource.kind) {
      case 'jwks':
        return inlineKeys({ jwks: keySource.jwks, algorithms })
      case 'jwks_file':
        return readKeys({ ...client, source: keySource.path, read: () => readKeyFile(keySource.path) })
      case 'jwks_uri':
        return remoteKeys({ ...client, uri: keySource.uri, fetch: this.#fetchFor(issuer) })
      case 'discovery':
        return kubernetes === null || kubernetes.apiServer === null
          ? discoveredKeys({ ...client, issuer: issuer.issuer, fetch: this.#fetchFor(issuer) })
          : remoteKeys({
              ...client,
              uri: `${kubernetes.apiServer.replace(/\/$/, '')}/openid/v1/jwks`,
              fetch: this.#fetchFor(issuer, kubernetes.tokenFile),
            })
    }
  }

  #client({ name }: ExternalIssuer): Omit<KeyClientOptions, 'algorithms'> {
    const { clock, monotonicMs, random, log } = this.options
    return {
      ...{ now: clock, monotonicMs },
      random: () => (random(1)[0] ?? 0) / 255,
      log: (message, details) => log.warn({ issuer: name, ...details }, message),
      onLoad: (loaded) => this.counts.note(name, !('failure' in loaded)),
    }
  }

  /** Files are read for each request, so that what replaces them is found. Security: the token is shown to nobody else. */
  #fetchFor({ caFile }: ExternalIssuer, tokenFile: string | null = null): KeyFetch {
    return async (uri, { signal, headers }) => {
      const shown = tokenFile === null ? {} : { authorization: `Bearer ${await readOwnToken(tokenFile)}` }
      const ca = caFile === null ? undefined : await readFile(caFile, 'utf8')
      return this.options.fetch(uri, { signal, headers: { ...headers, ...shown }, ca })
    }
  }
}

const MAX_FILE_CHARACTERS = 1_000_000
/** What may stand in a header. */
const TOKEN = /^[A-Za-z0-9._~+/=-]+$/

/** Our own projected token. Security: what is read stands in no error. */
export async function readOwnToken(path: string): Promise<string> {
  const text = (await readFile(path, 'utf8')).trim()
  if (!TOKEN.test(text)) throw new Error(`${path} holds no token`)
  return text
}

async function readKeyFile(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8')
  if (text.length > MAX_FILE_CHARACTERS) throw new Error('it is longer than 1 MB')
  try {
    return JSON.parse(text)
  } catch {
    // The error of the runtime quotes the text.
    throw new Error('it is no JSON')
  }
}

function settingsOf({ issuer, algorithms, keySource, caFile, kubernetes }: ExternalIssuer): string {
  return JSON.stringify([issuer, algorithms, keySource, caFile, kubernetes])
}
