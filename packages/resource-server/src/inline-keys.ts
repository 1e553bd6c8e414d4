import { JWK_SET_EXPECTED, keyFinder, parseJwkSet, type VerificationKeys } from './jwk-set.ts'
import type { KeyClientOptions } from './remote-keys.ts'

/**
 * Keys that stand in the configuration itself. What is no key set holds no key; whoever takes one in says so, by
 * `parseJwkSet`.
 *
 * @example
 * const keys = inlineKeys({ jwks: { keys: [publicJwk] }, algorithms: ['ES256'] })
 * const key = await keys.find('k1', 'ES256')
 */
export function inlineKeys(options: {
  readonly jwks: unknown
  readonly algorithms: readonly string[]
  readonly onLoad?: KeyClientOptions['onLoad']
}): VerificationKeys {
  let find: ReturnType<typeof keyFinder> | undefined
  const importing = parseJwkSet(options.jwks, options).then((set) => {
    find = keyFinder(set?.keys ?? [])
    options.onLoad?.(set ?? { failure: `it is not ${JWK_SET_EXPECTED}` })
    return find
  })
  return {
    find: (kid, alg) =>
      find === undefined ? importing.then((made) => made(kid, alg) ?? 'unknown') : (find(kid, alg) ?? 'unknown'),
  }
}
