// Another issuer on loopback that publishes its keys, and misbehaves as it is told.
import type { KeyObject } from 'node:crypto'
import { signedBy, strangersKey } from './forging.ts'

export type IssuerMood =
  | 'well'
  | 'hanging'
  | 'failing'
  | 'endless'
  | 'redirecting'
  | 'crowded'
  | 'gibberish'
  | 'of another issuer'

type Words = Readonly<Record<string, unknown>>

export type ScriptedIssuer = {
  /** Its `iss`, where its discovery document and its keys are. */
  readonly iss: string
  mood: IssuerMood
  /** How often each path was asked. */
  readonly asked: Map<string, number>
  keysAsked(): number
  /** Publishes a new key; the others stay. */
  addKey(kid: string): void
  removeKey(kid: string): void
  /** Publishes this beside its keys. */
  publish(jwk: object): void
  sign(kid: string, claims: Words, header?: Words): string
  close(): void
}

export function scriptedIssuer(): ScriptedIssuer {
  const signers = new Map<string, KeyObject>()
  const published = new Map<string, object>()
  const asked = new Map<string, number>()
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 60,
    fetch: (request) => {
      const { pathname } = new URL(request.url)
      asked.set(pathname, (asked.get(pathname) ?? 0) + 1)
      return answer(issuer, pathname, [...published.values()])
    },
  })
  const issuer: ScriptedIssuer = {
    iss: `http://127.0.0.1:${server.port}`,
    mood: 'well',
    asked,
    keysAsked: () => asked.get('/keys') ?? 0,
    addKey(kid) {
      const { privateKey, jwk } = strangersKey()
      signers.set(kid, privateKey)
      published.set(kid, { ...jwk, kid })
    },
    removeKey: (kid) => void published.delete(kid),
    publish: (jwk) => void published.set(crypto.randomUUID(), jwk),
    sign(kid, claims, header = {}) {
      const key = signers.get(kid)
      if (key === undefined) throw new Error(`no key ${kid}`)
      return signedBy(key, { alg: 'ES256', typ: 'JWT', kid, ...header }, claims)
    },
    close: () => void server.stop(true),
  }
  issuer.addKey('k1')
  return issuer
}

function answer({ mood, iss }: ScriptedIssuer, path: string, keys: object[]): Response | Promise<Response> {
  switch (mood) {
    case 'hanging':
      return new Promise(() => undefined)
    case 'failing':
      return new Response('no', { status: 500 })
    case 'endless':
      return new Response(new ReadableStream({ pull: (into) => into.enqueue(new Uint8Array(65_536).fill(0x20)) }))
    case 'redirecting':
      return new Response(null, { status: 302, headers: { Location: `${iss}/elsewhere` } })
    case 'gibberish':
      return new Response('<html>Sign in</html>')
    default:
      return path === '/keys' ? keySet(mood, keys) : document(mood, iss, path)
  }
}

function keySet(mood: IssuerMood, keys: object[]): Response {
  return Response.json({ keys: mood === 'crowded' ? Array.from({ length: 10_000 }, () => keys[0]) : keys })
}

function document(mood: IssuerMood, iss: string, path: string): Response {
  if (path !== '/.well-known/openid-configuration') return new Response('none', { status: 404 })
  const issuer = mood === 'of another issuer' ? 'https://idp.example.com' : iss
  return Response.json({ issuer, jwks_uri: `${iss}/keys` })
}
