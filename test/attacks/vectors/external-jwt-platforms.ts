// Subjects of CI systems and clusters that are nearly those that are trusted.
import { strangersKey } from '../../support/forging.ts'
import { type Expected, type ExternalJwtVector, REFUSED, row, saying, shown, type Words } from './external-vector.ts'
import { ACCOUNT, boundTo, type IssuerName, signerOf, WORKFLOW } from './external-world.ts'

const stranger = strangersKey()
const UNTRUSTED = 'trust_rule_missing'
const workflow = (name: string, expected: Expected, claims: Words) => saying(name, expected, claims, 'github')
const account = (name: string, expected: Expected, claims: Words, by: IssuerName = 'east') =>
  saying(name, expected, claims, by)
const TOOLS = { repository: 'octo-org/tools', repository_id: '77', sub: 'repo:octo-org/tools:ref:refs/heads/main' }

/** Whom the subjects of platforms stand for. */
export const PLATFORM_VECTORS: readonly ExternalJwtVector[] = [
  workflow('JWT-57 the workflow that is trusted', 'OK', {}),
  ...[
    'repo:octo-org/octo-repo-evil:ref:refs/heads/main',
    'repo:octo-org/octo-repo:ref:refs/heads/main-evil',
    'repo:octo-org/octo-repo:ref:refs/tags/main',
    'repo:octo-org/octo-repo:pull_request',
    'repo:octo-org/octo-repo:environment:production',
    'repo:Octo-Org/octo-repo:ref:refs/heads/main',
    'repo:attacker/octo-repo:ref:refs/heads/main',
    'repo:octo-org/*',
    '*',
    `${WORKFLOW} `,
  ].map((sub) => workflow(`JWT-57 ${sub}`, UNTRUSTED, { sub })),
  workflow('JWT-57 a repository of the same name, made by somebody else', UNTRUSTED, {
    repository_id: '999',
    repository_owner_id: '888',
  }),
  workflow('JWT-57 an owner who was renamed', UNTRUSTED, { repository_owner_id: '888' }),
  workflow('JWT-57 an id as a number', UNTRUSTED, { repository_id: 456789 }),
  workflow('JWT-57 no id', UNTRUSTED, { repository_id: undefined }),
  workflow('JWT-57 the audience that it has by default', 'audience_refused', { aud: 'https://github.com/octo-org' }),
  workflow('JWT-57 any branch of what is trusted by its beginning', 'OK', TOOLS),
  ...['repo:octo-org/tools-evil:ref:refs/heads/main', 'repo:octo-org/tools', 'x:repo:octo-org/tools:ref:x'].map((sub) =>
    workflow(`JWT-57 ${sub}, which only begins alike`, UNTRUSTED, { ...TOOLS, sub }),
  ),
  saying('JWT-58 a name with dots', 'OK', { sub: 'host.example.com' }),
  ...['hostXexample.com', 'host.example.com.attacker.example', 'x.host.example.com', 'machine|host.example.com'].map(
    (sub) => saying(`JWT-58 ${sub}, which a pattern would let in`, UNTRUSTED, { sub }),
  ),
  saying('JWT-58 what takes a pattern for ever', UNTRUSTED, { sub: `${'a'.repeat(500)}!` }),
  account('JWT-59 a token of the cluster for us', 'OK', {}),
  account('JWT-59 a token for the API server', 'audience_refused', { aud: ['https://kubernetes.default.svc'] }),
  account('JWT-59 a token without audience', REFUSED, { aud: undefined }),
  account('JWT-60 another ServiceAccount', UNTRUSTED, {
    sub: 'system:serviceaccount:prod:other',
    'kubernetes.io': boundTo('prod', 'other', 'uid-1'),
  }),
  account('JWT-60 the same name in another namespace', UNTRUSTED, {
    sub: 'system:serviceaccount:test:atlas',
    'kubernetes.io': boundTo('test', 'atlas', 'uid-1'),
  }),
  account('JWT-60 the ServiceAccount made anew', UNTRUSTED, { 'kubernetes.io': boundTo('prod', 'atlas', 'uid-2') }),
  account('JWT-60 claims of another ServiceAccount', REFUSED, { 'kubernetes.io': boundTo('test', 'atlas', 'uid-1') }),
  account('JWT-60 a namespace with the name in it', REFUSED, { 'kubernetes.io': boundTo('prod:atlas', '', 'uid-1') }),
  ...[undefined, null, {}, 'prod', { namespace: 'prod', serviceaccount: 'atlas' }].map((claim) =>
    account(`JWT-60 ${shown(claim)} for what it is bound to`, REFUSED, { 'kubernetes.io': claim }),
  ),
  account('JWT-61 a token of a Secret', 'credential_foreign', {
    ...{ iss: 'kubernetes/serviceaccount', aud: undefined, exp: undefined, 'kubernetes.io': undefined },
    'kubernetes.io/serviceaccount/service-account.name': 'atlas',
  }),
  account('JWT-61 a token of a Secret under the name of the cluster', REFUSED, {
    'kubernetes.io/serviceaccount/service-account.name': 'atlas',
  }),
  account('JWT-61 a token without an end', REFUSED, { exp: undefined }),
  account('JWT-62 the same account of the other cluster', UNTRUSTED, {}, 'west'),
  row('JWT-62 the key of the other cluster under the id of this one', REFUSED, (signing) =>
    signing.token('east', {}, {}, signerOf('west-1').privateKey),
  ),
  row('JWT-62 a key of neither', REFUSED, (signing) =>
    signing.token('east', {}, { kid: stranger.jwk.kid }, stranger.privateKey),
  ),
  saying(`JWT-62 ${ACCOUNT} of an issuer that is no cluster`, UNTRUSTED, { sub: ACCOUNT }),
]
