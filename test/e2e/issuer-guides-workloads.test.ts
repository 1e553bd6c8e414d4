// The guides to workloads: what each declares is made in a real app, word for word, and tokens as its platform makes them are
// let in. Their neighbours are not. Keys of the test stand in for the platform's.

import { expect, test } from 'bun:test'
import { declaredIn } from '../support/issuer-guide.ts'
import { AUDIENCE, FOREIGN, guide, missed, REFUSED } from '../support/issuer-guide-rows.ts'

const USAGE = 'GET /api/internal/atlas/accounts/acme/usage'
const POD = { exp: 1_893_456_000 + 600 }
const bound = (namespace: string, name: string) => ({
  ...POD,
  sub: `system:serviceaccount:${namespace}:${name}`,
  'kubernetes.io': { namespace, serviceaccount: { name, uid: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' } },
})

guide(
  'kubernetes',
  [
    ['the pod reads', USAGE, ['kubernetes', POD], 'client:atlas'],
    ['another namespace', USAGE, ['kubernetes', bound('atlas-staging', 'atlas')], missed('sub')],
    ['another ServiceAccount', USAGE, ['kubernetes', bound('atlas-production', 'default')], missed('sub')],
    [
      'a sub that is not its ServiceAccount',
      USAGE,
      ['kubernetes', { ...bound('atlas-staging', 'atlas'), sub: 'system:serviceaccount:atlas-production:atlas' }],
      REFUSED,
    ],
    [
      'the token for the API server',
      USAGE,
      ['kubernetes', { ...POD, aud: ['https://kubernetes.default.svc.cluster.local'] }],
      AUDIENCE,
    ],
    ['a token for Countersign itself', USAGE, ['kubernetes', { ...POD, aud: ['https://auth.example.com'] }], AUDIENCE],
    ['a token of a year', USAGE, ['kubernetes', { exp: 1_893_456_000 + 31_536_000 }], REFUSED],
    [
      'a token of a Secret',
      USAGE,
      ['kubernetes', { ...POD, 'kubernetes.io/serviceaccount/namespace': 'atlas-production' }],
      REFUSED,
    ],
    ['a token of no ServiceAccount', USAGE, ['kubernetes', { ...POD, 'kubernetes.io': undefined }], REFUSED],
  ],
  (scene) => {
    test('clusters of one issuer string are told apart by their keys, and a rule is for one of them', async () => {
      const { issuers = [] } = declaredIn('kubernetes.md', 'clusters.yaml')
      const [production, staging] = issuers
      expect(production).toMatchObject({ name: 'production', issuer: staging?.issuer })
      await scene().declare({ issuers: issuers.slice(1) })
      expect(await scene().call(scene().token('kubernetes', { ...POD, signer: 'staging' }), ...usage)).toMatchObject({
        code: 'trust_rule_missing',
      })
      expect(await scene().call(scene().token('kubernetes', POD), ...usage)).toMatchObject({ user: 'client:atlas' })
      const unnamed = scene().token('kubernetes', POD, { kid: undefined })
      expect(await scene().call(unnamed, ...usage)).toMatchObject({ code: 'external_token_refused' })
    })
  },
)
const usage = USAGE.split(' ') as [string, string]

guide('spiffe', [
  [
    'the workload reads',
    USAGE,
    ['spiffe'],
    'workload:spire:spiffe:%2F%2Fexample.org%2Fns%2Fatlas-production%2Fsa%2Fatlas',
  ],
  ['another path', USAGE, ['spiffe', { sub: 'spiffe://example.org/ns/atlas-production/sa/other' }], missed('sub')],
  [
    'another trust domain',
    USAGE,
    ['spiffe', { sub: 'spiffe://example.com/ns/atlas-production/sa/atlas' }],
    missed('sub'),
  ],
  ['another audience', USAGE, ['spiffe', { aud: ['https://other.example.com'] }], AUDIENCE],
  ['a server without jwt_issuer', USAGE, ['spiffe', { iss: undefined }], FOREIGN],
])
