import { fieldPath } from '@countersign/admin-api'
import { AnswerIsNo, UsageError } from '../exit.ts'
import { progressOn } from '../progress.ts'
import type { OnlineSession } from '../session.ts'
import { carryOut } from './carry-out.ts'
import { type DeclaredFile, place } from './declared-file.ts'
import { judge } from './judge.ts'
import { countText, planText, stepTitle } from './print.ts'
import type { Plan, Step } from './step.ts'

export type ApplyOptions = {
  /** The path of the declared file, to which the paths in it are relative. */
  readonly file: string
  readonly dryRun?: true
  readonly check?: true
  readonly prune?: true
  readonly yes?: true
}

/** Makes what is there as the file declares it, and shows what that takes. */
export async function applyFile(session: OnlineSession, file: DeclaredFile, options: ApplyOptions): Promise<void> {
  const { terminal, api, json, print, hint } = session
  const judged = await judge(terminal, api, file, { path: options.file, prune: options.prune === true })
  if ('problems' in judged) {
    throw new UsageError('The file cannot be applied. Nothing was changed:', judged.problems)
  }
  const { plan, passwords } = judged
  const { steps } = plan
  if (!json) terminal.out(planText(terminal, plan))
  for (const { way, message } of plan.notes) hint(`${place(way, file.lineOf)}: ${message}`)
  if (plan.undeclared.length > 0) {
    hint('Made by this file, and no longer declared. --prune deletes:')
    for (const step of plan.undeclared) hint(`  ${stepTitle(step)}`)
  }
  if (steps.length === 0 || options.dryRun || options.check) {
    print(
      answerOf(plan, 0),
      () => (steps.length === 0 ? 'Nothing to do' : `To do: ${countText(steps, 'to')}`) + rest(plan),
    )
    if (options.check && steps.length > 0) throw new AnswerIsNo()
    return
  }

  await confirmPruning(session, steps, options)
  const progress = progressOn(terminal)
  let done = 0
  const onDone = (step: Step, warnings: readonly string[]) => {
    done++
    if (warnings.length > 0) progress.clear()
    for (const warning of warnings) hint(`${stepTitle(step)}: ${warning}`)
    progress.show(`${done} of ${steps.length}: ${stepTitle(step)}`)
  }
  try {
    await carryOut(steps, { api, passwords, lineOf: file.lineOf, onDone })
  } catch (error) {
    progress.clear()
    if (json) print(answerOf(plan, done), () => '')
    hint(`Stopped: ${done} of ${steps.length} steps were done, the others were not. Run it again to go on.`)
    throw error
  }
  progress.clear()
  print(answerOf(plan, done), () => `Done: ${countText(steps, 'done')}${rest(plan)}`)
}

/** For programs: the steps, and how many of them were done. */
function answerOf({ steps, unchanged, notes, undeclared }: Plan, done: number) {
  const told = steps.map((step) => {
    if (step.action === 'delete') return step
    const { way, ...told } = step
    return { ...told, path: fieldPath(way) }
  })
  const said = notes.map(({ way, message }) => ({ path: fieldPath(way), message }))
  return { done, steps: told, unchanged, notes: said, undeclared }
}

function rest({ unchanged }: Plan): string {
  if (unchanged === 0) return '.\n'
  return unchanged === 1 ? '; 1 thing is as declared.\n' : `; ${unchanged} things are as declared.\n`
}

/** Deleting retires names for ever: a person is asked first. A script is not held up: it said --prune. */
async function confirmPruning(
  { terminal, hint }: OnlineSession,
  steps: readonly Step[],
  { yes }: ApplyOptions,
): Promise<void> {
  const count = steps.filter((step) => step.action === 'delete' && step.prunes).length
  if (count === 0 || yes || !terminal.canAsk) return
  const what = count === 1 ? '1 thing that is no longer declared' : `${count} things that are no longer declared`
  const answer = await terminal.ask(`${what} will be deleted; deleted names can never be used again. Go on? [y/N] `)
  if (/^y(es)?$/i.test(answer.trim())) return
  hint('Nothing was changed.')
  throw new AnswerIsNo()
}
