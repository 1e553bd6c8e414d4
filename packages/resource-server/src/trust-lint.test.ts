import { describe, expect, test } from 'bun:test'
import { checkTrustRule, type LintedIssuer } from './trust-lint.ts'
import type { ClaimMatch } from './trust-rule.ts'

type Match = Record<string, ClaimMatch>

const issuerOf = (issuer: string): LintedIssuer => ({ issuer, isKubernetes: false })
const GITHUB = issuerOf('https://token.actions.githubusercontent.com')
const GITLAB = issuerOf('https://gitlab.com')
const OWN = issuerOf('https://idp.example.com')
const CLUSTER: LintedIssuer = { issuer: 'https://kubernetes.default.svc.cluster.local', isKubernetes: true }

const problems = (match: Match, issuer = OWN) => checkTrustRule({ match }, issuer).problems
const said = (match: Match, issuer = OWN) => problems(match, issuer).map(({ path, message }) => `${path}: ${message}`)
const warned = (match: Match, issuer = OWN) => {
  const { problems, warnings } = checkTrustRule({ match }, issuer)
  expect(problems).toEqual([])
  return warnings.map(({ code }): string => code)
}

/** What is put where no type checks it. */
const untyped = (value: unknown) => value as ClaimMatch

describe('what no rule may ask', () => {
  const many = Object.fromEntries(Array.from({ length: 33 }, (_, at) => [`claim_${at}`, 'x']))
  const rows: readonly [string, Match, RegExp][] = [
    ['nothing', {}, /^match: A rule that asks nothing/],
    ['the audience beside a subject', { sub: 'a', aud: 'b' }, /^match\.aud: /],
    ['the issuer', { sub: 'a', iss: 'b' }, /^match\.iss: /],
    ['times', { sub: 'a', exp: 1 }, /^match\.exp: /],
    ['ids of single tokens', { sub: 'a', jti: 'b' }, /^match\.jti: /],
    ['only that a subject is there', { sub: { exists: true } }, /^match: Nothing in it says whose/],
    [
      'only what is true of anybody',
      { ref: 'refs/heads/main', email_verified: true },
      /^match: Nothing in it says whose/,
    ],
    ['a list of nothing', { sub: { in: [] } }, /^match\.sub\.in: A list of nothing fits nobody/],
    ['an empty text', { sub: '' }, /^match\.sub: Expected a text that is not empty/],
    ['a text that is too long', { sub: 'x'.repeat(513) }, /^match\.sub: Expected at most 512/],
    ['too many claims', many, /^match: Expected at most 32 claims/],
    ['a subject that is a number', { sub: 7 }, /^match\.sub: A subject is a text/],
    [
      'a member that is no scalar',
      { sub: { in: ['a', untyped(null) as string] } },
      /^match\.sub\.in\.1: Expected a text/,
    ],
    ['null', { sub: untyped(null) }, /^match\.sub: Expected a text, a number/],
    [
      'that something is absent',
      { sub: 'a', act: untyped({ exists: false }) },
      /^match\.act: Expected a text, a number/,
    ],
    [
      'two things of one claim',
      { sub: untyped({ prefix: 'a:b:', in: ['a'] }) },
      /^match\.sub: Expected a text, a number/,
    ],
    ['a star in an exact text', { sub: 'repo:octo-org/*' }, /^match\.sub: Patterns are not read here.*use \{"prefix"/],
    ['a question mark', { ref: 'v?', sub: 'a' }, /^match\.ref: Patterns are not read here.*\{"in"/],
    ['an anchored expression', { sub: '^repo:octo-org/octo-repo' }, /Patterns are not read here/],
    ['a class', { sub: 'v[0-9]' }, /Patterns are not read here/],
    ['an expression in a list', { sub: { in: ['a', 'b.+c'] } }, /^match\.sub\.in\.1: Patterns are not read/],
    ['a prefix of another claim', { repository: { prefix: 'octo-org/' } }, /^match\.repository: Only sub may/],
    [
      'a prefix within a name',
      { sub: { prefix: 'repo:octo-org/octo-repo' } },
      /^match\.sub: A prefix ends with.*octo-repo-evil/,
    ],
    [
      'a prefix that is a star',
      { sub: { prefix: '*' } },
      /^match\.sub: Patterns are not read here: .*leave the \* out/,
    ],
    ['a prefix with a star at its end', { sub: { prefix: 'repo:octo-org/*' } }, /^match\.sub: Patterns are not read/],
    ['a prefix that fits every subject of a kind', { sub: { prefix: 'repo:' } }, /fits nearly every subject/],
    ['a prefix of separators', { sub: { prefix: '://' } }, /fits nearly every subject/],
    ['an empty prefix', { sub: { prefix: '' } }, /A prefix ends with/],
    ['every ServiceAccount of a cluster', { sub: { prefix: 'system:serviceaccount:' } }, /fits nearly every subject/],
  ]
  for (const [name, match, message] of rows) {
    test(name, () => {
      expect(said(match).join('\n')).toMatch(message)
      expect(said(match)).toHaveLength(1)
    })
  }

  test('the audience alone trusts everybody who can ask for a token', () => {
    expect(said({ aud: 'https://api.example.com' })).toEqual([
      expect.stringMatching(/^match\.aud: .*matter of the resource/),
      expect.stringMatching(/^match: A rule that asks nothing/),
    ])
  })

  test('all problems are told, each at its path', () => {
    const match = { aud: 'a', ref: 'v*', sub: { prefix: 'repo:a' } }
    expect(problems(match).map(({ path }) => path)).toEqual(['match.aud', 'match.ref', 'match.sub'])
    expect(problems({ aud: 'a', ref: 'main' }).map(({ path }) => path)).toEqual(['match.aud', 'match'])
  })

  test('subjects with a bar, a plus or a dot are texts like others', () => {
    expect(warned({ sub: 'auth0|5f7c8ec7c33c6c004bbafe82' })).toEqual([])
    expect(warned({ sub: 'a+b.c=@d', groups: { in: ['git-admins'] } })).toEqual([])
  })

  test('a group, a client or a tenant names whose tokens are meant on an issuer of one own', () => {
    for (const match of [{ groups: 'ops' }, { azp: 'nightly' }, { tid: 'x' }, { 'realm_access.roles': 'ops' }]) {
      expect(warned(match)).toEqual([])
    }
  })
})

describe('an issuer that signs for everybody', () => {
  const GHE = issuerOf('https://token.actions.githubusercontent.com/octo-enterprise')
  const COMMON = issuerOf('https://login.microsoftonline.com/common/v2.0')
  const refused: readonly [string, LintedIssuer, Match][] = [
    ['GitHub without a tenant', GITHUB, { job_workflow_ref: 'a/b/.github/workflows/c.yml@refs/heads/main' }],
    ['GitHub by an actor', GITHUB, { actor_id: '1', ref: 'refs/heads/main' }],
    ['GitHub by a subject that any owner can choose', GITHUB, { sub: 'environment:production' }],
    ['GitHub by one such among others', GITHUB, { sub: { in: ['repo:o/r:ref:refs/heads/main', 'environment:x'] } }],
    ['GitHub by a prefix without a whole owner', GITHUB, { sub: { prefix: 'repo:octo-org:' } }],
    ['GitHub by an id that may be any', GITHUB, { repository_id: { exists: true }, workflow: 'deploy' }],
    ['the issuer of an enterprise alike', GHE, { workflow: 'deploy' }],
    ['the same issuer with a slash', issuerOf(`${GITHUB.issuer}/`), { workflow: 'deploy' }],
    ['GitLab by where a job runs', GITLAB, { job_project_id: '20', ref: 'main', ref_protected: 'true' }],
    ['GitLab without a project', GITLAB, { user_login: 'root', ref_protected: 'true' }],
    [
      'Bitbucket',
      issuerOf('https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc'),
      { branchName: 'main', stepUuid: 'x' },
    ],
    [
      'CircleCI',
      issuerOf('https://oidc.circleci.com/org/9d3a4c1e'),
      { 'oidc.circleci.com/vcs-ref': 'refs/heads/main' },
    ],
    [
      'Buildkite by a pipeline that anybody may name so',
      issuerOf('https://agent.buildkite.com'),
      { pipeline_slug: 'deploy' },
    ],
    ['HCP Terraform', issuerOf('https://app.terraform.io'), { terraform_workspace_name: 'production' }],
    ['Google', issuerOf('https://accounts.google.com'), { azp: 'x', email: 'a@example.com' }],
    ['Entra ID for all tenants', COMMON, { azp: '2c9e6b7a-1d84-4e53-9f0a-8b6d3c5e7f12' }],
    ['Vercel', issuerOf('https://oidc.vercel.com'), { project: 'website' }],
    ['Fly.io', issuerOf('https://oidc.fly.io/acme'), { app_name: 'website' }],
  ]
  for (const [name, issuer, match] of refused) {
    test(`${name} is refused`, () =>
      expect(said(match, issuer).join()).toMatch(/^match: .+ signs for everybody: pin your own by /))
  }

  const accepted: readonly [string, LintedIssuer, Match][] = [
    ['GitHub by repository', GITHUB, { repository_id: '456789' }],
    ['GitHub by owner', GITHUB, { sub: { prefix: 'repo:octo-org/' } }],
    ['GitHub by a subject with ids', GITHUB, { sub: 'repo:octo-org@123456/octo-repo@456789:ref:refs/heads/main' }],
    ['GitLab by a group', GITLAB, { sub: { prefix: 'project_path:my-group/' } }],
    [
      'Bitbucket by a repository',
      issuerOf('https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc'),
      { sub: { prefix: '{14ee3fa4-a7e2-420f-9f9a-dbc4507c3798}:' } },
    ],
    [
      'CircleCI by an organization',
      issuerOf('https://oidc.circleci.com/org/9d3a4c1e'),
      { sub: { prefix: 'org/9d3a4c1e/' } },
    ],
    [
      'Buildkite by a pipeline',
      issuerOf('https://agent.buildkite.com'),
      { sub: { prefix: 'organization:acme:pipeline:deploy:' } },
    ],
    ['Google by a subject', issuerOf('https://accounts.google.com'), { sub: '113774264463038321964' }],
    ['Entra ID by a tenant', COMMON, { tid: '5b1f4c2e-9a7d-4f0b-8c3e-2d6a1e7f9b04' }],
    ['Entra ID of one tenant by a client', issuerOf('https://login.microsoftonline.com/5b1f4c2e/v2.0'), { azp: 'x' }],
    [
      'an Enterprise Server of one own',
      issuerOf('https://github.example.com/_services/token'),
      { job_workflow_ref: 'a/b/c.yml@v1' },
    ],
  ]
  test('the tenant is no more than the issuer of a tenant says already', () => {
    for (const iss of ['https://login.microsoftonline.com/5b1f4c2e/v2.0', 'https://sts.windows.net/5b1f4c2e/']) {
      expect(said({ tid: '5b1f4c2e', azpacr: '1' }, issuerOf(iss)).join()).toMatch(/^match: Nothing in it says whose/)
      expect(said({ tid: '5b1f4c2e' }, issuerOf(iss)).join()).toMatch(/^match: Nothing in it says whose/)
      expect(problems({ tid: '5b1f4c2e', roles: 'Files.Read' }, issuerOf(iss))).toEqual([])
    }
  })

  for (const [name, issuer, match] of accepted) {
    test(`${name} is accepted`, () => expect(problems(match, issuer)).toEqual([]))
  }
})

describe('what is warned of', () => {
  const ENTRA = issuerOf('https://login.microsoftonline.com/5b1f4c2e/v2.0')
  const OLD = 'repo:octo-org/octo-repo:ref:refs/heads/main'
  const NEW = 'repo:octo-org@123456/octo-repo@456789'
  const rows: readonly [string, LintedIssuer, Match, readonly string[]][] = [
    ['a subject of names', GITHUB, { sub: OLD }, ['mutable_name', 'stranger_event']],
    [
      'a repository by its name',
      GITHUB,
      { repository: 'octo-org/octo-repo', environment: 'production', event_name: 'push' },
      ['mutable_name'],
    ],
    [
      'an owner by its name',
      GITHUB,
      { repository_owner: 'octo-org', ref: 'refs/heads/main', event_name: 'push' },
      ['mutable_name'],
    ],
    [
      'a subject of names with an id beside it: nothing',
      GITHUB,
      { sub: OLD, repository_id: '456789', event_name: 'push' },
      [],
    ],
    ['a subject with ids: nothing', GITHUB, { sub: `${NEW}:ref:refs/heads/main`, event_name: 'push' }, []],
    ['a main branch, whoever had it run', GITHUB, { repository_id: '4', ref: 'refs/heads/main' }, ['stranger_event']],
    ['an environment, whoever had it run', GITHUB, { repository_id: '4', environment: 'a' }, ['stranger_event']],
    [
      'subjects of which one has no ids',
      GITHUB,
      { sub: { in: [`${NEW}:environment:a`, OLD] }, event_name: 'push' },
      ['mutable_name'],
    ],
    [
      'a subject of a chosen template with an id: nothing',
      GITHUB,
      { sub: 'repository_owner_id:65:environment:production', event_name: 'push' },
      [],
    ],
    ['any branch of a repository', GITHUB, { repository_id: '456789' }, ['any_ref', 'pull_request', 'stranger_event']],
    [
      'a prefix that includes pull requests',
      GITHUB,
      { sub: { prefix: `${NEW}:` } },
      ['any_ref', 'pull_request', 'stranger_event'],
    ],
    ['any branch, for pushes alone', GITHUB, { repository_id: '456789', event_name: 'push' }, ['any_ref']],
    ['a subject of pull requests', GITHUB, { sub: `${NEW}:pull_request` }, ['pull_request']],
    [
      'an event of pull requests',
      GITHUB,
      { sub: `${NEW}:environment:a`, event_name: { in: ['push', 'pull_request'] } },
      ['pull_request'],
    ],
    [
      'events that strangers cause',
      GITHUB,
      { repository_id: '4', ref: 'a', event_name: { in: ['push', 'issue_comment'] } },
      ['stranger_event'],
    ],
    [
      'a reusable workflow: nothing',
      GITHUB,
      { repository_owner_id: '1', job_workflow_ref: 'a/b/c.yml@refs/tags/v1', event_name: 'push' },
      [],
    ],
    [
      'an id that GitHub says as text',
      GITHUB,
      { repository_id: 456789, ref: 'refs/heads/main', event_name: 'push' },
      ['claim_is_text'],
    ],
    ['a boolean that GitLab says as text', GITLAB, { project_id: '20', ref_protected: true }, ['claim_is_text']],
    [
      'an Enterprise Server like GitHub',
      issuerOf('https://github.example.com/_services/token'),
      { sub: OLD, event_name: 'push' },
      ['mutable_name'],
    ],
    ['a project by its path', GITLAB, { project_path: 'my-group/my-project', ref_protected: 'true' }, ['mutable_name']],
    ['a ref that is not protected', GITLAB, { project_id: '20', ref: 'main' }, ['ref_unprotected']],
    [
      'a GitLab of one own',
      issuerOf('https://gitlab.example.com'),
      { sub: 'project_path:a/b:ref_type:branch:ref:main' },
      ['mutable_name', 'ref_unprotected'],
    ],
    [
      'an organization of Buildkite by its name',
      issuerOf('https://agent.buildkite.com'),
      { organization_slug: 'acme' },
      ['mutable_name'],
    ],
    [
      'an organization of Buildkite by its id: nothing',
      issuerOf('https://agent.buildkite.com'),
      { organization_id: 'x', sub: { prefix: 'organization:acme:' } },
      [],
    ],
    ['a person by an address', OWN, { email: 'alice@example.com' }, ['mutable_name']],
    ['a person of Entra ID by an address', ENTRA, { tid: 'x', upn: 'alice@example.com' }, ['mutable_name']],
    ['a person by a subject: nothing', OWN, { sub: 'f81d4fae', email: 'alice@example.com' }, []],
    ['a ServiceAccount', CLUSTER, { sub: 'system:serviceaccount:prod:atlas' }, ['service_account_recreated']],
    [
      'a ServiceAccount by uid: nothing',
      CLUSTER,
      { sub: 'system:serviceaccount:prod:atlas', 'kubernetes.io.serviceaccount.uid': 'u' },
      [],
    ],
    [
      'the default ServiceAccount',
      CLUSTER,
      { sub: 'system:serviceaccount:prod:default' },
      ['default_service_account', 'service_account_recreated'],
    ],
    [
      'a whole namespace',
      CLUSTER,
      { sub: { prefix: 'system:serviceaccount:prod:' } },
      ['whole_namespace', 'service_account_recreated'],
    ],
    ['a SPIFFE ID: nothing', OWN, { sub: 'spiffe://example.org/ns/prod/sa/atlas' }, []],
    ['a whole trust domain', OWN, { sub: { prefix: 'spiffe://example.org/' } }, ['whole_trust_domain']],
    ['a path of a trust domain: nothing', OWN, { sub: { prefix: 'spiffe://example.org/ns/prod/' } }, []],
  ]
  for (const [name, issuer, match, codes] of rows) {
    test(name, () => expect(warned(match, issuer)).toEqual([...codes]))
  }

  test('a warning says what to write instead', () => {
    const { warnings } = checkTrustRule({ match: { sub: OLD } }, GITHUB)
    expect(warnings[0]?.message).toMatch(
      /^sub of GitHub Actions says names\. .*ask for repository_id and repository_owner_id as well\.$/,
    )
  })

  test('of a rule that is refused nothing is warned', () => {
    expect(checkTrustRule({ match: { sub: OLD, aud: 'x' } }, GITHUB).warnings).toEqual([])
  })
})
