// Runs what the README shows, word for word: one shell for all its `sh` blocks, in a folder of its own. Only the port
// is another one, so that a server of the reader's own may go on running.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../support/guide.ts'
import { freePort } from '../support/loopback.ts'

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/^```(\w+)( setup)?\n([\s\S]*?)^```$/gm)].map(([, language, setup, text]) => ({
  language,
  isSetup: setup !== undefined,
  text: text ?? '',
}))
const shell = blocks.filter(({ language, isSetup }) => language === 'sh' && !isSetup).map(({ text }) => text)
// Ends at the first failure, and then ends what it started.
const CAREFULLY = 'set -e\ntrap "kill \\$(jobs -p) 2>/dev/null || true" EXIT'
const port = freePort()
const folder = mkdtempSync(join(tmpdir(), 'countersign-readme-'))
let out = ''
let code: number | null = null
/** What the token endpoint answered, kept before the README removes it. */
let answered = ''

beforeAll(async () => {
  for (const name of ['node_modules', 'packages', 'package.json']) symlinkSync(join(ROOT, name), join(folder, name))
  const script = shell
    .join('\n')
    .replaceAll('127.0.0.1:8420', `127.0.0.1:${port}`)
    .replace(/^rm canister.secret token.json$/m, 'echo "token endpoint: $(cat token.json)"\n$&')
  // The library's snippet is run while the server still stands: before the block that stops it.
  const beforeStop = script.replace(
    /^kill %1$/m,
    'bun snippet.ts "$(npx countersign key create canister)"\nkill %1\nwait',
  )
  writeFileSync(join(folder, 'snippet.ts'), snippetProgram())
  const bash = Bun.spawn(['bash', '-c', `${CAREFULLY}\n${beforeStop}`], {
    cwd: folder,
    env: {
      ...process.env,
      PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH}`,
      COUNTERSIGN_LISTEN: `127.0.0.1:${port}`,
      COUNTERSIGN_SERVER: `http://127.0.0.1:${port}`,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  out = await new Response(bash.stdout).text()
  code = await bash.exited
  answered = /^token endpoint: (.*)$/m.exec(out)?.[1] ?? ''
}, 60_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The README's TypeScript, and calls of what it exports: with the assertion of an allowed answer, and without. */
function snippetProgram(): string {
  const [snippet] = blocks.filter(({ language }) => language === 'ts')
  if (snippet === undefined) throw new Error('the README has no ts block')
  return `${snippet.text.replaceAll('127.0.0.1:8420', `127.0.0.1:${port}`)}
const asked = await fetch('http://127.0.0.1:${port}/verify/forward', { headers: {
  authorization: 'Bearer ' + process.argv[2], 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/',
  'x-forwarded-proto': 'https', 'x-forwarded-host': 'webdav.example.com' } })
const assertion = asked.headers.get('countersign-assertion') ?? ''
const believed = await respond(new Request('http://upstream/', { headers: { 'countersign-assertion': assertion } }))
console.log('snippet with assertion', believed.status, await believed.text())
const refused = await respond(new Request('http://upstream/', { headers: { 'remote-user': 'client:canister' } }))
console.log('snippet without assertion', refused.status)
`
}

describe('the first minute of the README', () => {
  test('installs with npm ci alone', () => {
    expect(blocks.filter(({ isSetup }) => isSetup).map(({ text }) => text)).toEqual(['npm ci\n'])
  })

  test('runs to its end', () => {
    expect({ code, out: code === 0 ? '' : out }).toEqual({ code: 0, out: '' })
  })

  test('shows an allowed answer with the headers that the README shows', () => {
    const [shown] = blocks.filter(({ language, text }) => language === 'http' && text.includes('200 OK'))
    const names = (text: string) => [...text.matchAll(/^((?:Remote|Countersign)-\w+): /gm)].map(([, name]) => name)
    const allowed = out.slice(out.indexOf('HTTP/1.1 200 OK'), out.indexOf('HTTP/1.1 401'))
    expect(names(allowed)).toEqual(names(shown?.text ?? ''))
    expect(allowed).toContain('Remote-User: client:canister')
    expect(allowed).toContain('Remote-Scopes: files:read\r')
  })

  test('shows the refusal that the README shows', () => {
    const refused = out.slice(out.indexOf('HTTP/1.1 401'))
    expect(refused).toContain(
      'WWW-Authenticate: Bearer realm="webdav", error="invalid_token", error_description="The credential is not valid."',
    )
    expect(refused).toMatch(/^Countersign-Decision: dec_[0-9A-Z]{26}\r$/m)
  })

  test('says why', () => {
    expect(out).toMatch(/^REFUSED 401 credential_revoked$/m)
    expect(out).toMatch(/was revoked at .* by client:countersign-admin .*«laptop lost»/)
  })

  test('shows an access token that passes as the key did, and is not the key', () => {
    const again = out.slice(out.lastIndexOf('HTTP/1.1 200 OK'))
    expect(again).toContain('Remote-User: client:canister')
    expect(again).toMatch(/^Remote-Credential: at_[0-9A-Z]{26}\r$/m)
    const [shown] = blocks.filter(({ language }) => language === 'json').map(({ text }) => JSON.parse(text))
    expect(shown).toEqual({ ...JSON.parse(answered), access_token: shown.access_token })
    expect(JSON.parse(answered).access_token).toStartWith(shown.access_token.slice(0, -1))
  })

  test('shows a library snippet that believes the assertion and nothing else', () => {
    expect(out).toMatch(/^snippet with assertion 200 .*"id":"canister".*"scopes":\["files:read"\]/m)
    expect(out).toMatch(/^snippet without assertion 401$/m)
  })

  test('leaves nothing running', async () => {
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow()
  })
})
