import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { parseJsonObject } from './json.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const read = (text: string) => parseJsonObject(bytes(text))

describe('an object with one meaning is read', () => {
  const texts: readonly string[] = [
    '{}',
    ' {\t"a" :\r\n1 } ',
    '{"a":{"a":{"a":1}}}',
    '{"a":"{\\"a\\":1,\\"a\\":2}"}',
    '{"a":["a","a","a:"],"b":"a\\\\","c":"\\":"}',
    '{"\\u0061":1,"b":2}',
    '{"":1,"\\"":2,"\\\\":3}',
    String.raw`{"a":"\\\"","b":"\\\\","c":1}`,
    '{"__proto__":1,"constructor":2,"toString":3}',
    '{"a":"\\ud800"}',
  ]
  for (const text of texts) test(text, () => expect(read(text)).toEqual(JSON.parse(text)))

  test('a name of the prototype is a member like any other, and gives nothing to the object', () => {
    const value = read('{"__proto__":{"admin":true}}') ?? {}
    expect(Object.hasOwn(value, '__proto__')).toBe(true)
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect('admin' in value).toBe(false)
  })
})

describe('anything else is not', () => {
  const texts: Readonly<Record<string, string>> = {
    'nothing at all': '',
    'a list': '[]',
    'a text': '"a"',
    'a number': '1',
    null: 'null',
    'two objects': '{}{}',
    'a comma too many': '{"a":1,}',
    'a comment': '{/**/}',
    'single quotes': "{'a':1}",
    'a name without quotes': '{a:1}',
    NaN: '{"a":NaN}',
    'a number in hexadecimal': '{"a":0x1}',
    'a line end in a text': '{"a":"\n"}',
    'a BOM': '\ufeff{}',
    'a NUL behind': '{}\u0000',
    'another white space': '\u00a0{}',
    'a name twice': '{"a":1,"a":1}',
    'a name twice, once as an escape': '{"a":1,"\\u0061":2}',
    'a name twice, as two escapes': '{"\\u0061\\/":1,"a/":2}',
    'a name twice behind a text that looks like one': '{"b":"a\\":","a":1,"a":2}',
    'a name twice, deep inside': '{"x":[[{"y":{"a":1,"b":[],"a":2}}]]}',
    'a name twice, far apart': `{"a":1,"b":{"c":["${'x'.repeat(1000)}"]},"a":2}`,
    'an empty name twice': '{"":1,"":2}',
    '__proto__ twice': '{"__proto__":1,"__proto__":2}',
    'a name twice with spaces before its colon': '{"a" :1,"a"\n:2}',
  }
  for (const [what, text] of Object.entries(texts)) test(what, () => expect(read(text)).toBeUndefined())

  test('32 levels are read, 33 are not, whatever they are made of', () => {
    const lists = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
    const objects = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`
    for (const nest of [lists, objects]) {
      expect(read(nest(32))).toBeDefined()
      expect(read(nest(33))).toBeUndefined()
      expect(read(nest(100_000))).toBeUndefined()
    }
  })

  const broken: readonly (readonly number[])[] = [
    [0xff],
    [0xc3],
    [0xc0, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xf5, 0x80, 0x80, 0x80],
    [0xe2, 0x82],
  ]
  for (const sequence of broken) {
    test(`bytes that are no UTF-8: ${sequence.map((byte) => byte.toString(16)).join(' ')}`, () => {
      const text = Uint8Array.from([...bytes('{"a":"'), ...sequence, ...bytes('"}')])
      expect(parseJsonObject(text)).toBeUndefined()
    })
  }
})

/** Says whether an object, or one inside it, is written with a name twice: read by another hand, with a reviver's count. */
function isPlain(text: string): boolean {
  let members = 0
  const count = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const member of Object.values(value)) count(member)
    members += Array.isArray(value) ? 0 : Object.keys(value).length
  }
  count(JSON.parse(text))
  // Outside of texts, a colon stands behind each name that is written and nowhere else.
  const written = text.replace(/"(?:[^"\\]|\\.)*"/gs, '').split(':').length - 1
  return written === members
}

const name = fc.constantFrom('a', 'b', '__proto__', 'iss', '', '"', '\\', ':', 'ü')
const escapedName = name.chain((one) =>
  fc.constantFrom(
    JSON.stringify(one),
    `"${[...one].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`,
  ),
)
const { value } = fc.letrec<{ value: string; object: string }>((tie) => ({
  object: fc
    .array(fc.tuple(escapedName, fc.constantFrom('', ' ', '\n\t'), tie('value')), { maxLength: 4 })
    .map((members) => `{${members.map(([key, space, one]) => `${key}${space}:${space}${one}`).join(',')}}`),
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('1', 'null', '"a"', '"\\":"', '"{\\"a\\":1}"', '-0.5e3'),
    tie('object'),
    fc.array(tie('value'), { maxLength: 3 }).map((all) => `[${all.join(', ')}]`),
  ),
}))

test('what is read is what JSON.parse reads, and it is read exactly when no name comes twice', () => {
  let accepted = 0
  let refused = 0
  fc.assert(
    fc.property(value, (text) => {
      const parsed = read(text)
      const isObject = text.startsWith('{')
      if (parsed === undefined) {
        refused++
        expect(isObject && isPlain(text)).toBe(false)
      } else {
        accepted++
        expect(parsed).toEqual(JSON.parse(text))
        expect(isPlain(text)).toBe(true)
      }
    }),
    { numRuns: 2000 },
  )
  expect(Math.min(accepted, refused)).toBeGreaterThan(100)
})

test('no bytes throw, and none are read that JSON.parse does not read', () => {
  const some = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.string({ unit: fc.constantFrom(...'{}[]":,\\u0a1 \n'), maxLength: 40 }).map(bytes),
  )
  fc.assert(
    fc.property(some, (input) => {
      const parsed = parseJsonObject(input)
      if (parsed !== undefined) expect(parsed).toEqual(JSON.parse(new TextDecoder().decode(input)))
    }),
    { numRuns: 5000 },
  )
})
