import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { challengeFor } from './challenge.ts'
import { REFUSALS } from './refusals.ts'

describe('the challenge of a denial', () => {
  const rows: [code: keyof typeof REFUSALS, scopes: string[], offerBasic: boolean, value: string][] = [
    ['credential_missing', [], false, 'Bearer realm="webdav"'],
    ['credential_missing', [], true, 'Bearer realm="webdav", Basic realm="webdav", charset="UTF-8"'],
    ['credential_missing', ['files:read'], false, 'Bearer realm="webdav"'], // a stranger learns no scopes
    [
      'credential_revoked',
      ['files:read'],
      false,
      'Bearer realm="webdav", error="invalid_token", error_description="The credential is not valid."',
    ],
    [
      'credential_ambiguous',
      [],
      true,
      'Bearer realm="webdav", error="invalid_request", error_description="Send one credential, not several.", Basic realm="webdav", charset="UTF-8"',
    ],
    [
      'scope_missing',
      ['files:read', 'files:write'],
      false,
      'Bearer realm="webdav", error="insufficient_scope", error_description="The credential lacks a required scope.", scope="files:read files:write"',
    ],
    [
      'scope_missing',
      ['files:read'],
      false,
      'Bearer realm="webdav", error="insufficient_scope", error_description="The credential lacks a required scope.", scope="files:read"',
    ],
    [
      'role_missing',
      [],
      false,
      'Bearer realm="webdav", error="insufficient_scope", error_description="The credential lacks a required role."',
    ],
    ['network_refused', [], false, 'Bearer realm="webdav"'],
  ]
  test.each(rows)('%s, %j, basic %p: %s', (code, scopes, offerBasic, value) => {
    expect(challengeFor(REFUSALS[code], { realm: 'webdav', scopes, offerBasic })).toBe(value)
  })
})

test('unknown, revoked, expired and disabled read alike', () => {
  const options = { realm: 'webdav', offerBasic: true }
  const codes = [
    'credential_foreign',
    'credential_mistyped',
    'credential_revoked',
    'credential_expired',
    'owner_disabled',
  ]
  const texts = codes.map((code) => challengeFor(REFUSALS[code as keyof typeof REFUSALS], options))
  expect(new Set([...texts, challengeFor(REFUSALS.credential_unknown, options)]).size).toBe(1)
})

test('whoever is refused is told where to learn who issues tokens', () => {
  const resourceMetadata = 'https://webdav.example.com/.well-known/oauth-protected-resource'
  const options = { realm: 'webdav', scopes: ['files:read'], resourceMetadata, offerBasic: false }
  expect(challengeFor(REFUSALS.scope_missing, options)).toEndWith(
    `, scope="files:read", resource_metadata="${resourceMetadata}"`,
  )
})

describe('nothing gets out of its quotes', () => {
  const rows: [realm: string, quoted: string][] = [
    ["Alice's files", "Alice's files"],
    ['a"b', 'a%22b'],
    ['a\\b', 'a%5Cb'],
    ['a\r\nb', 'a%0D%0Ab'],
    ['Bücher', 'B%C3%BCcher'],
    ['a\u007f', 'a%7F'],
    ['\ud800', '%EF%BF%BD'],
    ['100%', '100%'],
  ]
  test.each(rows)('realm %j: %s', (realm, quoted) => {
    expect(challengeFor(REFUSALS.credential_missing, { realm, offerBasic: false })).toBe(`Bearer realm="${quoted}"`)
  })

  test('a URL of metadata', () => {
    const options = { realm: 'r', resourceMetadata: 'https://a.example/"\\', offerBasic: true }
    expect(challengeFor(REFUSALS.credential_missing, options)).toBe(
      'Bearer realm="r", resource_metadata="https://a.example/%22%5C", Basic realm="r", charset="UTF-8"',
    )
  })

  test('a scope stays one word', () => {
    const value = challengeFor(REFUSALS.scope_missing, { realm: 'r', scopes: ['a b', 'c"'], offerBasic: false })
    expect(value).toEndWith('scope="a%20b c%22"')
  })

  test('whatever realm and scopes hold, the value is one line of quoted parameters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.string({ unit: 'binary' })), (realm, scopes) => {
        const value = challengeFor(REFUSALS.scope_missing, { realm, scopes, offerBasic: true })
        expect(value).toMatch(/^[A-Za-z]+(?: [a-z_]+="[ !#-[\]-~]*",| Basic| [a-zA-Z_]+="[ !#-[\]-~]*"$)+$/)
      }),
    )
  })
})

test('our own descriptions need no encoding', () => {
  for (const { description } of Object.values(REFUSALS)) expect(description).toMatch(/^[ !#-[\]-~]+$/)
})
