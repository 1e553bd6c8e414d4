/** One thing that was looked at, and what to do about it. `unchecked`: it could not be looked at. */
export type Finding = {
  /** What it is called, for programs. */
  readonly check: string
  readonly level: 'ok' | 'warning' | 'fault' | 'unchecked'
  readonly says: string
  readonly todo?: readonly string[]
}

export function ok(check: string, says: string): Finding {
  return { check, level: 'ok', says }
}

export function warning(check: string, says: string, ...todo: string[]): Finding {
  return { check, level: 'warning', says, todo }
}

export function fault(check: string, says: string, ...todo: string[]): Finding {
  return { check, level: 'fault', says, todo }
}

export function unchecked(check: string, says: string, ...todo: string[]): Finding {
  return { check, level: 'unchecked', says, todo }
}

/** The words of an error, in one line, to stand within a sentence. */
export function because(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return line.replace(/[.?!]$/, '')
}
