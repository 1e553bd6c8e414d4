import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { referencePages } from '../scripts/reference.ts'

for (const [name, text] of Object.entries(referencePages())) {
  test(`docs/reference/${name} says what the code says; if not, run bun scripts/reference.ts`, () => {
    expect(readFileSync(join(import.meta.dir, '..', 'docs', 'reference', name), 'utf8')).toBe(text)
  })
}
