// Tokens of other issuers: every attack on them, at the server.
import { afterAll, beforeAll, describe, expect, spyOn, test } from 'bun:test'
import { REFUSALS, type RefusalCode } from '@countersign/resource-server'
import type { Dialect, Kind } from './oracle.ts'
import { Stage } from './stage.ts'
import { EXTERNAL_JWT_VECTORS } from './vectors/external-jwt.ts'
import { ALIAS, ISSUERS, MAPPED_GROUPS, Signing, TRUSTED } from './vectors/external-world.ts'
import { bearer } from './vectors/vector.ts'

let stage: Stage
// The stage moves the clock by one second before it asks.
const signing = new Signing(() => stage.test.clock.now.getTime() / 1000 + 1)

beforeAll(async () => {
  stage = await Stage.open()
  await stage.make('/groups', { name: 'media' })
  await stage.make('/permissions', { group: 'media', resource: 'webdav', scopes: ['files:read'] })
  for (const [name, { policy, keys }] of Object.entries(ISSUERS)) {
    await stage.make('/issuers', {
      ...{ name, issuer: policy.issuer, algorithms: policy.algorithms, profile: policy.profile, jwks: { keys } },
      max_lifetime_seconds: policy.maxLifetimeSeconds,
      ...(policy.allowedClients !== null && { allowed_clients: policy.allowedClients }),
      ...(policy.isKubernetes && { kubernetes: { mode: 'jwks' } }),
      ...(name === 'corp' && { group_mappings: { media: MAPPED_GROUPS } }),
    })
  }
  for (const [name, { issuer, match, grouped }] of Object.entries(TRUSTED)) {
    await stage.make('/trust-rules', { name, issuer, match, as: { workload: { groups: grouped ? [] : ['media'] } } })
  }
  await stage.call('PATCH', '/resources/webdav', { audience_aliases: [{ issuer: 'corp', audience: ALIAS }] })
})
afterAll(() => stage.close())

function kindOf(expected: 'OK' | RefusalCode): Kind {
  if (expected === 'OK') return 'OK'
  const { status, wire } = REFUSALS[expected]
  if (status === 401) return 'T401'
  return wire === null ? 'F403' : 'S403'
}

for (const dialect of ['forward', 'nginx'] as const satisfies readonly Dialect[]) {
  describe(`the server at /verify/${dialect}`, () => {
    for (const { name, text, expected } of EXTERNAL_JWT_VECTORS) {
      test(name, async () => {
        const fetched = spyOn(globalThis, 'fetch')
        const question = { lines: [bearer(text(signing))] }
        // Whose a text would be that cannot be read is told by what a more lenient reader takes it for.
        if (expected === 'token_malformed') stage.oracle.judge(await stage.ask(dialect, question), 'T401', dialect)
        else await stage.expect(kindOf(expected), expected === 'OK' ? undefined : expected, dialect, question)
        expect(fetched).not.toHaveBeenCalled()
        fetched.mockRestore()
      })
    }
  })
}
