import type { Allowed, Denied, MatchedRule } from '@countersign/resource-server'
import type { KnownCaller } from '../authentication/known-credentials.ts'
import type { Resource } from '../domain/resource.ts'
import type { AskedRequest, Dialect } from './asked.ts'
import type { Identity } from './identity.ts'

/** The steps of the path, in order. */
export const STEPS = ['request', 'rule', 'credential', 'authentication', 'decision', 'answer'] as const
export type Step = (typeof STEPS)[number]

/** What could be read of a request that could not be understood. */
export type UnreadRequest = { readonly dialect: Dialect; readonly now: Date; readonly peer: string | null }

/** One verification: what was asked, how far it got, and the verdict. The record, `why` and `explain` are made of it. */
export type Decision = {
  readonly asked: AskedRequest | UnreadRequest
  readonly resource: Resource | undefined
  readonly matched: MatchedRule | undefined
  readonly caller: KnownCaller | undefined
} & (
  | { readonly verdict: Allowed; readonly step: undefined; readonly identity: Identity }
  | { readonly verdict: Denied; readonly step: Step; readonly identity: undefined }
)

export type AllowedDecision = Extract<Decision, { step: undefined }>
export type DeniedDecision = Exclude<Decision, AllowedDecision>

export function isAllowed(decision: Decision): decision is AllowedDecision {
  return decision.step === undefined
}
