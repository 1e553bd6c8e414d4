import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { parseHost, parseHostPattern, wildcardOf } from './host.ts'

describe('a host has one canonical form', () => {
  const rows: [written: string, scheme: 'http' | 'https', canonical: string][] = [
    ['app.test', 'https', 'app.test'],
    ['A.B.Example.com', 'https', 'a.b.example.com'],
    ['app.test.', 'https', 'app.test'],
    ['app.test:443', 'https', 'app.test'],
    ['app.test:80', 'https', 'app.test:80'],
    ['app.test:80', 'http', 'app.test'],
    ['app.test:443', 'http', 'app.test:443'],
    ['app.test:8443', 'https', 'app.test:8443'],
    ['A.Test.:8443', 'https', 'a.test:8443'],
    ['A.Test.:443', 'https', 'a.test'],
    ['app.test:65535', 'https', 'app.test:65535'],
    ['app.test:1', 'https', 'app.test:1'],
    ['app.test:8090', 'https', 'app.test:8090'],
    ['az-09.test', 'https', 'az-09.test'],
    ['AZ.test', 'https', 'az.test'],
    ['a', 'http', 'a'],
    ['n1', 'http', 'n1'],
    ['1.a', 'http', '1.a'],
    ['1.2.3.9', 'http', '1.2.3.9'],
    ['localhost', 'http', 'localhost'],
    ['localhost.', 'http', 'localhost'],
    ['my_host-1', 'http', 'my_host-1'],
    ['xn--bcher-kva.example', 'https', 'xn--bcher-kva.example'],
    ['XN--Bcher-KVA.example', 'https', 'xn--bcher-kva.example'],
    ['127.0.0.1', 'http', '127.0.0.1'],
    ['127.0.0.1:8420', 'http', '127.0.0.1:8420'],
    ['node1', 'http', 'node1'],
    ['1.example', 'http', '1.example'],
    ['[::1]', 'http', '[::1]'],
    ['[::1]:80', 'http', '[::1]'],
    ['[0:0:0:0:0:0:0:1]', 'http', '[::1]'],
    ['[::0001]:8443', 'https', '[::1]:8443'],
    ['[2001:0DB8:0::0:1]:443', 'https', '[2001:db8::1]'],
    ['[::FFFF:0a00:1]', 'https', '[::ffff:10.0.0.1]'],
    ['[0:0:0:0:0:ffff:10.0.0.1]', 'https', '[::ffff:10.0.0.1]'],
    ['[2001:DB8::1]:8443', 'https', '[2001:db8::1]:8443'],
    ['[::ffff:10.0.0.1]', 'https', '[::ffff:10.0.0.1]'],
  ]
  test.each(rows)('%p over %s is %p', (written, scheme, canonical) => {
    expect(parseHost(written, scheme)).toBe(canonical)
  })
})

describe('not a host', () => {
  const rows = [
    '',
    ' ',
    '.',
    '..',
    ':80',
    '.app.test',
    'app..test',
    'app.test..',
    'app.test..:443',
    'a.test, b.test',
    'a.test,b.test',
    'a.test b.test',
    ' app.test',
    'app.test ',
    'app.test\t',
    'app.test\n',
    'app\u0000.test',
    'user@app.test',
    'app.test/',
    'app.test/path',
    'app.test?x',
    'app.test#x',
    'app.test\\',
    'app%2etest',
    'app{test',
    'app[test',
    '*.app.test',
    'bücher.example',
    'bÃ¼cher.example',
    'ａpp.test',
    'app.test:',
    'app.test:0',
    'app.test:0443',
    'app.test:65536',
    'app.test:100000',
    'app.test:+443',
    'app.test:44:',
    'app.test:4a3',
    'app.test:443:443',
    'app.test:443.',
    'https://app.test',
    '127.1',
    '127.9',
    '127.0.0.01',
    '127.0.0.256',
    '1.2.3.4.5',
    '0x7f.1',
    '2130706433',
    '::1',
    '2001:db8::1',
    '[::1',
    '[]',
    '[]:80',
    '[::1]x',
    '[::1].',
    '[::1]:',
    '[::1]80',
    '[127.0.0.1]',
    '[fe80::1%eth0]',
    '[v1.x]',
    '[::1]]',
    `${'a.'.repeat(127)}aa`,
  ]
  test.each(rows)('%p', (value) => {
    expect(parseHost(value, 'https')).toBeUndefined()
  })
})

test('255 characters are a host, 256 are not', () => {
  expect(parseHost('a'.repeat(255), 'https')).toBe('a'.repeat(255))
  expect(parseHost('a'.repeat(256), 'https')).toBeUndefined()
})

test('a canonical host stays as it is', () => {
  const units = fc.constantFrom('a', 'B', '1', '0', '.', '-', ':', '443', '[', ']', '::', ',', '@')
  fc.assert(
    fc.property(fc.string({ unit: units }), fc.constantFrom('http', 'https'), (value, scheme) => {
      const host = parseHost(value, scheme)
      if (host !== undefined) expect(parseHost(host, scheme)).toBe(host)
    }),
    { numRuns: 2000 },
  )
})

describe('the wildcard above a host', () => {
  const rows: [host: string, wildcard: string | undefined][] = [
    ['a.example.com', '*.example.com'],
    ['a.b.example.com', '*.b.example.com'],
    ['a.example.com:8443', '*.example.com:8443'],
    ['localhost', undefined],
    ['localhost:8443', undefined],
    ['10.0.0.1', undefined],
    ['10.0.0.1:8443', undefined],
    ['[::1]', undefined],
    ['[::ffff:10.0.0.1]:8443', undefined],
  ]
  test.each(rows)('%p: %p', (host, wildcard) => {
    expect(wildcardOf(host)).toBe(wildcard)
  })
})

describe('the host of a resource', () => {
  const rows: [written: string, pattern: string | undefined][] = [
    ['App.Test', 'app.test'],
    ['app.test:8443', 'app.test:8443'],
    ['app.test:443', 'app.test'],
    ['app.test:80', 'app.test'],
    ['10.0.0.1', '10.0.0.1'],
    ['[::1]:8443', '[::1]:8443'],
    ['*.Example.com', '*.example.com'],
    ['*.example.com.', '*.example.com'],
    ['*.example.com:8443', '*.example.com:8443'],
    ['*.com', undefined],
    ['*.com.', undefined],
    ['*', undefined],
    ['*.', undefined],
    ['*.*.example.com', undefined],
    ['a.*.example.com', undefined],
    ['a*.example.com', undefined],
    ['*example.com', undefined],
    ['*.10.0.0.1', undefined],
    ['*.0.0.1', undefined],
    ['*.[::1]', undefined],
    ['', undefined],
  ]
  test.each(rows)('%p: %p', (written, pattern) => {
    expect(parseHostPattern(written)).toBe(pattern)
  })
})

test('a host below a configured wildcard finds it, one label deep', () => {
  expect(wildcardOf(parseHost('A.Example.com.', 'https') ?? '')).toBe(parseHostPattern('*.example.com') ?? '')
  expect(wildcardOf('a.b.example.com')).not.toBe('*.example.com')
})
