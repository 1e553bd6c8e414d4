// Tokens of Kubernetes ServiceAccounts: what they have to say, and those that never end.

import { type Claims, claimOf, textClaim } from './jwt.ts'

const CLAIM = 'kubernetes.io'
const LEGACY_ISSUER = 'kubernetes/serviceaccount'
const LEGACY_PREFIX = 'kubernetes.io/serviceaccount/'

/**
 * Says of a token from a ServiceAccount's Secret what it is, and what to use in its place: it is for everybody who asks,
 * and never ends. Undefined: it is none.
 *
 * @example
 * whyLegacyToken({ iss: 'kubernetes/serviceaccount' }) // 'it is the token of a ServiceAccount Secret, …'
 */
export function whyLegacyToken(claims: Claims): string | undefined {
  const isLegacy =
    claimOf(claims, 'iss') === LEGACY_ISSUER || Object.keys(claims).some((name) => name.startsWith(LEGACY_PREFIX))
  return isLegacy
    ? 'it is the token of a ServiceAccount Secret, which has no audience and no end: mount a projected token (serviceAccountToken) with an audience in its place'
    : undefined
}

/**
 * Says why the ServiceAccount that the claim `kubernetes.io` tells of is not the subject. Undefined: it is, or the token is
 * of no cluster and need not be.
 *
 * Security: the subject is what rules look at, and the claim is where they take the uid from: both have to be of the same.
 *
 * @see KEP-1205, https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
 */
export function whyNoServiceAccount(claims: Claims, subject: string, isRequired: boolean): string | undefined {
  if (!Object.hasOwn(claims, CLAIM)) {
    return isRequired ? `it is no ServiceAccount token: its claim ${CLAIM} is missing` : undefined
  }
  const bound = objectOf(claims, CLAIM)
  const account = bound && objectOf(bound, 'serviceaccount')
  const namespace = bound && textClaim(bound, 'namespace')
  const name = account && textClaim(account, 'name')
  if (namespace === undefined || name === undefined) return `its claim ${CLAIM} names no namespace and ServiceAccount`
  if (subject === `system:serviceaccount:${namespace}:${name}`) return undefined
  return `its sub is not the ServiceAccount that its claim ${CLAIM} names`
}

function objectOf(claims: Claims, name: string): Claims | undefined {
  const value = claimOf(claims, name)
  return typeof value === 'object' && value !== null ? (value as Claims) : undefined
}
