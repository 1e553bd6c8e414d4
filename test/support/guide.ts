import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The root of the repository. */
export const ROOT = join(import.meta.dir, '../..')

/**
 * The fenced block of a guide that is marked with `file=<name>` (```` ```caddyfile file=Caddyfile ````), word for word.
 *
 * A guide whose block was renamed or removed is an error: the tests would otherwise go on without it.
 */
export function guideBlock(guide: string, file: string): string {
  const text = readFileSync(join(ROOT, 'docs/guides', guide), 'utf8')
  const block = new RegExp(`^\`\`\`[a-z]+ file=${RegExp.escape(file)}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(text)
  if (block?.[1] === undefined) throw new Error(`docs/guides/${guide} has no block marked file=${file}`)
  return block[1]
}

/** Replaces the example values of a block by those of a test. A value that the block does not hold is an error. */
export function substitute(block: string, values: Readonly<Record<string, string>>): string {
  let text = block
  for (const [example, value] of Object.entries(values)) {
    if (!text.includes(example)) throw new Error(`the guide no longer says ${example}`)
    text = text.replaceAll(example, value)
  }
  return text
}
