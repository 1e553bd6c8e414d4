import { z } from 'zod'
import { Declaration } from './declaration.ts'

/**
 * What a declared file may hold, as JSON Schema, for editors: they complete fields, show what they mean and mark what
 * cannot be. Made of the schema that files are read with.
 *
 * It is the looser of the two. What takes more than the shape of one value (reserved names, one of several fields, what
 * refers to what) is judged when the file is applied; whatever is refused by this is refused there.
 */
export function declarationSchema(): z.core.JSONSchema.BaseSchema {
  // Draft 7 is what editors know. Without references: they would be numbered, and a change of one field renumber all.
  const options = { io: 'input', target: 'draft-7', reused: 'inline', override: inWordsOfJsonSchema } as const
  return { ...z.toJSONSchema(Declaration, options), title: 'What countersign apply brings about' }
}

/** OpenAPI has one `example` of a value, JSON Schema a list of `examples`. */
function inWordsOfJsonSchema({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  const { example, pattern } = jsonSchema
  delete jsonSchema.example
  if (example !== undefined && example !== null) jsonSchema.examples = [example]
  if (pattern !== undefined)
    jsonSchema.pattern = pattern.replaceAll(/\\p\{(Cc|Zl|Zp)\}/g, (_, name) => CLASSES[name] ?? '')
}

/** Classes of characters spelled out: some editors read patterns without the flag that these names need. */
const CLASSES: Readonly<Record<string, string>> = { Cc: '\\u0000-\\u001f\\u007f-\\u009f', Zl: '\\u2028', Zp: '\\u2029' }
