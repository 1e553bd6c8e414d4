import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { extractCredential, type Presented, TOO_LONG_TO_READ } from './extract-credential.ts'

// Ours are `our-…`: what may stand behind the hyphen is the business of whoever recognises.
const KEY = 'our-KEY'
const recognise = (text: string) => (text.startsWith('our-') ? 'ours' : undefined)

const NORMAL = { header: undefined, foreign: 'reject' } as const
const PASSING = { header: undefined, foreign: 'pass' } as const
const OWN_HEADER = { header: 'x-dav-token', foreign: 'reject' } as const
const OWN_HEADER_PASSING = { header: 'x-dav-token', foreign: 'pass' } as const

type Fields = Record<string, string>

/** Fields as they arrive: a runtime's Headers trims them, a gRPC map does not. */
function headersOf(fields: Fields) {
  return { get: (name: string) => fields[name] ?? null }
}

function extract(fields: Fields, sources: Parameters<typeof extractCredential>[1] = NORMAL) {
  return shown(extractCredential(headersOf(fields), sources, recognise))
}

function shown(presented: Presented<string>): string {
  if (presented.outcome === 'none') return 'none'
  if (presented.outcome === 'presented') return `${presented.via} ${presented.text}`
  const via = presented.detail.via
  return via === undefined ? presented.code : `${presented.code} ${via}`
}

function basic(userPassword: string): string {
  return `Basic ${Buffer.from(userPassword, 'utf8').toString('base64')}`
}

function basicBytes(...bytes: number[]): string {
  return `Basic ${Buffer.from(bytes).toString('base64')}`
}

describe('Authorization', () => {
  const rows: [value: string, outcome: string][] = [
    [`Bearer ${KEY}`, `bearer ${KEY}`],
    [`bearer ${KEY}`, `bearer ${KEY}`],
    [`BEARER ${KEY}`, `bearer ${KEY}`],
    [`bEaReR ${KEY}`, `bearer ${KEY}`],
    [`Bearer   ${KEY}`, `bearer ${KEY}`],
    [`Bearer ${KEY} `, `bearer ${KEY}`],
    [` \tBearer ${KEY}\t `, `bearer ${KEY}`],
    ['Bearer our-._~+/x==', 'bearer our-._~+/x=='],
    [`Bearer\t${KEY}`, 'credential_malformed'],
    [`Bearer \t${KEY}`, 'credential_malformed'],
    ['', 'credential_malformed'],
    ['  ', 'credential_malformed'],
    ['Bearer', 'credential_malformed'],
    ['Bearer ', 'credential_malformed'],
    ['bearer', 'credential_malformed'],
    ['Basic', 'credential_malformed'],
    ['Basic ', 'credential_malformed'],
    [`Bearer ${KEY} ${KEY}`, 'credential_malformed'],
    [`Bearer ${KEY};x`, 'credential_malformed'],
    [`Bearer "${KEY}"`, 'credential_malformed'],
    [`Bearer ${KEY}\u0000`, 'credential_malformed'],
    [`Bearer ${KEY}\u007f`, 'credential_malformed'],
    [`Bearer ${KEY}\u0085`, 'credential_malformed'],
    [`Bearer ${KEY}ü`, 'credential_malformed'],
    [`Bearer our-ＫEY`, 'credential_malformed'],
    [`Bearer ${KEY},`, 'credential_ambiguous'],
    [`Bearer ${KEY}, Bearer ${KEY}`, 'credential_ambiguous'],
    [`Bearer ${KEY},Bearer our-other`, 'credential_ambiguous'],
    [`Bearer foreign, Bearer ${KEY}`, 'credential_ambiguous'],
    [`Bearer, Bearer ${KEY}`, 'credential_ambiguous'],
    [`, Bearer ${KEY}`, 'credential_ambiguous'],
    [`Basic eA==, Bearer ${KEY}`, 'credential_ambiguous'],
    [`Bearer ${KEY}, Digest x="y"`, 'credential_ambiguous'],
    [`Digest x="y", Bearer ${KEY}`, 'credential_ambiguous'],
    [`Negotiate,\tbasic ${KEY}`, 'credential_ambiguous'],
    ['Bearer foreign', 'credential_foreign bearer'],
    ['Bearer ghp_0123456789', 'credential_foreign bearer'],
    ['Bearer %6Fur-KEY', 'credential_foreign bearer'],
    ['Bearer our-KEY%20', 'credential_foreign bearer'],
    [`Bearer our-KEY'`, 'credential_foreign bearer'],
    ['Bearer our-{x}', 'credential_foreign bearer'],
    [`Token ${KEY}`, 'credential_foreign authorization'],
    [`ApiKey ${KEY}`, 'credential_foreign authorization'],
    [`Bearerx ${KEY}`, 'credential_foreign authorization'],
    [`Bearer:${KEY}`, 'credential_foreign authorization'],
    ['Negotiate', 'credential_foreign authorization'],
    ['Digest username="alice", realm="x"', 'credential_foreign authorization'],
    [KEY, 'credential_foreign authorization'],
  ]
  test.each(rows)('%j: %s', (value, outcome) => {
    expect(extract({ authorization: value })).toBe(outcome)
  })
})

describe('Basic: any username, the password is the credential', () => {
  const rows: [what: string, value: string, outcome: string][] = [
    ['with a username', basic(`alice:${KEY}`), `basic ${KEY}`],
    ['without a username', basic(`:${KEY}`), `basic ${KEY}`],
    ['scheme in lower case', basic(`x:${KEY}`).replace('Basic', 'basic'), `basic ${KEY}`],
    ['two spaces', basic(`x:${KEY}`).replace(' ', '  '), `basic ${KEY}`],
    ['without padding', basic(`alice1:${KEY}`).replace(/=+$/, ''), `basic ${KEY}`],
    ['a username outside ASCII', basic(`bücher:${KEY}`), `basic ${KEY}`],
    ['a username whose bytes look like C1 controls', basic(`À\u{10ffff}:${KEY}`), `basic ${KEY}`],
    ['a colon in the password', basic('alice:our-a:b'), 'credential_foreign basic'],
    ['the credential as username', basic(`${KEY}:x`), 'credential_foreign basic'],
    ['the credential as username, no password', basic(`${KEY}:`), 'credential_malformed'],
    ['a human password', basic('alice:correct horse, battery "staple"; ü'), 'credential_foreign basic'],
    ['a password of ours with something behind', basic(`alice:${KEY} `), 'credential_foreign basic'],
    ['no colon', basic('alice'), 'credential_malformed'],
    ['nothing', basic(''), 'credential_malformed'],
    ['a colon alone', basic(':'), 'credential_malformed'],
    ['a NUL', basic(`alice:${KEY}\u0000`), 'credential_malformed'],
    ['a line end', basic(`alice\r\n:${KEY}`), 'credential_malformed'],
    ['a DEL', basic(`alice:${KEY}\u007f`), 'credential_malformed'],
    ['latin-1', basicBytes(0x62, 0xfc, 0x3a, 0x78), 'credential_malformed'],
    ['overlong UTF-8', basicBytes(0xc0, 0xba, 0x3a, 0x78), 'credential_malformed'],
    ['a surrogate', basicBytes(0xed, 0xa0, 0x80, 0x3a, 0x78), 'credential_malformed'],
    ['not base64', 'Basic a*b=', 'credential_malformed'],
    ['the URL alphabet', 'Basic Pz8_Og-_', 'credential_malformed'],
    ['a length that base64 never has', 'Basic eDp4a', 'credential_malformed'],
    ['too little padding', 'Basic eDp4eA=', 'credential_malformed'],
    ['padding in the middle', 'Basic eA==Ong=', 'credential_malformed'],
    ['a space inside', 'Basic eDp4 eDp4', 'credential_malformed'],
    ['a tab before', 'Basic\teDp4', 'credential_malformed'],
    ['two of them', `${basic(`x:${KEY}`)}, ${basic(`x:${KEY}`)}`, 'credential_ambiguous'],
  ]
  test.each(rows)('%s', (_, value, outcome) => {
    expect(extract({ authorization: value })).toBe(outcome)
  })
})

describe('X-Api-Key', () => {
  const rows: [value: string, outcome: string][] = [
    [KEY, `api_key ${KEY}`],
    [` ${KEY}\t`, `api_key ${KEY}`],
    ['', 'credential_malformed'],
    ['\t', 'credential_malformed'],
    [`${KEY} x`, 'credential_malformed'],
    [`Bearer ${KEY}`, 'credential_malformed'],
    [`${KEY};`, 'credential_malformed'],
    [`${KEY}, ${KEY}`, 'credential_ambiguous'],
    ['foreign', 'credential_foreign api_key'],
    ['%6Fur-KEY', 'credential_foreign api_key'],
  ]
  test.each(rows)('%j: %s', (value, outcome) => {
    expect(extract({ 'x-api-key': value })).toBe(outcome)
  })
})

describe('never read', () => {
  const rows = ['proxy-authorization', 'cookie', 'x_api_key', 'authentication', 'x-auth-token', 'x-forwarded-uri']
  test.each(rows)('%s', (name) => {
    expect(extract({ [name]: `Bearer ${KEY}` })).toBe('none')
  })

  test('no field at all', () => {
    expect(extractCredential(new Headers(), NORMAL, recognise)).toEqual({ outcome: 'none' })
  })
})

test('a duplicate field that a runtime joins is refused', () => {
  const headers = new Headers()
  headers.append('Authorization', `Bearer ${KEY}`)
  headers.append('Authorization', `Bearer ${KEY}`)
  expect(shown(extractCredential(headers, NORMAL, recognise))).toBe('credential_ambiguous')
})

describe('Authorization and X-Api-Key', () => {
  const rows: [authorization: string, apiKey: string, rejecting: string, passing: string][] = [
    [`Bearer ${KEY}`, KEY, 'credential_ambiguous', 'credential_ambiguous'],
    [`Bearer ${KEY}`, 'our-other', 'credential_ambiguous', 'credential_ambiguous'],
    [basic(`x:${KEY}`), KEY, 'credential_ambiguous', 'credential_ambiguous'],
    [`Bearer ${KEY}`, 'foreign', 'credential_ambiguous', `bearer ${KEY}`],
    ['Bearer foreign', KEY, 'credential_ambiguous', `api_key ${KEY}`],
    ['Digest x="y"', KEY, 'credential_ambiguous', `api_key ${KEY}`],
    ['Bearer foreign', 'foreign', 'credential_ambiguous', 'none'],
    ['Bearer', KEY, 'credential_malformed', 'credential_malformed'],
    [`Bearer ${KEY}`, '', 'credential_malformed', 'credential_malformed'],
    ['Bearer foreign', 'a b', 'credential_malformed', 'credential_malformed'],
    [`Bearer ${KEY}, Bearer x`, KEY, 'credential_ambiguous', 'credential_ambiguous'],
    [`Bearer ${KEY}, Bearer x`, 'a b', 'credential_malformed', 'credential_malformed'],
    ['Bearer foreign', 'a, b', 'credential_ambiguous', 'credential_ambiguous'],
    ['Bearer a, Bearer b', 'foreign', 'credential_ambiguous', 'credential_ambiguous'],
  ]
  test.each(rows)('%j and %j: %s; passing foreign ones: %s', (authorization, apiKey, rejecting, passing) => {
    expect(extract({ authorization, 'x-api-key': apiKey }, NORMAL)).toBe(rejecting)
    expect(extract({ authorization, 'x-api-key': apiKey }, PASSING)).toBe(passing)
  })
})

describe('passing foreign credentials: as if absent', () => {
  const rows: [authorization: string, outcome: string][] = [
    ['Bearer foreign', 'none'],
    ['Bearer %6Fur-KEY', 'none'],
    ['Digest username="alice", realm="x"', 'none'],
    [`Token ${KEY}`, 'none'],
    [basic('alice:hunter2'), 'none'],
    [`Bearer ${KEY}`, `bearer ${KEY}`],
    ['Bearer', 'credential_malformed'],
    ['Basic !', 'credential_malformed'],
    ['Bearer a, Bearer b', 'credential_ambiguous'],
  ]
  test.each(rows)('%j: %s', (authorization, outcome) => {
    expect(extract({ authorization }, PASSING)).toBe(outcome)
  })
})

describe('a resource with a header of its own', () => {
  const rows: [value: string, outcome: string][] = [
    [KEY, `header ${KEY}`],
    [` ${KEY} `, `header ${KEY}`],
    [`Bearer ${KEY}`, `header ${KEY}`],
    [`bearer  ${KEY}`, `header ${KEY}`],
    [basic(`x:${KEY}`), `header ${KEY}`],
    ['', 'credential_malformed'],
    ['Bearer', 'credential_malformed'],
    ['Basic', 'credential_malformed'],
    [`Bearer\t${KEY}`, 'credential_malformed'],
    [`Token ${KEY}`, 'credential_malformed'],
    [`${KEY}, ${KEY}`, 'credential_ambiguous'],
    [`Bearer ${KEY}, ${KEY}`, 'credential_ambiguous'],
    ['foreign', 'credential_foreign header'],
    ['Bearer foreign', 'credential_foreign header'],
    [basic('alice:hunter2'), 'credential_foreign header'],
  ]
  test.each(rows)('%j: %s', (value, outcome) => {
    const others = { authorization: 'Bearer our-other', 'x-api-key': 'our-third' }
    expect(extract({ 'x-dav-token': value, ...others }, OWN_HEADER)).toBe(outcome)
  })

  test('reads no other source', () => {
    expect(extract({ authorization: `Bearer ${KEY}`, 'x-api-key': KEY }, OWN_HEADER)).toBe('none')
    expect(extract({ authorization: 'Bearer', 'x-api-key': '' }, OWN_HEADER)).toBe('none')
  })

  test('may pass foreign ones too', () => {
    expect(extract({ 'x-dav-token': 'foreign' }, OWN_HEADER_PASSING)).toBe('none')
    expect(extract({ 'x-dav-token': 'a b' }, OWN_HEADER_PASSING)).toBe('credential_malformed')
  })
})

describe('more than 8192 characters are foreign, and nobody is asked', () => {
  const longest = `our-${'x'.repeat(8188)}`
  const rows: [fields: Fields, asked: number][] = [
    [{ authorization: `Bearer ${longest}` }, 1],
    [{ authorization: `Bearer ${longest}x` }, 0],
    [{ 'x-api-key': longest }, 1],
    [{ 'x-api-key': `${longest}x` }, 0],
    [{ authorization: basic(`alice:${longest}`) }, 1],
    [{ authorization: basic(`alice:${longest}x`) }, 0],
    [{ authorization: basic(`${'a'.repeat(60_000)}:${KEY}`) }, 0],
  ]
  test.each(rows)('row %#', (fields, asked) => {
    let times = 0
    const presented = extractCredential(headersOf(fields), NORMAL, (text) => {
      times++
      return recognise(text)
    })
    expect(times).toBe(asked)
    expect(presented).toMatchObject(asked === 1 ? { outcome: 'presented' } : { code: 'credential_foreign' })
  })
})

test('a falsy kind is a kind', () => {
  expect(extractCredential(headersOf({ 'x-api-key': 'x' }), NORMAL, () => 0)).toMatchObject({ kind: 0 })
})

const fieldValue = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      'Bearer ',
      'Basic ',
      'Digest ',
      ', ',
      KEY,
      'eDpvdXItS0VZ',
      'foreign',
      ' ',
      '\t',
      '=',
      '"',
      ';',
      '%',
    ),
    fc.string({ unit: 'binary', maxLength: 1 }),
  ),
  maxLength: 6,
})
const field = fc.option(fieldValue, { nil: null })

test('whatever arrives: no throw, nothing of it in a refusal, and passing only ever turns a refusal into nothing', () => {
  fc.assert(
    fc.property(field, field, (authorization, apiKey) => {
      const headers = { get: (name: string) => (name === 'authorization' ? authorization : apiKey) }
      const strict = extractCredential(headers, NORMAL, recognise)
      const lax = extractCredential(headers, PASSING, recognise)
      for (const presented of [strict, lax]) {
        if (presented.outcome !== 'deny') continue
        expect(['bearer', 'basic', 'api_key', 'authorization', undefined]).toContain(presented.detail.via as string)
        expect([undefined, 'empty', 'empty password', 'no Bearer before it', TOO_LONG_TO_READ]).toContain(
          presented.detail.because as string,
        )
        expect(Object.keys(presented.detail).filter((name) => name !== 'via' && name !== 'because')).toEqual([])
      }
      if (strict.outcome !== 'deny') expect(lax).toEqual(strict)
      if (lax.outcome === 'presented') expect(lax.text).toStartWith('our-')
    }),
    { numRuns: 3000 },
  )
})
