import type { Decision } from '@countersign/admin-api'

export type DecisionFilter = {
  readonly outcome?: 'allow' | 'deny' | undefined
  readonly resource?: string | undefined
  readonly credential?: string | undefined
  readonly code?: string | undefined
  /** Older than the one with this id. */
  readonly before?: string | undefined
  readonly limit: number
}

/** What was decided, for the operator: newest first. */
export type DecisionLog = {
  find(id: string): Promise<Decision | undefined>
  list(filter: DecisionFilter): Promise<Decision[]>
}
