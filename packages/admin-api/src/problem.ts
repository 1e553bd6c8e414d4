import { z } from 'zod'
import { UNKNOWN_FIELD } from './body.ts'

/** One field that is wrong: where it is, and what was expected there. */
export const FieldProblem = z.object({
  path: z.string().meta({ description: 'The field, empty for the whole body.', example: 'rules[0].require.scopes[0]' }),
  message: z.string().meta({ description: 'What was expected.', example: 'expected a scope like "files:read"' }),
})
export type FieldProblem = z.infer<typeof FieldProblem>

/** What every call that fails is answered with. @see RFC 9457 */
export const Problem = z
  .object({
    type: z.string().meta({ description: 'The kind of problem, a URN.', example: 'urn:countersign:problem:not_found' }),
    title: z.string().meta({ description: 'A constant sentence.', example: 'There is no such thing.' }),
    status: z.int().meta({ description: 'The HTTP status again.', example: 404 }),
    code: z.string().meta({ description: 'Stable, for programs.', example: 'not_found' }),
    detail: z.string().optional().meta({ description: 'What happened this time.', example: 'No client is called x.' }),
    problems: z.array(FieldProblem).optional().meta({ description: 'Every field that is wrong.' }),
  })
  .meta({ description: 'Problem details (RFC 9457).' })
export type Problem = z.infer<typeof Problem>

/**
 * Outcomes of the management API that are not refusals: nobody lacks a right here, the call cannot be carried out.
 * Refusals (401, 403, 503) have their own table in `@countersign/resource-server`.
 */
export const PROBLEMS = {
  invalid_body: { status: 400, title: 'The body is not acceptable.' },
  invalid_query: { status: 400, title: 'The query is not acceptable.' },
  not_found: { status: 404, title: 'There is no such thing.' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here.' },
  name_taken: { status: 409, title: 'The name is taken.' },
  id_retired: { status: 409, title: 'The name was used before and is never given again.' },
  in_use: { status: 409, title: 'Something else still needs this.' },
  immutable_resource: { status: 409, title: 'The resource countersign cannot be changed.' },
  conflict: { status: 409, title: 'The call does not fit the present state.' },
  too_large: { status: 413, title: 'The body is too large.' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json.' },
  busy: { status: 429, title: 'Too much of this is under way.' },
} as const satisfies Record<string, { status: number; title: string }>

export type ProblemCode = keyof typeof PROBLEMS

export function problemType(code: string): string {
  return `urn:countersign:problem:${code}`
}

/** The problem details of one outcome, ready to be sent. */
export function problem(code: ProblemCode, extra: { detail?: string; problems?: FieldProblem[] } = {}): Problem {
  const { status, title } = PROBLEMS[code]
  return { type: problemType(code), title, status, code, ...extra }
}

/** No field's name is that long, and every credential of ours is longer: somebody may put one where a name belongs. */
const MAX_NAME_CHARACTERS = 40

/** Every mistake of a parse, each at its field. Says what was expected, never what was sent. */
export function fieldProblems(error: z.ZodError): FieldProblem[] {
  return fieldMistakes(error).map(({ path, message }) => ({ path: fieldPath(path), message }))
}

/** The same with the way to each field part by part, for those who know the text that it came from. */
export function fieldMistakes(error: z.ZodError): { path: readonly PropertyKey[]; message: string }[] {
  return error.issues.flatMap(({ path, message, ...issue }) => {
    if (issue.code === 'unrecognized_keys') {
      // Zod's own sentence repeats the fields.
      const said = message.startsWith(UNKNOWN_FIELD) ? message : UNKNOWN_FIELD
      return issue.keys.map((key) => ({ path: [...path, key], message: said }))
    }
    return [{ path, message: expectation(message) }]
  })
}

/** A way to a field as it is written: `rules[0].require.scopes[0]`. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    const name = nameAlone(String(part))
    return text === '' ? name : `${text}.${name}`
  }, '')
}

/** Security: where a credential was pasted in the place of a name, the way to it gets into answers and logs. */
function nameAlone(part: string): string {
  return part.length > MAX_NAME_CHARACTERS ? '…' : part.replace(/cs_[a-z]+_[0-9A-Za-z]{8,}/g, 'cs_…')
}

/** Zod's own sentences in the words of ours: "Invalid input: expected string, received undefined". */
function expectation(message: string): string {
  if (message.endsWith(', received undefined')) {
    return `missing; ${message.slice(message.indexOf('expected'), message.indexOf(', received'))}`
  }
  const start = message.indexOf('expected')
  return start > 0 && /^(Invalid|Too)/.test(message) ? message.slice(start) : message
}
