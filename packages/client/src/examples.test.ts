// Runs the example of each docstring, as it stands there, against small servers in this process. What an example prints
// must be what its comment says: `console.log(response.status) // 200`.
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as library from './index.ts'
import { metadataOf, refusal, tokenAnswer } from './testing/authorization-server.ts'

const ISSUER = 'https://auth.example.com'
const SECRET = 'cs_secret_example'
const KEY = 'cs_key_example'
const TOKEN_FILE = '/var/run/secrets/tokens/countersign'

const folder = mkdtempSync(join(tmpdir(), 'client-examples-'))
writeFileSync(join(folder, 'token'), 'aaa.bbb.ccc\n')
const platform = { fetch: globalThis.fetch, env: { ...process.env } }
Object.assign(process.env, { CLIENT_SECRET: SECRET, API_KEY: KEY })
globalThis.fetch = Object.assign(
  async (input: string | URL | Request, init?: RequestInit) => answer(new Request(input, init)),
  { preconnect: platform.fetch.preconnect },
)
afterAll(() => {
  globalThis.fetch = platform.fetch
  for (const name of ['CLIENT_SECRET', 'API_KEY']) delete process.env[name]
  rmSync(folder, { recursive: true })
})

/** The servers that the examples name. */
async function answer(request: Request): Promise<Response> {
  const address = request.url.replace(/[?#].*/, '')
  if (address === `${ISSUER}/.well-known/oauth-authorization-server`) return Response.json(metadataOf(ISSUER))
  if (address === `${ISSUER}/oauth/token`) return tokenOf(request)
  const sent = request.headers.get('Authorization')
  const isKnown = ['Bearer token-1', `Bearer ${KEY}`, 'Bearer aaa.bbb.ccc'].includes(sent ?? '')
  if (address.startsWith('https://webdav.example.com/'))
    return new Response(isKnown ? 'reports' : '', { status: isKnown ? 200 : 401 })
  throw new Error(`no server in the examples has the address ${address}`)
}

async function tokenOf(request: Request): Promise<Response> {
  const body = new URLSearchParams(await request.text())
  const hasAssertion = /^[\w-]+\.[\w-]+\.[\w-]+$/.test(body.get('client_assertion') ?? '')
  const isBasic = request.headers.get('Authorization') === `Basic ${btoa(`canister:${SECRET}`)}`
  if (!hasAssertion && !isBasic && body.get('client_secret') !== SECRET) {
    return refusal(401, 'invalid_client', { 'Countersign-Decision': 'dec_example' }, 'Client authentication failed.')
  }
  return tokenAnswer({ headers: request.headers, body }, 1)
}

type Example = { readonly of: string; readonly code: string }

const sources = readdirSync(import.meta.dir).filter((name) => /^[a-z0-9-]+\.ts$/.test(name))
const examples = sources.flatMap((name) => examplesIn(readFileSync(join(import.meta.dir, name), 'utf8')))

/** The examples of a source, each with the name of what it stands before. */
function examplesIn(source: string): Example[] {
  const docstrings = [
    ...source.matchAll(/\/\*\*\n((?: \*.*\n)*?) \*\/\nexport (?:async )?(?:function|class|const) (\w+)/g),
  ]
  return docstrings.flatMap(([, text = '', of = '']) => {
    const lines = text.split('\n').map((line) => line.replace(/^ \* ?/, ''))
    const begin = lines.indexOf('@example')
    if (begin === -1) return []
    const rest = lines.slice(begin + 1)
    const end = rest.findIndex((line) => line.startsWith('@'))
    return [{ of, code: rest.slice(0, end === -1 ? undefined : end).join('\n') }]
  })
}

/** Runs it and returns what it printed. */
async function printedBy({ code }: Example): Promise<string[]> {
  const printed: string[] = []
  const print = (...values: unknown[]) => {
    printed.push(values.map((value) => (typeof value === 'string' ? value : Bun.inspect(value))).join(' '))
  }
  const body = new Bun.Transpiler({ loader: 'ts' })
    .transformSync(`${code}\nexport {}`)
    .replace(/import\s*(\{[^}]*\})\s*from "@countersign\/client";/, 'const $1 = library;')
    .replace(/export\s*\{\s*\};?\s*$/, '')
    .replaceAll(TOKEN_FILE, join(folder, 'token'))
  const AsyncFunction = (async () => undefined).constructor as new (
    ...args: string[]
  ) => (...args: unknown[]) => Promise<void>
  await new AsyncFunction('library', 'console', body)(library, { log: print })
  return printed
}

for (const example of examples) {
  test(`the example of ${example.of} prints what it says`, async () => {
    const says = [...example.code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text = '']) => text)
    expect(says.length).toBeGreaterThan(0)
    expect(await printedBy(example)).toEqual(says)
  })
}

test('whatever is exported to be called has an example', () => {
  const called = Object.entries(library).filter(([, value]) => typeof value === 'function')
  expect(examples.map(({ of }) => of).sort()).toEqual(called.map(([name]) => name).sort())
})
