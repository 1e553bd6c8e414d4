import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { compileRulePath, covers, isEverything, matchRulePath, type RulePath, shapesOf } from './rule-path.ts'

function path(text: string): RulePath {
  const compiled = compileRulePath(text)
  if ('problem' in compiled) throw new Error(`${text}: ${compiled.problem}`)
  return compiled
}

/** The segments of a target as `parseRequestTarget` gives them, without escapes. */
function segmentsOf(target: string): string[] {
  return target === '/' ? [] : target.slice(1).split('/')
}

describe('a rule path matches', () => {
  const rows: [rule: string, target: string, captures: Record<string, string> | null][] = [
    ['/', '/', null],
    ['/**', '/', null],
    ['/**', '/a/b/c', null],
    ['/**', '/a//b', null],
    ['/a/**', '/a', null],
    ['/a/**', '/a/b/c', null],
    ['/a', '/a', null],
    ['/a b', '/a b', null],
    ['/bücher', '/bücher', null],
    ['/*', '/a', null],
    ['/a/*/c', '/a/b/c', null],
    ['/*/**', '/a', null],
    ['/:project', '/atlas', { project: 'atlas' }],
    ['/:project/**', '/atlas/issues/1', { project: 'atlas' }],
    ['/*/:p2', '/a/b', { p2: 'b' }],
    ['/:owner/:repo/issues', '/o/r/issues', { owner: 'o', repo: 'r' }],
    ['/git/:project.git/**', '/git/atlas.git/info/refs', { project: 'atlas' }],
    ['/git/:project.git/**', '/git/atlas.git', { project: 'atlas' }],
    ['/git/:project.git', '/git/a.git.git', { project: 'a.git' }],
    ['/:project-api/x', '/atlas-api/x', { project: 'atlas' }],
    ['/:project{1,4}.git/**', '/a.git/info/refs', { project: 'a' }],
    ['/:project{1,4}.git/**', '/a/b/c/d.git/info/refs', { project: 'a/b/c/d' }],
    ['/:project{1,4}.git/**', '/a.git/b.git/info', { project: 'a' }], // the shortest
    ['/:project{2,4}.git/**', '/a.git/b.git/info', { project: 'a.git/b' }],
    ['/:project{1,4}/-/tree', '/a/b/-/tree', { project: 'a/b' }],
    ['/:project{1,4}/-/**', '/a/b/-/x/-/y', { project: 'a/b' }],
    ['/:project{1,4}', '/a/b/c', { project: 'a/b/c' }],
    ['/:project{2}/**', '/a/b/c', { project: 'a/b' }],
    ['/:group/:project{1,2}/:file', '/g/a/b/f', { group: 'g', project: 'a/b', file: 'f' }],
    ['/:project{1,8}/x', '/1/2/3/4/5/6/7/8/x', { project: '1/2/3/4/5/6/7/8' }],
    ['/:constructor', '/a', { constructor: 'a' }],
  ]
  test.each(rows)('%p, %p: %j', (rule, target, captures) => {
    const match = matchRulePath(path(rule), segmentsOf(target))
    expect(match).toBeDefined()
    expect(match?.captures && { ...match.captures }).toEqual(captures)
  })
})

describe('a rule path does not match', () => {
  const rows: [rule: string, target: string][] = [
    ['/', '/a'],
    ['/a', '/'],
    ['/a', '/A'],
    ['/a', '/ab'],
    ['/a', '/a/b'],
    ['/a/b', '/a'],
    ['/a/**', '/ab'],
    ['/a/**', '/'],
    ['/a/**', '/b/a'],
    ['/*', '/'],
    ['/*', '/a/b'],
    ['/*/b', '//b'], // an empty segment
    ['/:project/b', '//b'],
    ['/:project.git', '/.git'],
    ['/:project.git', '/git'],
    ['/:project.git', '/a.GIT'],
    ['/:project.git', '/a.git.'],
    ['/:project.git', '/a/b.git'],
    ['/:project{1,4}.git/**', '/a/b/c/d/e.git/info'],
    ['/:project{1,4}.git/**', '/a/b/c'],
    ['/:project{1,4}.git/**', '/a/.git'],
    ['/:project{1,4}.git/**', '/a//b.git'],
    ['/:project{2,4}.git/**', '/a.git/info'],
    ['/:project{1,2}/x', '/a/b/c/x'],
    ['/:project{1,2}/x', '/x'],
    ['/:project{2}', '/a'],
    ['/:project{2}', '/a/b/c'],
    ['/a/:project{1,2}', '/b/c'],
  ]
  test.each(rows)('%p, %p', (rule, target) => {
    expect(matchRulePath(path(rule), segmentsOf(target))).toBeUndefined()
  })
})

test("a segment that holds a slash fits '**' alone", () => {
  for (const rule of ['/*', '/:project', '/:project{1,2}']) expect(matchRulePath(path(rule), ['a/b'])).toBeUndefined()
  expect(matchRulePath(path('/**'), ['a/b'])).toBeDefined()
})

test('a match without captures allocates nothing', () => {
  expect(matchRulePath(path('/**'), ['a'])).toBe(matchRulePath(path('/a/*'), ['a', 'b']))
})

test('what was not captured is undefined, whatever its name', () => {
  const captures = matchRulePath(path('/:project'), ['a'])?.captures
  expect(captures?.constructor).toBeUndefined()
})

describe('a rule path that could not mean what it says', () => {
  const rows: [text: string, problem: string][] = [
    ['', "A path begins with '/': write '/'."],
    ['a/**', "A path begins with '/': write '/a/**'."],
    ['**', "A path begins with '/': write '/**'."],
    ['/*'.repeat(33), "A path has at most 32 segments: match a shorter prefix with '/**'."],
    [`/${'a'.repeat(1024)}`, "A path has at most 1024 characters: match a shorter prefix with '/**'."],
    ['/a?b', "The query is never matched: leave out '?' and what follows."],
    ['/a#b', "A request has no fragment: leave out '#' and what follows."],
    ['/a%20b', "Segments are compared decoded: write the character itself instead of its '%' escape."],
    ['/a\\b', "A request with a backslash is always refused: write '/' between segments."],
    ['/a;b', "A request with ';' is refused where paths have rules: leave it out."],
    ['/a\u007f', 'A request with control characters is always refused: leave them out.'],
    ['/a\tb', 'A request with control characters is always refused: leave them out.'],
    ['//', 'An empty segment: write single slashes, and none at the end (it is ignored).'],
    ['/a//b', 'An empty segment: write single slashes, and none at the end (it is ignored).'],
    ['/a/', 'An empty segment: write single slashes, and none at the end (it is ignored).'],
    ['/./a', "A request with '.' is always refused: write the path it leads to."],
    ['/a/../b', "A request with '..' is always refused: write the path it leads to."],
    ['/**/a', "'**' stands at the end only: write '*' for each segment before it."],
    ['/**/**', "'**' stands at the end only: write '*' for each segment before it."],
    ['/a*', "'*' stands for a whole segment: write '*' or ':name' instead of 'a*'."],
    ['/*.git', "'*' stands for a whole segment: write '*' or ':name' instead of '*.git'."],
    ['/***', "'*' stands for a whole segment: write '*' or ':name' instead of '***'."],
    ['/:project*', "'*' stands for a whole segment: write '*' or ':name' instead of '*'."],
    ['/x-:project', "A capture begins its segment: write ':name' or ':name.suffix' for 'x-:project'."],
    ['/:owner:repo', "A capture begins its segment: write ':name' or ':name.suffix' for ':repo'."],
    ['/users/{id}', "Braces only say how many segments a capture spans: write ':id' or ':id{1,4}' for '{id}'."],
    ['/:project{,4}', "Braces only say how many segments a capture spans: write ':id' or ':id{1,4}' for '{,4}'."],
    ['/:project{1,}', "Braces only say how many segments a capture spans: write ':id' or ':id{1,4}' for '{1,}'."],
    ['/:', "':' has no name: write ':project', letters, digits and '_' after a letter."],
    ['/:1', "':1' has no name: write ':project', letters, digits and '_' after a letter."],
    ['/:__proto__', "':__proto__' has no name: write ':project', letters, digits and '_' after a letter."],
    ['/:p{0,4}', "A span takes 1 to 8 segments, the smaller first: write ':p{1,4}'."],
    ['/:p{4,1}', "A span takes 1 to 8 segments, the smaller first: write ':p{1,4}'."],
    ['/:p{1,9}', "A span takes 1 to 8 segments, the smaller first: write ':p{1,4}'."],
    ['/:p/:p', "':p' is captured twice: give the second another name."],
    ['/:a{1,2}/:b{2}', "Only one capture may span segments: write ':b'."],
    [
      '/:p{1,4}/**',
      "Nothing says where the span ends: give it a suffix (':project{1,4}.git'), or a literal before '**'.",
    ],
    [
      '/:p{1,4}/*/**',
      "Nothing says where the span ends: give it a suffix (':project{1,4}.git'), or a literal before '**'.",
    ],
  ]
  test.each(rows)('%p: %s', (text, problem) => {
    expect(compileRulePath(text)).toEqual({ problem })
  })
})

test('a path of 1024 characters compiles', () => {
  expect(path(`/${'a'.repeat(1023)}`).text).toHaveLength(1024)
})

test("only '/**' is everything", () => {
  expect(isEverything(path('/**'))).toBe(true)
  for (const text of ['/', '/*', '/*/**', '/a/**', '/:p']) expect(isEverything(path(text))).toBe(false)
})

function isCovered(by: RulePath, covered: RulePath): boolean {
  return covers(shapesOf(by), shapesOf(covered), { left: 10_000 })
}

describe('one path covers another', () => {
  const rows: [covering: string, covered: string, covers: boolean][] = [
    ['/**', '/', true],
    ['/**', '/:project{1,4}.git/**', true],
    ['/a/**', '/a', true],
    ['/a/**', '/a/*/c', true],
    ['/*', '/a', true],
    ['/*', '/:project.git', true],
    ['/:project', '/*', true],
    ['/:x.git', '/:y.old.git', true],
    ['/:x.git', '/a.git', true],
    ['/*/**', '/:p{1,4}', true],
    ['/:a{1,4}.git', '/:b{2,3}.git', true],
    ['/a', '/a/**', false],
    ['/a', '/*', false],
    ['/a/**', '/**', false],
    ['/*', '/', false],
    ['/*', '/a/b', false],
    ['/:x.git', '/.git', false],
    ['/:x.git', '/:y', false],
    ['/:a{1,2}', '/:b{1,3}', false],
    ['/a/b', '/a/c', false],
  ]
  test.each(rows)('%p, %p: %p', (covering, covered, expected) => {
    expect(isCovered(path(covering), path(covered))).toBe(expected)
  })
})

test('comparing two paths takes what it may, and no more', () => {
  const [wide, narrow] = [
    shapesOf(path(`/:a{1,8}.g${'/*'.repeat(31)}`)),
    shapesOf(path(`/:b{1,8}.g${'/*'.repeat(31)}`)),
  ]
  const enough = { left: 10_000 }
  expect(covers(wide, narrow, enough)).toBe(true)
  const spent = 10_000 - enough.left
  expect(spent).toBeLessThan(8 * 8 * 40)
  const little = { left: 100 }
  expect(covers(wide, narrow, little)).toBe(false)
  expect(little.left).toBeGreaterThan(-64)
})

test('a path of 32 segments compiles, with ** after them or not', () => {
  expect(path('/*'.repeat(32)).steps).toHaveLength(32)
  expect(path(`${'/*'.repeat(32)}/**`).steps).toHaveLength(32)
})

const ruleSegment = fc.constantFrom('a', 'b.x', '*', ':N', ':N.x', ':N{1,2}.x', ':N{2}', ':N{1,3}')
const rule = fc
  .tuple(fc.array(ruleSegment, { maxLength: 3 }), fc.boolean())
  .map(
    ([segments, open]) => `/${[...segments.map((s, i) => s.replace('N', `n${i}`)), ...(open ? ['**'] : [])].join('/')}`,
  )
  .map(compileRulePath)
  .filter((compiled) => !('problem' in compiled)) as fc.Arbitrary<RulePath>
const segments = fc.array(fc.constantFrom('a', 'b.x', 'a.x', '.x', '', 'c'), { maxLength: 5 })

test('a path covers itself, and what a covered path matches the covering one matches', () => {
  let covered = 0
  fc.assert(
    fc.property(rule, rule, fc.array(segments, { minLength: 20, maxLength: 20 }), (wide, narrow, targets) => {
      expect(isCovered(narrow, narrow)).toBe(true)
      if (!isCovered(wide, narrow)) return
      for (const target of targets) {
        if (matchRulePath(narrow, target) === undefined) continue
        covered++
        expect(matchRulePath(wide, target)).toBeDefined()
      }
    }),
    { numRuns: 5000 },
  )
  expect(covered).toBeGreaterThan(100)
})

test('captures and literals put together again are the target', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', 'c.git'), { minLength: 1, maxLength: 5 }), (target) => {
      const match = matchRulePath(path('/:project{1,4}.git/**'), target)
      if (match === undefined) return
      expect(`${target.join('/')}/`.startsWith(`${match.captures?.project}.git/`)).toBe(true)
    }),
  )
})
