// The paths of access rules: `/files/**`, `/git/:project.git/**`, `/:project{1,4}.git/**`. No regular expressions:
// matching costs at most (segments × span), and two rules can be compared.

/** A compiled path. Made by `compileRulePath`, read by the functions of this file. */
export type RulePath = {
  readonly text: string
  readonly steps: readonly Step[]
  /** Ends with `**`: zero or more further segments. */
  readonly open: boolean
  /** Where the one step that may take several segments stands; -1 when there is none. */
  readonly spanAt: number
  readonly captures: boolean
}

type Step =
  | { readonly kind: 'literal'; readonly text: string }
  | {
      readonly kind: 'any'
      readonly capture: string | undefined
      /** What the last segment taken must end with, and must be longer than. */
      readonly suffix: string
      readonly min: number
      readonly max: number
    }

/** What a path captured; null when it captures nothing. */
export type PathMatch = { readonly captures: Readonly<Record<string, string>> | null }

const MAX_LENGTH = 1024
const MAX_SEGMENTS = 32
const MAX_SPAN = 8
const CAPTURE = /^:([A-Za-z][A-Za-z0-9_]*)(?:\{([0-9]+)(?:,([0-9]+))?\})?(.*)$/s
const NO_CAPTURES: PathMatch = Object.freeze({ captures: null })

/**
 * Compiles the path of a rule. A problem is a sentence for the author of the rule: it says what to write instead.
 *
 * Security: whatever could never match a request is a problem here. A rule that silently never matches would leave
 * its requests to a laxer rule below it.
 */
export function compileRulePath(text: string): RulePath | { readonly problem: string } {
  const problem = problemOfText(text)
  if (problem !== undefined) return { problem }

  const written = text === '/' ? [] : text.slice(1).split('/')
  const open = written.at(-1) === '**'
  if (open) written.pop()
  if (written.length > MAX_SEGMENTS)
    return { problem: `A path has at most ${MAX_SEGMENTS} segments: match a shorter prefix with '/**'.` }

  const steps: Step[] = []
  const names = new Set<string>()
  let spanAt = -1
  for (const segment of written) {
    const step = compileSegment(segment)
    if ('problem' in step) return step
    if (step.kind === 'any' && step.capture !== undefined) {
      if (names.has(step.capture))
        return { problem: `':${step.capture}' is captured twice: give the second another name.` }
      names.add(step.capture)
      if (step.max > 1 && spanAt !== -1)
        return { problem: `Only one capture may span segments: write ':${step.capture}'.` }
      if (step.max > 1) spanAt = steps.length
    }
    steps.push(step)
  }
  if (open && isEndless(steps, spanAt)) {
    return {
      problem: "Nothing says where the span ends: give it a suffix (':project{1,4}.git'), or a literal before '**'.",
    }
  }
  return { text, steps, open, spanAt, captures: names.size > 0 }
}

/**
 * Matches decoded segments. Of several spans that fit, the shortest is taken.
 *
 * Security: a segment that is empty or holds a slash (both only in ambiguous targets) fits `**` alone, so that
 * `a%2fb` is never taken for the project `a/b`.
 */
export function matchRulePath(path: RulePath, segments: readonly string[]): PathMatch | undefined {
  const { steps, spanAt } = path
  const surplus = segments.length - steps.length
  if (spanAt === -1) {
    if (path.open ? surplus < 0 : surplus !== 0) return undefined
    if (!fits(steps, 0, steps.length, segments, 0)) return undefined
    return path.captures ? capturesOf(path, segments, 1) : NO_CAPTURES
  }

  const span = steps[spanAt]
  if (span?.kind !== 'any' || !fits(steps, 0, spanAt, segments, 0)) return undefined
  const longest = Math.min(span.max, surplus + 1)
  for (let taken = path.open ? span.min : Math.max(span.min, surplus + 1); taken <= longest; taken++) {
    if (!spanFits(span.suffix, segments, spanAt, taken)) continue
    if (fits(steps, spanAt + 1, steps.length, segments, spanAt + taken)) return capturesOf(path, segments, taken)
  }
  return undefined
}

/** Says whether the path is `/**`: the only one that an ambiguous target may be matched with. */
export function isEverything(path: RulePath): boolean {
  return path.open && path.steps.length === 0
}

/** What comparing may still cost: a comparison of two segments is one. */
export type Comparisons = { left: number }

/**
 * Says that whatever one path matches, another certainly matches too. Both come as their shapes, which are made once.
 * False may also mean "not known", also because no comparisons are left: for a linter that warns of rules which are
 * never reached.
 */
export function covers(covering: PathShapes, covered: PathShapes, budget: Comparisons): boolean {
  return covered.every((narrow) => covering.some((wide) => shapeCovers(wide, narrow, budget)))
}

function problemOfText(text: string): string | undefined {
  if (!text.startsWith('/')) return `A path begins with '/': write '/${text.slice(0, 40)}'.`
  if (text.length > MAX_LENGTH) return `A path has at most ${MAX_LENGTH} characters: match a shorter prefix with '/**'.`
  if (text.includes('?')) return "The query is never matched: leave out '?' and what follows."
  if (text.includes('#')) return "A request has no fragment: leave out '#' and what follows."
  if (text.includes('%')) return "Segments are compared decoded: write the character itself instead of its '%' escape."
  if (text.includes('\\')) return "A request with a backslash is always refused: write '/' between segments."
  if (text.includes(';')) return "A request with ';' is refused where paths have rules: leave it out."
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return 'A request with control characters is always refused: leave them out.'
  }
  return undefined
}

function compileSegment(segment: string): Step | { readonly problem: string } {
  if (segment === '') return { problem: 'An empty segment: write single slashes, and none at the end (it is ignored).' }
  if (segment === '.' || segment === '..')
    return { problem: `A request with '${segment}' is always refused: write the path it leads to.` }
  if (segment === '*') return { kind: 'any', capture: undefined, suffix: '', min: 1, max: 1 }
  if (segment === '**') return { problem: "'**' stands at the end only: write '*' for each segment before it." }
  if (segment.startsWith(':')) return compileCapture(segment)
  return problemOfLiteral(segment) ?? { kind: 'literal', text: segment }
}

function compileCapture(segment: string): Step | { readonly problem: string } {
  const [, capture, from, to, suffix = ''] = CAPTURE.exec(segment) ?? []
  if (capture === undefined) {
    return { problem: `'${segment}' has no name: write ':project', letters, digits and '_' after a letter.` }
  }
  const min = Number(from ?? 1)
  const max = Number(to ?? min)
  if (min < 1 || max < min || max > MAX_SPAN) {
    return { problem: `A span takes 1 to ${MAX_SPAN} segments, the smaller first: write ':${capture}{1,4}'.` }
  }
  return problemOfLiteral(suffix) ?? { kind: 'any', capture, suffix, min, max }
}

function problemOfLiteral(text: string): { readonly problem: string } | undefined {
  if (text.includes('*'))
    return { problem: `'*' stands for a whole segment: write '*' or ':name' instead of '${text}'.` }
  if (text.includes(':'))
    return { problem: `A capture begins its segment: write ':name' or ':name.suffix' for '${text}'.` }
  if (/[{}]/.test(text))
    return { problem: `Braces only say how many segments a capture spans: write ':id' or ':id{1,4}' for '${text}'.` }
  return undefined
}

/** An open path whose span could stop anywhere: nobody could say what it captures. */
function isEndless(steps: readonly Step[], spanAt: number): boolean {
  const span = steps[spanAt]
  if (span?.kind !== 'any' || span.min === span.max) return false
  return steps.slice(spanAt).every((step) => step.kind === 'any' && step.suffix === '')
}

function fits(steps: readonly Step[], from: number, to: number, segments: readonly string[], at: number): boolean {
  for (let i = from; i < to; i++) {
    const step = steps[i]
    const segment = segments[at + i - from]
    if (step === undefined || segment === undefined) return false
    if (step.kind === 'literal' ? segment !== step.text : !segmentFits(step.suffix, segment)) return false
  }
  return true
}

function segmentFits(suffix: string, segment: string): boolean {
  if (segment.length <= suffix.length || segment.includes('/')) return false
  return suffix === '' || segment.endsWith(suffix)
}

function spanFits(suffix: string, segments: readonly string[], at: number, taken: number): boolean {
  for (let i = 0; i < taken; i++) {
    const segment = segments[at + i]
    if (segment === undefined || !segmentFits(i === taken - 1 ? suffix : '', segment)) return false
  }
  return true
}

function capturesOf(path: RulePath, segments: readonly string[], spanTaken: number): PathMatch {
  // No prototype: a name that was not captured is undefined, also 'constructor'.
  const captures: Record<string, string> = Object.create(null)
  let at = 0
  for (const [i, step] of path.steps.entries()) {
    const taken = i === path.spanAt ? spanTaken : 1
    if (step.kind === 'any' && step.capture !== undefined) {
      const text = taken === 1 ? (segments[at] ?? '') : segments.slice(at, at + taken).join('/')
      captures[step.capture] = text.slice(0, text.length - step.suffix.length)
    }
    at += taken
  }
  return { captures }
}

/** A path once for every length of its span. */
export type PathShapes = readonly Shape[]

/** One path without spans: what each segment must be, or must end with. */
type Shape = { readonly open: boolean; readonly segments: readonly ({ literal: string } | { suffix: string })[] }

export function shapesOf(path: RulePath): PathShapes {
  const span = path.steps[path.spanAt]
  const [min, max] = span?.kind === 'any' ? [span.min, span.max] : [1, 1]
  return Array.from({ length: max - min + 1 }, (_, i) => ({
    open: path.open,
    segments: path.steps.flatMap((step) => {
      if (step.kind === 'literal') return [{ literal: step.text }]
      const free = step === span ? min + i - 1 : 0
      return [...new Array(free).fill({ suffix: '' }), { suffix: step.suffix }]
    }),
  }))
}

function shapeCovers(wide: Shape, narrow: Shape, budget: Comparisons): boolean {
  budget.left--
  if (!wide.open && narrow.open) return false
  const surplus = narrow.segments.length - wide.segments.length
  if (wide.open ? surplus < 0 : surplus !== 0) return false
  return wide.segments.every((segment, i) => {
    const other = narrow.segments[i]
    if (other === undefined || budget.left <= 0) return false
    budget.left--
    if ('literal' in segment) return 'literal' in other && other.literal === segment.literal
    return 'literal' in other ? segmentFits(segment.suffix, other.literal) : other.suffix.endsWith(segment.suffix)
  })
}
