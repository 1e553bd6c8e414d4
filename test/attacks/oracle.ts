// What holds for every answer of the verify endpoints, whatever was asked.
import { expect } from 'bun:test'

export type Dialect = 'forward' | 'nginx'
export type Kind = 'OK' | 'N401' | 'T401' | 'R400' | 'S403' | 'F403' | 'U503' | 'E500'
export type Answer = { readonly status: number; readonly headers: Headers; readonly body: string }

export const IDENTITY_HEADERS = [
  'countersign-assertion',
  'countersign-expires',
  'remote-client',
  'remote-credential',
  'remote-email',
  'remote-groups',
  'remote-name',
  'remote-principal',
  'remote-project',
  'remote-roles',
  'remote-scopes',
  'remote-user',
]

const STATUS: Readonly<Record<Kind, readonly [forward: number, nginx: number]>> = {
  OK: [200, 200],
  N401: [401, 401],
  T401: [401, 401],
  R400: [400, 401],
  S403: [403, 403],
  F403: [403, 403],
  U503: [503, 503],
  E500: [500, 500],
}

/** The `error` of the challenge; null: a challenge without one; undefined: none, unless the status is 401. */
const WIRE: Readonly<Record<Kind, string | null | undefined>> = {
  OK: undefined,
  N401: null,
  T401: 'invalid_token',
  R400: 'invalid_request',
  S403: 'insufficient_scope',
  F403: undefined,
  U503: undefined,
  E500: undefined,
}

/** RFC 9728 §5.1 */
const METADATA = /, resource_metadata="https?:\/\/[^/"]+\/\.well-known\/oauth-protected-resource[^"]*"/
const DECISION_ID = /dec_[0-9A-HJKMNP-TV-Z]{26}/g
const STACK_TRACE = /\bat .+:\d+:\d+|\.tsx?\b|node_modules|\bError\b|SQLITE/
const MAX_BODY_BYTES = 1024
const MAX_HEADER_BYTES = 4096

/** Checks answers, and remembers what must never be seen and what must always look alike. */
export class Oracle {
  readonly #secrets = new Set<string>()
  readonly #badCredential = new Map<string, unknown>()

  /** From now on nothing that is written may hold this, nor a telling part of it. */
  keepSecret(text: string): void {
    if (text.length < 16) return
    this.#secrets.add(text)
    const random = /^cs_[a-z]+_(.{43})/.exec(text)?.[1] ?? ''
    for (let at = 0; at + 12 <= random.length; at++) this.#secrets.add(random.slice(at, at + 12))
  }

  holdsNoSecret(text: string, where: string): void {
    for (const secret of this.#secrets) {
      if (text.includes(secret))
        throw new Error(`a secret in ${where}: …${text.slice(text.indexOf(secret) - 40, text.indexOf(secret))}<here>`)
    }
  }

  /** Checks an answer. Returns the id of its decision, which refusals alone have. */
  judge(answer: Answer, kind: Kind, dialect: Dialect): string | undefined {
    const { status, headers, body } = answer
    expect(status).toBe(STATUS[kind][dialect === 'forward' ? 0 : 1])
    expect(headers.get('cache-control')).toBe('no-store')
    const head = [...headers].map(([name, value]) => `${name}: ${value}`).join('\n')
    expect(head.length).toBeLessThanOrEqual(MAX_HEADER_BYTES)
    expect(body.length).toBeLessThanOrEqual(MAX_BODY_BYTES)
    expect(`${head}\n${body}`).not.toMatch(STACK_TRACE)
    this.holdsNoSecret(`${head}\n${body}\n${decodedAssertion(headers)}`, 'an answer')
    return kind === 'OK' ? this.#judgeAllowed(answer) : this.#judgeDenied(answer, kind, dialect)
  }

  /** Checks a refusal of the management API, which is told of in RFC 9457's words. */
  judgeProblem({ status, headers, body }: Answer, kind: Kind, code: string, title: string): string | null {
    expect(status).toBe(STATUS[kind][0])
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('content-type')).toBe('application/problem+json')
    expect(IDENTITY_HEADERS.filter((name) => headers.has(name))).toEqual([])
    expect(JSON.parse(body)).toMatchObject({ type: `urn:countersign:problem:${code}`, title, status, code })
    const challenge = headers.get('www-authenticate')
    if (status === 401 || WIRE[kind] !== undefined) expect(challenge).toStartWith('Bearer realm="countersign"')
    else expect(challenge).toBeNull()
    if (status === 401) expect(challenge).toMatch(METADATA)
    expect(/error="([a-z_]+)"/.exec(challenge ?? '')?.[1] ?? null).toBe(WIRE[kind] ?? null)
    expect(headers.get('retry-after')).toBe(status === 503 ? '1' : null)
    expect(body).not.toMatch(STACK_TRACE)
    this.holdsNoSecret(`${[...headers].join('\n')}\n${body}`, 'an answer')
    return headers.get('countersign-decision')
  }

  #judgeAllowed({ headers, body }: Answer): undefined {
    expect(body).toBe('')
    expect([...headers.keys()].sort()).toEqual(['cache-control', ...IDENTITY_HEADERS])
    for (const name of IDENTITY_HEADERS) expect(headers.get(name)).toMatch(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/)
  }

  #judgeDenied(answer: Answer, kind: Kind, dialect: Dialect): string {
    const { status, headers, body } = answer
    const challenge = headers.get('www-authenticate')
    const names = ['cache-control', 'content-type', 'countersign-decision']
    if (status === 503) names.push('retry-after')
    if (status === 401 || WIRE[kind] !== undefined) names.push('www-authenticate')
    expect([...headers.keys()].sort()).toEqual(names)
    if (challenge !== null) {
      expect(challenge).toStartWith('Bearer realm="')
      expect(/error="([a-z_]+)"/.exec(challenge)?.[1] ?? null).toBe(WIRE[kind] ?? null)
      expect(challenge.includes('Basic realm="')).toBe(status === 401)
      // Only where no resource was found there is none to learn of.
      expect(METADATA.test(challenge)).toBe(!challenge.startsWith('Bearer realm="countersign"'))
    }
    const id = headers.get('countersign-decision') ?? ''
    expect(id).toMatch(new RegExp(`^${DECISION_ID.source}$`))
    expect(body.split('\n')).toEqual([expect.stringMatching(/^[A-Z][^\n]+\.$/), `Decision ${id}`, ''])
    if (kind === 'T401') this.#looksLikeTheOthers(answer, dialect)
    return id
  }

  /** Unknown, revoked, expired, mistyped, foreign: nobody outside can tell which. */
  #looksLikeTheOthers({ status, headers, body }: Answer, dialect: Dialect): void {
    const withoutId = JSON.stringify([status, [...headers], body]).replaceAll(DECISION_ID, 'dec_')
    const where = `${dialect} ${/realm="[^"]*"/.exec(headers.get('www-authenticate') ?? '')}`
    const first = this.#badCredential.get(where)
    if (first === undefined) this.#badCredential.set(where, withoutId)
    else expect(withoutId).toBe(String(first))
  }
}

function decodedAssertion(headers: Headers): string {
  const parts = headers.get('countersign-assertion')?.split('.') ?? []
  return parts
    .slice(0, 2)
    .map((part) => Buffer.from(part, 'base64url').toString())
    .join('\n')
}
