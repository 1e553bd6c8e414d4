import type { Declaration } from '@countersign/admin-api'
import { findDifferences } from './differences.ts'
import { entriesOf, LIST_OF, type NamedNoun, type NamedPresent, nounText, presentOf } from './nouns.ts'
import { deletedKey, type Present } from './present.ts'
import type { PartOfPlan, Step } from './step.ts'

/** What to do about the things of a noun that have names. */
export function planNamed(noun: NamedNoun, declaration: Declaration, present: Present): PartOfPlan {
  const { name: file, adopt: adoptsAll } = declaration
  const there = presentOf(noun, present)
  const entries = entriesOf(noun, declaration)
  const part: PartOfPlan = { steps: [], mistakes: [], notes: [], unchanged: 0 }

  for (const [index, { name, adopt, body, wanted }] of entries.entries()) {
    const of = { noun, name, way: [LIST_OF[noun], index] }
    const thing = there.get(name)
    if (thing === undefined && present.deleted.has(deletedKey(noun, name))) {
      const message = `${nounText(noun)} ${name} was deleted, and its name is never given again: take it out, or choose another name`
      part.mistakes.push({ way: of.way, message })
      continue
    }
    if (thing === undefined) {
      part.steps.push({ ...of, action: 'create', body: { ...body, managed_by: file } })
      continue
    }
    const adopts = thing.managed_by !== file
    if (adopts && !(adopt || adoptsAll)) {
      part.mistakes.push({ way: of.way, message: madeElsewhere(noun, thing) })
      continue
    }
    const differences = findDifferences(thing.fields, wanted)
    const sent = Object.fromEntries(differences.map(({ field, after }) => [field, after]))
    const change = { ...sent, ...(adopts && { managed_by: file }) }
    if (Object.keys(change).length === 0) part.unchanged++
    else part.steps.push({ ...of, action: 'change', id: name, differences, adopts, body: change })
  }

  const declared = new Set(entries.map(({ name }) => name))
  const undeclared = [...there.values()].filter(({ name, managed_by }) => managed_by === file && !declared.has(name))
  part.steps.push(...undeclared.map(({ name }): Step => ({ action: 'delete', noun, name, id: name, prunes: true })))
  return part
}

function madeElsewhere(noun: NamedNoun, { name, managed_by }: NamedPresent): string {
  const by = managed_by === null ? 'by hand' : `by the declared file ${managed_by}`
  return `${nounText(noun)} ${name} is there already, made ${by}; "adopt: true" takes it over`
}
