import { Declaration, type FieldProblem, fieldMistakes, fieldPath } from '@countersign/admin-api'
import { LineCounter, parseDocument } from 'yaml'
import { type FieldWay, type LineOf, lineFinder } from './line-of.ts'
import { findRepeated } from './repeated.ts'

/** Something that cannot stand in the file, and where. */
export type Mistake = { readonly way: FieldWay; readonly message: string }

/** A file that was read: what it declares, and where. */
export type DeclaredFile = { readonly declaration: Declaration; readonly lineOf: LineOf }

/** Reads a declared file. Every mistake in what it declares is told at once, each with its line. */
export function parseDeclaredFile(text: string): DeclaredFile | { readonly problems: FieldProblem[] } {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true })
  const syntax = [...document.errors, ...document.warnings].map(({ code, message, pos }) => ({
    path: `line ${lines.linePos(pos[0]).line}`,
    message: code === 'MULTIPLE_DOCS' ? 'expected one document a file' : message,
  }))
  // What stands after the first is said because of the first.
  if (syntax[0] !== undefined) return { problems: [syntax[0]] }

  const lineOf = lineFinder(document, lines)
  const value = contentsOf(document)
  if (value === TANGLED) {
    const message = 'an alias stands for nothing that is anchored before it, or for far too much'
    return { problems: [{ path: 'the file', message }] }
  }
  const result = Declaration.safeParse(value)
  const mistakes = [...findRepeated(value), ...(result.success ? [] : mistakesIn(result.error))]
  if (!result.success || mistakes.length > 0) return { problems: problemsAt(mistakes, lineOf) }
  return { declaration: result.data, lineOf }
}

/** Where something stands: `users[1].email (line 7)`. */
export function place(way: FieldWay, lineOf: LineOf): string {
  return `${fieldPath(way)} (line ${lineOf(way)})`.trimStart()
}

/** The mistakes in the order of their lines. */
export function problemsAt(mistakes: readonly Mistake[], lineOf: LineOf): FieldProblem[] {
  const sorted = mistakes.toSorted((one, other) => lineOf(one.way) - lineOf(other.way))
  return sorted.map(({ way, message }) => ({ path: place(way, lineOf), message }))
}

const TANGLED = Symbol('aliases that cannot be followed')

/** Aliases could make a mountain of a small file: the parser stops at a hundred. */
function contentsOf(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS()
  } catch {
    return TANGLED
  }
}

function mistakesIn(error: Parameters<typeof fieldMistakes>[0]): Mistake[] {
  return fieldMistakes(error).map(({ path, message }) => ({ way: path, message }))
}
