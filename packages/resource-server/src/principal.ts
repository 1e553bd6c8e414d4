/**
 * Whoever a believed credential stands for. A closed union: code that switches on `kind` is complete.
 *
 * `anonymous` exists on public rules only; it is never what a credential stands for.
 */
export type Principal =
  | { readonly kind: 'user'; readonly id: string; readonly name: string; readonly email: string | undefined }
  | { readonly kind: 'client'; readonly id: string; readonly name: string }
  | { readonly kind: 'workload'; readonly id: string; readonly issuer: string; readonly subject: string }
  | { readonly kind: 'anonymous' }

export type PrincipalKind = Principal['kind']

/** The kinds that a rule may name in `principals`; who may be anonymous is said by `public` instead. */
export const CREDENTIALED_KINDS = ['user', 'client', 'workload'] as const satisfies readonly PrincipalKind[]

/** The group that every principal of a kind is in, without being put there. Reserved names (see domain/names.ts). */
export const BUILT_IN_GROUP = { user: 'users', client: 'clients', workload: 'workloads' } as const

export const ANONYMOUS: Principal = { kind: 'anonymous' }
