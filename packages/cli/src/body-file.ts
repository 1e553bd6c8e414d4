import { fieldProblems } from '@countersign/admin-api'
import { UsageError } from './exit.ts'
import type { Terminal } from './terminal.ts'
import { readTextFile } from './text-file.ts'

/** The part of a schema that is needed here. */
export type Checked<Body> = {
  safeParse(
    value: unknown,
  ): { success: true; data: Body } | { success: false; error: Parameters<typeof fieldProblems>[0] }
}

/** A JSON object from a file, or from stdin for `-`. */
export async function readJsonObject(terminal: Terminal, path: string): Promise<Record<string, unknown>> {
  const value = parse(path, await readTextFile(terminal, path, '--file'))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`--file ${path}: expected a JSON object.`)
  }
  return value as Record<string, unknown>
}

/** The object as the body of a call; every mistake is told before anything is sent. */
export function requireBody<Body>(schema: Checked<Body>, value: unknown): Body {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new UsageError('The body is not acceptable:', fieldProblems(result.error))
}

/**
 * What is to be made, without what only answers hold: so the output of `show --json`, edited, can be sent back. What
 * declares the one that was shown does not declare this one.
 */
export function bodyToMake(value: Record<string, unknown>): Record<string, unknown> {
  const { managed_by: _by, ...body } = bodyToChange(value)
  return body
}

/** What is to be changed, likewise. `managed_by` stays: null takes a thing out of the file that declares it. */
export function bodyToChange(value: Record<string, unknown>): Record<string, unknown> {
  const { created_at: _at, revision: _revision, warnings: _warnings, ...body } = value
  if (body.managed_by !== SERVER) return body
  const { managed_by: _by, ...free } = body
  return free
}

/** In `managed_by`: what the server itself keeps, which nobody can say. */
const SERVER = 'countersign'

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError(`--file ${path}: expected JSON.`)
  }
}
