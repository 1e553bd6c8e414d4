import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { parseAbsoluteTarget, parseRequestTarget } from './request-target.ts'

describe('segments are decoded once', () => {
  const rows: [target: string, segments: string[]][] = [
    ['/', []],
    ['/?', []],
    ['/a', ['a']],
    ['/a/', ['a']],
    ['/a/b/c.mkv', ['a', 'b', 'c.mkv']],
    ['/library/a%20b/c.mkv?x=1', ['library', 'a b', 'c.mkv']],
    ['/ADMIN', ['ADMIN']],
    ['/%61dmin', ['admin']],
    ['/%41', ['A']],
    ['/b%C3%BCcher', ['bücher']],
    ['/b%c3%bccher', ['bücher']],
    ['/%F0%9F%8E%AC', ['🎬']],
    ['/%EF%BB%BFa', ['\ufeffa']],
    ['/%EF%BD%81dmin', ['ａdmin']], // full-width, not folded
    ['/%252e%252e', ['%2e%2e']],
    ['/%252f', ['%2f']],
    ['/%25zz', ['%zz']],
    ['/a%23b', ['a#b']],
    ['/a%3Fb?c', ['a?b']],
    ['/...', ['...']],
    ['/..a', ['..a']],
    ['/.well-known/x', ['.well-known', 'x']],
    ['/a..', ['a..']],
    ['/a+b', ['a+b']],
    ["/!$&'()*,=:@~-_", ["!$&'()*,=:@~-_"]],
    ['/"<>^`{|}', ['"<>^`{|}']], // not of the grammar, but nobody reads anything else in them
    ['/a?b?c/../d', ['a']],
    ['/a?!~', ['a']],
    ['/a?%zz%00', ['a']],
    ['/a?x=//;%2f', ['a']],
  ]
  test.each(rows)('%p: %j', (target, segments) => {
    const [path = ''] = target.split('?')
    expect(parseRequestTarget(target)).toEqual({ path, segments, ambiguous: false })
  })
})

describe('ambiguous, refused where a rule looks at the path', () => {
  const rows: [target: string, segments: string[]][] = [
    ['//', ['']],
    ['///', ['', '']],
    ['//admin', ['', 'admin']],
    ['//evil.test/admin', ['', 'evil.test', 'admin']],
    ['/a//b', ['a', '', 'b']],
    ['/a//', ['a', '']],
    ['/a%2fb', ['a/b']],
    ['/a%2Fb', ['a/b']],
    ['/%2f', ['/']],
    ['/%2fadmin', ['/admin']],
    ['/a;v=1/b', ['a;v=1', 'b']],
    ['/;', [';']],
    ['/a%3bb', ['a;b']],
    ['/a%3Bb', ['a;b']],
    ['/...;x', ['...;x']],
    ['/a%20;', ['a ;']],
  ]
  test.each(rows)('%p: %j', (target, segments) => {
    expect(parseRequestTarget(target)).toEqual({ path: target, segments, ambiguous: true })
  })
})

describe('always refused', () => {
  const rows: [why: string, ...targets: string[]][] = [
    ['not a path', '', 'a', '?x', '*', 'http://evil.test/', 'evil.test:80', ' /a', '%2fa'],
    ['dot segments', '/.', '/..', '/./', '/../', '/a/../b', '/a/./b', '/pub/../admin', '/a/..', '/a/..?x'],
    ['encoded dot segments', '/%2e', '/%2E%2e', '/pub/%2e%2e/admin', '/pub/.%2e/admin', '/pub/%2e./admin'],
    [
      'dot segments before a parameter',
      '/pub/..;/admin',
      '/..;x',
      '/.;',
      '/.;a=b/c',
      '/%2e%2e;x',
      '/..%3bx',
      '/%2e%3B',
    ],
    ['dot segments after one', '/pub/;/../admin', '/a;/..'],
    ['dot segments between encoded slashes', '/a%2f..%2fb', '/..%2fa', '/a%2f%2e%2e', '/a%2F.', '/a%2f..;x%2fb'],
    ['dot segments between double slashes', '/pub//../admin', '//..', '//../admin'],
    ['backslashes', '/a\\b', '/pub\\..\\admin', '/a%5cb', '/a%5C', '/\\evil.test', '/a\\?b'],
    ['fragments', '/#', '/a#b', '/a?b#c', '/a#?b'],
    ['control bytes', '/a\tb', '/a\nb', '/a\rb', '/a\u0000', '/a\u007f', '/a?\u0000', '/a?\r\nX: y', '/a?\u007f'],
    ['encoded control bytes', '/%00', '/%0d%0a', '/a%09b', '/%1f', '/%1F', '/%7f', '/%7F'],
    ['spaces', '/a b', '/a ', '/ ', '/a?b c', '/a, /b'],
    ['bytes outside ASCII', '/bücher', '/bÃ¼cher', '/ａdmin', '/admın', '/a\u0080', '/a?ü', '/🎬'],
    [
      'bad escapes',
      '/%',
      '/a%',
      '/a%2',
      '/a%zz',
      '/%g0',
      '/%0g',
      '/%%',
      '/%2',
      '/a%/b',
      '/%u0041',
      '/%-1',
      '/% 1',
      '/a%?20',
    ],
    ['overlong UTF-8', '/%C0%AE%C0%AE', '/%C0%AF', '/%E0%80%AF', '/%E0%80%AE', '/%F0%80%80%AF', '/%C1%9C'],
    ['surrogates', '/%ED%A0%80', '/%ED%BF%BF', '/%ED%A0%BD%ED%B8%80'],
    ['beyond U+10FFFF', '/%F4%90%80%80', '/%F5%80%80%80', '/%F8%88%80%80%80', '/%FF', '/%FE'],
    ['UTF-8 cut short', '/%C3', '/%C3/', '/%C3/%BC', '/%E2%82', '/%C3a', '/%C3%20', '/%80', '/%BC'],
  ]
  for (const [why, ...targets] of rows) {
    test.each(targets)(`${why}: %p`, (target) => {
      expect(parseRequestTarget(target)).toBeUndefined()
    })
  }
})

test('8192 characters are read, 8193 are not', () => {
  expect(parseRequestTarget(`/${'a'.repeat(8191)}`)?.segments).toEqual(['a'.repeat(8191)])
  expect(parseRequestTarget(`/${'a'.repeat(8192)}`)).toBeUndefined()
  expect(parseRequestTarget(`/?${'a'.repeat(8191)}`)).toBeUndefined()
})

const sent = fc.string({
  unit: fc.constantFrom(
    '/',
    '/',
    '.',
    '..',
    'a',
    '%2e',
    '%2f',
    '%5c',
    '%25',
    '%00',
    '%C3%BC',
    '%',
    ';',
    '?',
    '#',
    '\\',
    ' ',
    'ü',
  ),
  maxLength: 12,
})

test('an accepted target means the same to a reader that normalises', () => {
  fc.assert(
    fc.property(sent, (tail) => {
      const target = parseRequestTarget(`/${tail}`)
      if (target === undefined || target.ambiguous) return
      const normalised = new URL(`https://app.test/${tail}`)
      expect(normalised.host).toBe('app.test')
      const segments = normalised.pathname.replace(/\/$/, '').split('/').slice(1).map(decodeURIComponent)
      expect(target.segments).toEqual(segments)
    }),
    { numRuns: 5000 },
  )
})

test('no accepted segment holds a dot segment, a backslash or a control character', () => {
  fc.assert(
    fc.property(sent, (tail) => {
      for (const segment of parseRequestTarget(`/${tail}`)?.segments ?? []) {
        for (const part of segment.split('/')) expect(['.', '..']).not.toContain(part.split(';')[0] ?? '')
        expect(segment).not.toMatch(/[\\\p{Cc}]/u)
      }
    }),
    { numRuns: 5000 },
  )
})

test('any name survives being escaped and read', () => {
  const name = fc
    .string({ unit: 'binary', minLength: 1 })
    .filter((text) => !/^\.\.?(?:$|;)|[/\\;]/.test(text) && ![...text].some((unit) => unit < ' ' || unit === '\u007f'))
  fc.assert(
    fc.property(fc.array(name), (names) => {
      const target = `/${names.map(encodeURIComponent).join('/')}`
      expect(parseRequestTarget(target)).toEqual({ path: target, segments: names, ambiguous: false })
    }),
  )
})

describe('an absolute URI', () => {
  const rows: [uri: string, scheme: 'http' | 'https', host: string, target: string][] = [
    ['https://app.test/a?b', 'https', 'app.test', '/a?b'],
    ['http://app.test/', 'http', 'app.test', '/'],
    ['HTTPS://App.Test:443/a', 'https', 'app.test', '/a'],
    ['https://app.test.:8443/a', 'https', 'app.test:8443', '/a'],
    ['ws://app.test/socket', 'http', 'app.test', '/socket'],
    ['wss://app.test/socket', 'https', 'app.test', '/socket'],
    ['WSS://app.test:443/', 'https', 'app.test', '/'],
    ['https://app.test', 'https', 'app.test', '/'],
    ['https://app.test?x=/y', 'https', 'app.test', '/?x=/y'],
    ['https://[::1]:8443/a', 'https', '[::1]:8443', '/a'],
    ['https://app.test//evil.test/', 'https', 'app.test', '//evil.test/'],
    ['https://app.test/../a', 'https', 'app.test', '/../a'], // judged by parseRequestTarget
    ['https://app.test/@evil.test', 'https', 'app.test', '/@evil.test'],
  ]
  test.each(rows)('%p is %s, %s, %s', (uri, scheme, host, target) => {
    expect(parseAbsoluteTarget(uri)).toEqual({ scheme, host, target })
  })
})

describe('not an absolute URI of ours', () => {
  const rows = [
    '',
    '/a',
    '//app.test/a',
    'app.test/a',
    'https:/app.test/a',
    'https:app.test',
    'https:///a',
    'https://',
    'https://?x',
    'https://user@app.test/',
    'https://user:password@app.test/',
    'https://good.test@evil.test/',
    'https://app.test#@evil.test/',
    'https://app.test\\@evil.test/',
    'https://app.test\\/',
    'https://a.test, https://b.test',
    'https://a.test,b.test/',
    ' https://app.test/',
    'javascript://app.test/',
    'ftp://app.test/',
    'file:///etc/passwd',
    'httpss://app.test/',
    'https://http://app.test/',
    'https://app.test:0/',
    'https://app.test:x/',
    'https://bücher.example/',
    '__proto__://app.test/',
  ]
  test.each(rows)('%p', (uri) => {
    expect(parseAbsoluteTarget(uri)).toBeUndefined()
  })
})
