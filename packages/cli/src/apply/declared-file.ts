import { Declaration, type FieldProblem, fieldMistakes, fieldPath } from '@countersign/admin-api'
import { type ErrorCode, LineCounter, parseDocument, type YAMLError } from 'yaml'
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
  const syntax = [...document.errors, ...document.warnings].map((error) => ({
    path: `line ${lines.linePos(error.pos[0]).line}`,
    message: syntaxMessage(error),
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

const SYNTAX: { readonly [Code in ErrorCode]?: string } = {
  MULTIPLE_DOCS: 'expected one document a file',
  TAG_RESOLVE_FAILED: 'a tag that means nothing here',
  BAD_COLLECTION_TYPE: 'a tag that does not fit what it is for',
  BAD_DIRECTIVE: 'a directive that means nothing here',
  BAD_DQ_ESCAPE: 'an escape sequence that there is not',
}

/** Security: never what stands there. Where the text is broken, that may be a credential in the wrong place. */
function syntaxMessage({ code, message }: YAMLError): string {
  const [said = ''] = code === 'UNEXPECTED_TOKEN' ? message.split(': ') : [message]
  return SYNTAX[code] ?? said
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
