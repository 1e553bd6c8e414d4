import { z } from 'zod'

/** How the mistake of a field that there is not begins. */
export const UNKNOWN_FIELD = 'unknown field'

/** A request object: every field is known, any other is a mistake that names the fields there are. */
export function body<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `${UNKNOWN_FIELD}; expected ${Object.keys(shape).join(', ') || 'no field at all'}`
        : undefined,
  })
}

/** The issue for fields of which at most one may stand, put at the second one. */
export function refuseTogether(
  fields: readonly string[],
  value: Record<string, unknown>,
  context: z.RefinementCtx,
): void {
  const [first, second] = fields.filter((field) => value[field] !== undefined)
  if (first === undefined || second === undefined) return
  context.addIssue({ code: 'custom', path: [second], message: `expected at most one of ${fields.join(', ')}` })
}
