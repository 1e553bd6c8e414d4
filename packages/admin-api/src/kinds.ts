// Who there is, on the wire. Each kind stands here once: whatever names kinds is made of these lists.

import { z } from 'zod'

/** Who is registered here and owns credentials. */
const OWNER_KINDS = ['client', 'user'] as const
/** Who may hold a permission. */
export const HOLDER_KINDS = ['group', ...OWNER_KINDS] as const
/** Whom a believed credential can stand for. */
const PRINCIPAL_KINDS = [...OWNER_KINDS, 'workload'] as const

export type HolderKind = (typeof HOLDER_KINDS)[number]

/** Names to show what a reference looks like. */
const EXAMPLE_ID: { readonly [Kind in (typeof OWNER_KINDS)[number]]: string } = { client: 'canister', user: 'alice' }

export const ownerKind = () => z.enum(OWNER_KINDS, oneOf(OWNER_KINDS))

export const principalKind = () => z.enum(PRINCIPAL_KINDS, oneOf(PRINCIPAL_KINDS))

/** `client:canister`: an owner in one word. */
export const ownerText = () => z.string().regex(OWNER_TEXT, `expected an owner like ${OWNER_EXAMPLES}`)

const OWNER_TEXT = new RegExp(`^(${OWNER_KINDS.join('|')}):[a-z0-9][a-z0-9._@-]{0,62}$`)
const OWNER_EXAMPLES = either(OWNER_KINDS.map((kind) => `${kind}:${EXAMPLE_ID[kind]}`))

function oneOf(words: readonly string[]): string {
  return `expected ${either(words)}`
}

/** `"client", "user" or "workload"` */
function either(words: readonly string[]): string {
  const quoted = words.map((word) => `"${word}"`)
  return [quoted.slice(0, -1).join(', '), ...quoted.slice(-1)].join(' or ')
}
