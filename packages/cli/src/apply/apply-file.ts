import { fieldPath } from '@countersign/admin-api'
import { AnswerIsNo, UsageError } from '../exit.ts'
import type { OnlineSession } from '../session.ts'
import { carryOut } from './carry-out.ts'
import { type DeclaredFile, type Mistake, problemsAt } from './declared-file.ts'
import { readPasswords } from './passwords.ts'
import { makePlan } from './plan.ts'
import { readPresent } from './present.ts'
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

const PROGRESS_STEPS = 100

/** Makes what is there as the file declares it, and shows what that takes. */
export async function applyFile(session: OnlineSession, file: DeclaredFile, options: ApplyOptions): Promise<void> {
  const { terminal, api, json, print, hint } = session
  const { declaration } = file
  const plan = makePlan(declaration, await readPresent(api), { prune: options.prune === true })
  if ('mistakes' in plan) throw refused(plan.mistakes, file)
  const { passwords, mistakes } = readPasswords(terminal, declaration, plan.steps, options.file)
  if (mistakes.length > 0) throw refused(mistakes, file)

  const { steps } = plan
  if (!json) terminal.out(planText(terminal, plan))
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
  let done = 0
  const onDone = (step: Step, warnings: readonly string[]) => {
    done++
    for (const warning of warnings) hint(`${stepTitle(step)}: ${warning}`)
    if (done % PROGRESS_STEPS === 0 && done < steps.length) hint(`${done} of ${steps.length}`)
  }
  try {
    await carryOut(steps, { api, passwords, lineOf: file.lineOf, onDone })
  } catch (error) {
    if (json) print(answerOf(plan, done), () => '')
    hint(`Stopped: ${done} of ${steps.length} steps were done, the others were not. Run it again to go on.`)
    throw error
  }
  print(answerOf(plan, done), () => `Done: ${countText(steps, 'done')}${rest(plan)}`)
}

function refused(mistakes: readonly Mistake[], { lineOf }: DeclaredFile): UsageError {
  return new UsageError('The file cannot be applied. Nothing was changed:', problemsAt(mistakes, lineOf))
}

/** For programs: the steps, and how many of them were done. */
function answerOf({ steps, unchanged, undeclared }: Plan, done: number) {
  const told = steps.map((step) => {
    if (step.action === 'delete') return step
    const { way, ...told } = step
    return { ...told, path: fieldPath(way) }
  })
  return { done, steps: told, unchanged, undeclared }
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
