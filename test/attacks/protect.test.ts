// Every vector against the guard of an API that no proxy stands before: with credentials that a real Countersign made and
// tells of, and with tokens of other issuers.
import { afterAll, beforeAll, describe, expect, spyOn, test } from 'bun:test'
import {
  type CredentialHeaders,
  type Guard,
  type ProtectFetch,
  protect,
  type RuleDefinition,
} from '@countersign/resource-server'
import { PUBLIC_URL, withSecret } from '../support/app.ts'
import { untrimmedHeaders, webHeaders } from './library.ts'
import { Stage } from './stage.ts'
import { VECTORS } from './vectors/all.ts'
import { EXTERNAL_JWT_VECTORS } from './vectors/external-jwt.ts'
import { ALIAS, AUDIENCE, ISSUERS, MAPPED_GROUPS, Signing, TRUSTED } from './vectors/external-world.ts'
import { HONEST, type Vector } from './vectors/vector.ts'
import { RESOURCES } from './vectors/world.ts'

/** What another refusal stands for here: Countersign tells introspectors that a credential is not active, and not why. */
const AS_TOLD: Readonly<Record<string, string>> = {
  resource_not_granted: 'credential_unknown',
  permission_missing: 'credential_unknown',
}
/** Whoever listens knows its hosts: a guard is asked at its own alone, and its requests have a whole address. */
function isAskedHere({ asks, expected }: Vector): boolean {
  return expected[1] !== 'host_unknown' && asks?.uri?.startsWith('/') !== false
}
/** Host and path come as one address. */
function toldAs({ asks, expected }: Vector): string {
  if (expected === 'OK') return 'OK'
  const isOfHost = asks?.host !== undefined && expected[1] === 'request_malformed'
  return isOfHost ? 'target_malformed' : (AS_TOLD[expected[1]] ?? expected[1])
}

describe('the guard of an API, of credentials that Countersign issued', () => {
  let stage: Stage
  const guards = new Map<string, Guard>()
  beforeAll(async () => {
    stage = await Stage.open()
    await stage.make('/clients', { id: 'api' })
    const { secret } = await withSecret(stage.test, 'api')
    for (const { name, identifier, scopes, hosts, rules } of RESOURCES) {
      await stage.call('PATCH', `/resources/${name}`, { introspectors: ['api'] })
      const resource = { name, identifier, scopes, rules: rules as readonly RuleDefinition[] }
      const introspection = { clientId: 'api', clientSecret: secret }
      const guard = protect({ resource, countersign: { issuer: PUBLIC_URL, introspection }, fetch: asking(stage) })
      for (const host of hosts) guards.set(host, guard)
    }
  })
  afterAll(() => stage.close())

  for (const vector of VECTORS.filter(isAskedHere)) {
    test(vector.name, async () => {
      const lines = vector.lines?.(stage.wallet) ?? []
      for (const headers of [webHeaders(lines), untrimmedHeaders(lines)]) {
        expect(await answerTo(vector, headers)).toBe(toldAs(vector))
      }
    })
  }

  async function answerTo({ asks }: Vector, headers: CredentialHeaders): Promise<string> {
    const { method, proto, host, uri } = { ...HONEST, ...asks }
    const guard = guards.get(host) ?? guards.get(HONEST.host)
    const answer = await guard?.({ url: `${proto}://${host}${uri}`, method, headers })
    return answer?.outcome === 'deny' ? answer.code : 'OK'
  }
})

/** Countersign itself, without sockets. */
function asking({ test: { app } }: Stage): ProtectFetch {
  return async (uri, init) => {
    const path = uri.slice(PUBLIC_URL.length)
    const handler = app.publicRoutes.exact[path]
    if (handler === undefined) throw new Error(`no route ${path}`)
    return handler(new Request(uri, init), '127.0.0.1')
  }
}

describe('the guard of an API, of tokens of other issuers', () => {
  const NOW = new Date('2030-01-01T00:00:00Z')
  const signing = new Signing(() => NOW.getTime() / 1000)
  const fetched = spyOn(globalThis, 'fetch')
  afterAll(() => fetched.mockRestore())
  const audienceAliases = [{ issuer: 'corp', audience: ALIAS }]
  const trusting = (name: string) =>
    Object.entries(TRUSTED)
      .filter(([, { issuer }]) => issuer === name)
      .map(([rule, { match, grouped = false }]) => ({ name: rule, match, ...(!grouped && { scopes: ['files:read'] }) }))
  const issuers = Object.entries(ISSUERS).map(([name, { policy, keys }]) => {
    const { issuer, algorithms, profile, maxLifetimeSeconds, toleranceSeconds, allowedClients, isKubernetes } = policy
    const trust = trusting(name)
    return {
      ...{
        name,
        issuer,
        algorithms,
        profile,
        maxLifetimeSeconds,
        toleranceSeconds,
        allowedClients,
        kubernetes: isKubernetes,
      },
      ...{ jwks: { keys }, roleMappings: { media: MAPPED_GROUPS } },
      trust: trust.length > 0 ? trust : [{ name: 'nobody', match: { sub: 'nobody' } }],
    }
  })
  const guard = protect({
    resource: { name: 'webdav', identifier: AUDIENCE, scopes: ['files:read'], audienceAliases },
    ...{ issuers, now: () => NOW },
  })

  for (const { name, text, expected } of EXTERNAL_JWT_VECTORS) {
    test(name, async () => {
      const headers = new Headers({ authorization: `Bearer ${text(signing)}` })
      const answer = await guard({ url: 'https://webdav.example.com/', method: 'GET', headers })
      // Whose a text would be that cannot be read is told by what a more lenient reader takes it for.
      const isUnread =
        expected === 'token_malformed' && answer.outcome === 'deny' && answer.code === 'credential_foreign'
      if (!isUnread) expect(answer.outcome === 'deny' ? answer.code : 'OK').toBe(expected)
      expect(fetched).not.toHaveBeenCalled()
    })
  }
})
