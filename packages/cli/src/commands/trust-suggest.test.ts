// What is suggested for a token can be pasted: the commands make at a real server what was suggested.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { PLATFORM_CLAIMS } from '../../../resource-server/src/testing/platform-claims.ts'
import { run } from '../run.ts'
import { type RealServer, startRealServer } from '../testing/real-server.ts'
import { ran, testTerminal } from '../testing/test-terminal.ts'

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const jwt = (claims: unknown, header: unknown = { alg: 'RS256', kid: 'k1' }) =>
  `${part(header)}.${part(claims)}.${'A'.repeat(86)}`

const suggest = (token: string, options = '') =>
  ran(`trust suggest --token-file t.jwt ${options}`.trim(), { files: { 't.jwt': `${token}\n` } })

/** The commands as a shell would split them. */
function commandsIn(text: string): string[][] {
  const lines = text.replaceAll(' \\\n', ' ').split('\n')
  return lines
    .filter((line) => line.startsWith('  countersign '))
    .map((line) =>
      [...line.trim().matchAll(/(?:'[^']*'|[^\s'\\]|\\.)+/g)].map(([word]) =>
        word.replace(/'([^']*)'|\\(.)/g, (_, quoted, escaped) => quoted ?? escaped),
      ),
    )
}

describe('for each platform', () => {
  let server: RealServer
  beforeAll(async () => {
    server = await startRealServer()
  })
  afterAll(() => server.stop())

  test.each(Object.keys(PLATFORM_CLAIMS))('%s: the commands make what was suggested', async (platform) => {
    const token = jwt(PLATFORM_CLAIMS[platform as keyof typeof PLATFORM_CLAIMS])
    const name = platform.toLowerCase()
    const [people, program] = [
      await suggest(token, `--issuer i-${name} --name r-${name}`),
      await suggest(token, `--issuer i-${name} --name r-${name} --json`),
    ]
    expect(people).toMatchObject({ code: 0, err: '' })
    const { issuer, trust_rule } = JSON.parse(program.out)

    const env = { COUNTERSIGN_SERVER: server.url }
    const keys = { keys: [{ kty: 'RSA', kid: name, alg: 'RS256', use: 'sig', e: 'AQAB', n: modulus() }] }
    const files = { [`i-${name}.jwks.json`]: JSON.stringify(keys) }
    for (const [, ...words] of commandsIn(people.out)) {
      // Several of these platforms sign as one issuer, which is registered once.
      const at = words.indexOf('--issuer')
      if (words[0] === 'issuer') words[at + 1] = `${words[at + 1]}/${name}`
      const line = words.map((word) => word.replaceAll(' ', '~')).join(' ')
      const { code, err } = await server.run(line, { files, env })
      expect({ line, code, err: code === 0 ? '' : err }).toEqual({ line, code: 0, err: '' })
    }
    const shown = async (line: string) => JSON.parse((await server.run(`${line} --json`)).out)
    expect(await shown(`trust show r-${name}`)).toMatchObject(trust_rule)
    const { issuer: _iss, ...fields } = issuer
    const { kubernetes, ...made } = await shown(`issuer show i-${name}`)
    expect({ ...made, kubernetes }).toMatchObject(fields)
  })
})

test('nothing is sent, no signature is believed, and it says so', async () => {
  const { code, out } = await suggest(jwt(PLATFORM_CLAIMS.github))
  expect(code).toBe(0)
  expect(out).toStartWith('Nothing was sent anywhere, and no signature was checked')
  expect(out).toContain('Its aud is "https://api.example.com"')
  expect(JSON.parse((await suggest(jwt(PLATFORM_CLAIMS.github), '--json')).out)).toMatchObject({
    verified: false,
    platform: 'github',
    trust_rule: { match: { repository_id: '456789' }, as: { client: 'octo-org-octo-repo' } },
  })
})

test('a named client is not suggested to be made', async () => {
  const { out } = await suggest(jwt(PLATFORM_CLAIMS.github), '--client builds')
  expect(out).toContain('--client builds')
  expect(out).not.toContain('client create')
})

test('what stands in a token is one word of a command, whatever is in it', async () => {
  const sub = `a'; rm -rf ~ $(id) "`
  const { out } = await suggest(jwt({ ...PLATFORM_CLAIMS.okta, iss: 'https://idp.example.com', cid: undefined, sub }))
  const rule = commandsIn(out).find((words) => words[1] === 'trust')
  expect(rule?.[rule.indexOf('--sub') + 1]).toBe(sub)
})

const FAR = { iat: 1_780_000_000, exp: 1_780_000_000 + 40 * 86_400 }
const SECRET = 'c2VjcmV0LXNlY3JldA'

test.each<[string, string, string]>([
  ['no JWT', 'cs_key_SECRET', 'expected one signed JWT'],
  ['a cut token', jwt(PLATFORM_CLAIMS.github).slice(0, 80), 'expected one signed JWT'],
  ['with its scheme', `Bearer ${jwt(PLATFORM_CLAIMS.github)}`, 'without "Bearer"'],
  ['a shared secret', jwt({ iss: 'https://a.example', sub: SECRET }, { alg: 'HS256' }), 'a shared secret, or none'],
  ['no issuer', jwt({ sub: SECRET }), 'names no issuer'],
  ['no subject', jwt({ iss: 'https://a.example', scope: SECRET }), 'nothing in it makes a rule'],
  ['an ID token', jwt({ iss: 'https://a.example', sub: SECRET, nonce: SECRET }), 'send an access token'],
  [
    'a token of a ServiceAccount Secret',
    jwt({ iss: 'kubernetes/serviceaccount', sub: 'system:serviceaccount:a:b' }),
    'mount a projected token',
  ],
  ['an issuer that is none', jwt({ iss: 'corp', sub: SECRET }), 'issuer: expected the iss of its tokens'],
])('%s: says what is wrong, and quotes nothing of it', async (_case, token, why) => {
  const { code, out, err } = await suggest(token)
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toContain(why)
  for (const piece of [...token.split('.'), SECRET]) expect(err).not.toContain(piece)
})

test.each(['issuer', 'name', 'client'])('a name that cannot be is told of --%s, which said it', async (option) => {
  const { code, err } = await suggest(jwt(PLATFORM_CLAIMS.github), `--${option} Bad!`)
  expect([code, err]).toEqual([2, expect.stringContaining(`--${option}: expected 1 to 63 characters`)])
})

test('a token that lives too long is suggested for with a note', async () => {
  const { out } = await suggest(jwt({ ...PLATFORM_CLAIMS.kubernetes, ...FAR }))
  expect(out).toContain('longer than 31 days')
  expect(out).not.toContain('--max-lifetime')
})

test('the token may come on stdin, and is no argument', async () => {
  const { terminal, written } = testTerminal({ stdin: jwt(PLATFORM_CLAIMS.gitlab) })
  expect(await run(['trust', 'suggest', '--token-file', '-'], terminal)).toBe(0)
  expect(written.out).toContain('Platform: gitlab')
})

/** Nobody has the other half of it. */
function modulus(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(256)).map((byte, index) => (index === 0 ? byte | 128 : byte))
  bytes[255] = (bytes[255] ?? 0) | 1
  return Buffer.from(bytes).toString('base64url')
}
