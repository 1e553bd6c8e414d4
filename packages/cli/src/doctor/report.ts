import { AnswerIsNo } from '../exit.ts'
import type { Session } from '../session.ts'
import { type Finding, hasFaults, printed, summary } from './finding.ts'

/** Prints what was found. Faults end the command with 1. */
export function report(session: Session, findings: readonly Finding[]): void {
  session.print({ findings }, () => printed(session.terminal, findings))
  session.hint(summary(findings))
  if (hasFaults(findings)) throw new AnswerIsNo()
}
