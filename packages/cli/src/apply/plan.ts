import type { Declaration } from '@countersign/admin-api'
import { planCredentials } from './credentials.ts'
import type { DeclaredCredential } from './declared-credentials.ts'
import type { Mistake } from './declared-file.ts'
import { findMeaningless } from './meaningless.ts'
import { planNamed } from './named.ts'
import { NAMED_NOUNS } from './nouns.ts'
import { inOrder } from './order.ts'
import { planPermissions } from './permissions.ts'
import type { Present } from './present.ts'
import { findDangling } from './references.ts'
import type { Delete, Plan, Step } from './step.ts'

export type PlanOptions = {
  readonly prune: boolean
  /** The keys and secrets that are declared, read from where they are. */
  readonly credentials: readonly DeclaredCredential[]
  readonly now: Date
}

/**
 * What has to be done for everything declared to be there as declared. Pure; what the file did not make is left alone
 * unless it is adopted, and what it is silent of is deleted only if `prune` says so.
 */
export function makePlan(
  declaration: Declaration,
  present: Present,
  { prune, credentials, now }: PlanOptions,
): Plan | { readonly mistakes: readonly Mistake[] } {
  const parts = [
    ...NAMED_NOUNS.map((noun) => planNamed(noun, declaration, present)),
    planPermissions(declaration, present),
    planCredentials(declaration.name, credentials, present, now),
  ]
  const steps = parts.flatMap((part) => part.steps)
  const undeclared = steps.filter(isPruning)
  const mistakes = [
    ...parts.flatMap((part) => part.mistakes),
    ...findDangling(declaration, present, prune ? undeclared : []),
    ...findMeaningless(declaration, present),
  ]
  if (mistakes.length > 0) return { mistakes }
  return {
    steps: inOrder(prune ? steps : steps.filter((step) => !isPruning(step)), declaration, present),
    notes: parts.flatMap((part) => part.notes),
    unchanged: parts.reduce((sum, { unchanged }) => sum + unchanged, 0),
    undeclared: prune ? [] : undeclared,
  }
}

function isPruning(step: Step): step is Delete {
  return step.action === 'delete' && step.prunes
}
