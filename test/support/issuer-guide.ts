// The declared files of the guides to issuers, made true in a real app. Keys of the test stand in for the platforms'.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { parseAllDocuments } from 'yaml'
import { PLATFORM_CLAIMS } from '../../packages/resource-server/src/testing/platform-claims.ts'
import { startApp, type TestApp } from './app.ts'
import { encode } from './forging.ts'
import { guideBlock } from './guide.ts'

type Words = Readonly<Record<string, unknown>>

/** What a declared file may list, in the order in which one thing needs another. */
const NOUNS = ['groups', 'issuers', 'resources', 'clients', 'trust_rules', 'permissions'] as const
export type Declared = Partial<Record<(typeof NOUNS)[number], readonly Words[]>>

/** Directories that the guides name files in. */
const ENV = {
  COUNTERSIGN_PUBLIC_URL: 'https://auth.example.com',
  COUNTERSIGN_INTERNAL_LISTEN: '127.0.0.1:8421',
  COUNTERSIGN_ISSUER_FILE_DIRS: '/etc/countersign/issuers,/var/run/secrets/kubernetes.io/serviceaccount',
}

export type Platform = keyof typeof PLATFORM_CLAIMS

export type GuideScene = {
  readonly app: TestApp
  /** A token of the platform, fresh, for the first resource if `claims` do not say otherwise; undefined takes one out. */
  token(platform: Platform, claims?: Words, header?: Words): string
  /** What the service is told, or the status and the code that the operator is told. */
  call(token: string, method?: string, path?: string): Promise<Words>
  /** What the token endpoint says of it as an assertion: the access token, or the status and the code. */
  trade(assertion: string, form?: Readonly<Record<string, string>>): Promise<Words>
  /** Declares more, on top of what is there. */
  declare(more: Declared): Promise<void>
  close(): Promise<void>
}

/** Every YAML document in a block of a guide. */
export function yamlIn(guide: string, block: string): readonly Words[] {
  return parseAllDocuments(guideBlock(guide, block)).map((document) => {
    if (document.errors.length > 0) throw new Error(`${guide} ${block}: ${document.errors.join('\n')}`)
    return document.toJS() as Words
  })
}

/** The one YAML document in a block. */
export function declaredIn(guide: string, block = 'countersign.yaml'): Declared {
  const [only, ...others] = yamlIn(guide, block)
  if (only === undefined || others.length > 0) throw new Error(`${guide} ${block} is not one document`)
  return only
}

/**
 * An app in which everything that is declared has been made, word for word. Only then each issuer gets a key of the test
 * in place of the platform's, whose algorithm is the first that the guide names: pinned, or as `given` says.
 */
export async function openGuide(declared: Declared, { env = {}, given = pinned }: Given = {}): Promise<GuideScene> {
  const app = await startApp({ ...ENV, ...env })
  const keys = new Map<string, TestKey>()
  const resource = (declared.resources?.[0] ?? {}) as { identifier: string; hosts: readonly string[] }
  const ask = async (method: string, path: string, body: Words, expected: number) => {
    const answer = await app.api(method, `/api/v1/${path}`, body)
    if (answer.status !== expected)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  }
  const declare = async (more: Declared) => {
    for (const noun of NOUNS) {
      for (const entry of more[noun] ?? []) await ask('POST', noun.replace('_', '-'), entry, 201)
    }
    for (const issuer of more.issuers ?? []) {
      const name = String(issuer.name)
      const key = testKey((issuer.algorithms as readonly string[])[0] ?? '', name)
      keys.set(name, key)
      await ask('PATCH', `issuers/${name}`, given(issuer, key), 200)
    }
  }
  await declare(declared)

  const now = () => Math.floor(app.clock.now.getTime() / 1000)
  const codeOf = async (headers: Headers) => {
    const { body } = await app.api('GET', `/api/v1/decisions/${headers.get('countersign-decision')}`)
    const { detail, code } = body as { detail: Words; code: string }
    return { code, ...(detail.claim !== undefined && { claim: detail.claim }) }
  }
  return {
    app,
    declare,
    token(platform, claims = {}, header = {}) {
      const { signer = [...keys.keys()][0], ...changed } = claims
      const key = keys.get(String(signer))
      if (key === undefined) throw new Error(`no issuer ${signer}`)
      const said = PLATFORM_CLAIMS[platform] as Words & { iat: number }
      const later = now() - said.iat
      const times = Object.fromEntries(
        ['iat', 'nbf', 'exp'].flatMap((name) => (name in said ? [[name, Number(said[name]) + later]] : [])),
      )
      const aud = Array.isArray(said.aud) ? [resource.identifier] : resource.identifier
      const body = { ...said, aud, ...times, ...changed }
      return signedWith(key, { alg: key.jwk.alg, kid: key.jwk.kid, typ: 'JWT', ...header }, body)
    },
    async call(token, method = 'GET', path = '/') {
      const [host = ''] = resource.hosts
      const { status, headers } = await app.ask({
        method,
        host,
        uri: path,
        headers: { authorization: `Bearer ${token}` },
      })
      if (status !== 200) return { status, ...(await codeOf(headers)) }
      const told = (name: string) => headers.get(`remote-${name}`)
      return { user: told('user'), groups: told('groups'), scopes: told('scopes') }
    },
    async trade(assertion, form = {}) {
      const asked = { grant_type: 'client_credentials', ...ASSERTION, client_assertion: assertion, ...form }
      const { status, headers, body } = await app.oauth('/oauth/token', asked)
      return status === 200 ? body : { status, ...(await codeOf(headers)) }
    },
    close: () => app.close(),
  }
}

type Given = {
  readonly env?: Readonly<Record<string, string>>
  /** What is changed of an issuer, so that it has this key. */
  readonly given?: (issuer: Words, key: TestKey) => Words
}

function pinned({ kubernetes }: Words, { jwk }: TestKey): Words {
  return { jwks: { keys: [jwk] }, ca_file: null, ...(kubernetes !== undefined && { kubernetes: { mode: 'jwks' } }) }
}

export const ASSERTION = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' }

export type TestKey = {
  readonly privateKey: KeyObject
  readonly jwk: Words & { readonly kid: string; readonly alg: string }
}

/** A key pair for the algorithm, with a key id that no other issuer has. */
export function testKey(alg: string, owner: string): TestKey {
  const { privateKey, publicKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const kid = createHash('sha256').update(owner).digest('base64url').slice(0, 16)
  return { privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } }
}

/** A compact JWS, by RS256 or ES256. */
export function signedWith({ privateKey: key }: TestKey, header: Words, claims: Words): string {
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}
