/** One header line as it is sent. Two lines of one name stay two. */
export type Line = readonly [name: string, value: string]

/** The credentials that the caller has at hand; see world.ts for what each may do. */
export type Wallet = { readonly [name in WalletName]: string }
export type WalletName = 'key' | 'other' | 'reader' | 'confined' | 'forgeOnly'

/** What the proxy says that is asked for. */
export type Asked = { readonly method: string; readonly proto: string; readonly host: string; readonly uri: string }

/** What an honest proxy would say where a vector says nothing else. */
export const HONEST: Asked = { method: 'GET', proto: 'https', host: 'webdav.example.com', uri: '/' }

/**
 * What the caller is answered, and which refusal the operator finds.
 *
 * `N401` nothing was shown; `T401` what was shown is not believed; `R400` the request or the credential is malformed;
 * `S403` a right is missing, `F403` a policy forbids; `U503` cannot tell; `E500` a bug.
 */
export type Expected = 'OK' | readonly [kind: 'N401' | 'T401' | 'R400' | 'S403' | 'F403', code: string]

/** One line of the catalogue as data: run against the server in each dialect, and against the library. */
export type Vector = {
  readonly name: string
  readonly lines?: (wallet: Wallet) => readonly Line[]
  readonly asks?: Partial<Asked>
  readonly expected: Expected
  /** In the dialect of nginx, where it is not the same. */
  readonly nginx?: Expected
}

export function bearer(credential: string): Line {
  return ['Authorization', `Bearer ${credential}`]
}

export function basic(userPassword: string): Line {
  return ['Authorization', `Basic ${Buffer.from(userPassword).toString('base64')}`]
}
