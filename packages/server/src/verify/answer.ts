import { challengeFor, DECISION_HEADER, type Denied, REFUSALS, resourceMetadataUrl } from '@countersign/resource-server'
import type { AllowedDecision, DeniedDecision } from './decision.ts'

const RETRY_AFTER_SECONDS = '1'

/** Exactly 200, no body, every identity header. */
export function allowedResponse({ identity }: AllowedDecision): Response {
  return new Response(null, { headers: identity.headers })
}

export type AnswerContext = {
  /** Resource name, or the product's where none was found. */
  readonly realm: string
  /** Where the resource says who issues tokens for it; undefined: its identifier is no URL, or none was found. */
  readonly resourceMetadata: string | undefined
  readonly dialect: string
  readonly decisionId: string
  /** A browser says so by `Sec-Fetch-Mode`; it would ask the person for a password. */
  readonly isBrowser: boolean
  readonly neededScopes: readonly string[]
}

/** The status that a dialect can carry: nginx's auth_request turns any but 401, 403 and 5xx into 500. */
export function statusIn(dialect: string, code: Denied['code']): number {
  const { status } = REFUSALS[code]
  return dialect === 'nginx' && status === 400 ? 401 : status
}

/** The headers of a refusal: what failed in the words of RFC 6750 §3, and the id by which the operator finds it. */
export function denialHeaders(code: Denied['code'], context: AnswerContext): Record<string, string> {
  const refusal = REFUSALS[code]
  const status = statusIn(context.dialect, code)
  const headers: Record<string, string> = { 'Cache-Control': 'no-store', [DECISION_HEADER]: context.decisionId }
  if (status === 401 || refusal.wire !== null) {
    headers['WWW-Authenticate'] = challengeFor(refusal, {
      realm: context.realm,
      scopes: code === 'scope_missing' ? context.neededScopes : [],
      resourceMetadata: context.resourceMetadata,
      offerBasic: status === 401 && !context.isBrowser,
    })
  }
  if (status === 503) headers['Retry-After'] = RETRY_AFTER_SECONDS
  return headers
}

/** One plain sentence: git and curl show it to a person. */
export function denialResponse(decision: DeniedDecision, decisionId: string): Response {
  const { code } = decision.verdict
  const context = contextOf(decision, decisionId)
  return new Response(`${REFUSALS[code].description}\nDecision ${decisionId}\n`, {
    status: statusIn(context.dialect, code),
    headers: { ...denialHeaders(code, context), 'Content-Type': 'text/plain; charset=utf-8' },
  })
}

export function contextOf(decision: DeniedDecision, decisionId: string): AnswerContext {
  const { asked, resource, matched } = decision
  return {
    realm: resource?.name ?? 'countersign',
    resourceMetadata: resource && resourceMetadataUrl(resource.identifier),
    dialect: asked.dialect,
    decisionId,
    isBrowser: 'headers' in asked && asked.headers.get('sec-fetch-mode') !== null,
    neededScopes: matched?.rule.require.scopes ?? [],
  }
}
