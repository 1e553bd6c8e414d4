// By which mistakes others came to trust strangers, each of them tried here.
import { describe, expect, test } from 'bun:test'
import type { ExternalFacts } from './external-token.ts'
import type { Claims } from './jwt.ts'
import { PLATFORM_CLAIMS } from './testing/platform-claims.ts'
import { checkTrustRule } from './trust-lint.ts'
import { type ClaimMatch, compileTrustRules } from './trust-rule.ts'

const NOW = new Date('2026-06-01T12:00:00Z')
const GITHUB = { issuer: PLATFORM_CLAIMS.github.iss, isKubernetes: false }

type Match = Record<string, ClaimMatch>

const isAccepted = (match: Match, issuer = GITHUB) => checkTrustRule({ match }, issuer).problems.length === 0
const warnings = (match: Match, issuer = GITHUB) =>
  checkTrustRule({ match }, issuer).warnings.map(({ code }): string => code)

function trusts(match: Match, claims: Claims, own: Claims = {}): boolean {
  const said = { ...claims, ...own }
  const dates = { issuedAt: NOW, believedFrom: NOW, believedUntil: NOW, expiresAt: NOW }
  const facts: ExternalFacts = {
    issuer: 'it',
    subject: String(said.sub),
    audiences: [],
    jti: undefined,
    claims: said,
    ...dates,
  }
  const rule = { name: 'one', issuer: 'it', match, mode: 'enforce', expiresAt: null } as const
  return compileTrustRules([rule]).match(facts, NOW).outcome === 'match'
}

const REPOSITORY = { sub: { prefix: 'repo:octo-org/octo-repo:' } }

describe('GitHub', () => {
  const { github, githubPullRequest, githubReusable } = PLATFORM_CLAIMS

  test('the audience alone, which any repository can ask for, is no rule', () => {
    expect(isAccepted({ aud: 'https://api.example.com' })).toBe(false)
    expect(isAccepted({ aud: 'https://api.example.com', ref: 'refs/heads/main' })).toBe(false)
    expect(isAccepted({ aud: { in: ['https://api.example.com'] }, repository_id: '456789' })).toBe(false)
  })

  test('an alternation is no rule where it is anchored, and is compared as a text where it is not', () => {
    expect(isAccepted({ sub: '^repo:octo-org/octo-repo:ref:refs/heads/main|repo:octo-org/b$' })).toBe(false)
    expect(trusts({ sub: 'repo:a/b|repo:octo-org/octo-repo:ref:refs/heads/main' }, github)).toBe(false)
  })

  test('a dot is a dot, and an expression that takes forever is a text', () => {
    expect(trusts({ repository: 'octo-org/octo.repo' }, github)).toBe(false)
    expect(isAccepted({ sub: 'repo:octo-org/(a+)+$' })).toBe(false)
    expect(trusts({ sub: '(o+)+$' }, github, { sub: `${'o'.repeat(7000)}!` })).toBe(false)
  })

  test('a star neither crosses a border nor stays within one: it is not read', () => {
    for (const sub of ['repo:octo-org/*', 'repo:octo-org/octo-repo:*', 'repo:octo-*/octo-repo:ref:refs/heads/main']) {
      expect(isAccepted({ sub })).toBe(false)
      expect(trusts({ sub }, github)).toBe(false)
    }
  })

  test('a repository or owner whose name only begins alike is another one', () => {
    expect(isAccepted(REPOSITORY)).toBe(true)
    expect(trusts(REPOSITORY, github)).toBe(true)
    expect(trusts(REPOSITORY, github, { sub: 'repo:octo-org/octo-repo-evil:ref:refs/heads/main' })).toBe(false)
    expect(isAccepted({ sub: { prefix: 'repo:octo-org/octo-repo' } })).toBe(false)
    const owner = { sub: { prefix: 'repo:octo-org/' } }
    expect(trusts(owner, github, { sub: 'repo:octo-org-evil/octo-repo:ref:refs/heads/main' })).toBe(false)
    expect(isAccepted({ sub: { prefix: 'repo:octo-org' } })).toBe(false)
  })

  test('another case of letters is another subject', () => {
    expect(trusts({ sub: 'repo:Octo-Org/octo-repo:ref:refs/heads/main' }, github)).toBe(false)
  })

  test('a name that somebody else took is warned of, and ids keep the stranger out', () => {
    const stranger = { ...github, repository_id: '999', repository_owner_id: '888' }
    const byName = { sub: github.sub, event_name: 'push' }
    expect(warnings(byName)).toEqual(['mutable_name'])
    expect(trusts(byName, stranger)).toBe(true)
    const byId = { ...byName, repository_id: '456789', repository_owner_id: '123456' }
    expect(warnings(byId)).toEqual([])
    expect(trusts(byId, github)).toBe(true)
    expect(trusts(byId, stranger)).toBe(false)
  })

  test('a rule by ids goes on to fit when the subject comes to hold ids too, and when the owner is renamed', () => {
    const byId = { repository_id: '456789', repository_owner_id: '123456', ref: 'refs/heads/main' }
    const { githubWithIds } = PLATFORM_CLAIMS
    expect(trusts(byId, githubWithIds)).toBe(true)
    expect(trusts(byId, githubWithIds, { sub: 'repo:renamed@123456/octo-repo@456789:ref:refs/heads/main' })).toBe(true)
    expect(trusts({ sub: github.sub }, githubWithIds)).toBe(false)
  })

  test('a prefix by names fits no subject with ids, and one with ids fits no subject of another id', () => {
    const { githubWithIds } = PLATFORM_CLAIMS
    expect(trusts(REPOSITORY, githubWithIds)).toBe(false)
    const withIds = { sub: { prefix: 'repo:octo-org@123456/octo-repo@456789:' } }
    expect(trusts(withIds, githubWithIds)).toBe(true)
    expect(trusts(withIds, github, { sub: 'repo:octo-org@999/octo-repo@456789:ref:refs/heads/main' })).toBe(false)
    expect(isAccepted({ sub: { prefix: 'repo:octo-org@1234' } })).toBe(false)
  })

  test('a pull request has the prefix of its repository, of which is warned, and a ref or an event keeps it out', () => {
    expect(trusts(REPOSITORY, githubPullRequest)).toBe(true)
    expect(warnings({ ...REPOSITORY, repository_id: '456789' })).toContain('pull_request')
    for (const narrower of [{ ref: 'refs/heads/main' }, { event_name: 'push' }, { environment: 'production' }]) {
      expect(trusts({ ...REPOSITORY, ...narrower }, githubPullRequest)).toBe(false)
      expect(warnings({ ...REPOSITORY, repository_id: '456789', ...narrower })).not.toContain('pull_request')
    }
  })

  test('a reusable workflow that anybody may call says nothing of who calls it', () => {
    expect(isAccepted({ job_workflow_ref: githubReusable.job_workflow_ref })).toBe(false)
    expect(isAccepted({ job_workflow_ref: githubReusable.job_workflow_ref, repository_owner_id: '123456' })).toBe(true)
  })

  test('a subject template that any owner can choose says nothing of the owner', () => {
    expect(isAccepted({ sub: 'environment:production' })).toBe(false)
    expect(isAccepted({ sub: 'job_workflow_ref:octo-org/workflows/.github/workflows/release.yml@refs/tags/v3' })).toBe(
      false,
    )
  })

  test('a claim that is missing fits nothing, whatever a rule asks of it', () => {
    const { repository_id: _, ...claims } = github
    for (const asked of ['456789', { in: ['456789', ''] }, { exists: true }] as const) {
      expect(trusts({ sub: github.sub, repository_id: asked }, claims)).toBe(false)
    }
  })
})

describe('Kubernetes', () => {
  const { kubernetes } = PLATFORM_CLAIMS
  const cluster = { issuer: kubernetes.iss, isKubernetes: true }
  const atlas = { sub: kubernetes.sub }

  test('a ServiceAccount of that name in another namespace, or of another name, is not trusted', () => {
    expect(trusts(atlas, kubernetes)).toBe(true)
    for (const name of ['atlas-staging:atlas', 'atlas-production:atlas-evil', 'atlas-production:default']) {
      expect(trusts(atlas, kubernetes, { sub: `system:serviceaccount:${name}` })).toBe(false)
    }
  })

  test('a prefix of one namespace does not reach a longer name', () => {
    const namespace = { sub: { prefix: 'system:serviceaccount:atlas:' } }
    expect(isAccepted(namespace, cluster)).toBe(true)
    expect(trusts(namespace, kubernetes)).toBe(false)
    expect(isAccepted({ sub: { prefix: 'system:serviceaccount:atlas' } }, cluster)).toBe(false)
  })

  test('one that was deleted and made again is trusted by its name, of which is warned, and not by its uid', () => {
    const uid = kubernetes['kubernetes.io'].serviceaccount.uid
    const again = {
      ...kubernetes,
      'kubernetes.io': { ...kubernetes['kubernetes.io'], serviceaccount: { name: 'atlas', uid: 'new' } },
    }
    expect(warnings(atlas, cluster)).toEqual(['service_account_recreated'])
    expect(trusts(atlas, again)).toBe(true)
    const byUid = { ...atlas, 'kubernetes.io.serviceaccount.uid': uid }
    expect(trusts(byUid, kubernetes)).toBe(true)
    expect(trusts(byUid, again)).toBe(false)
  })
})

describe('GitLab', () => {
  test('a project that took over a path is kept out by its id', () => {
    const { gitlab } = PLATFORM_CLAIMS
    const issuer = { issuer: gitlab.iss, isKubernetes: false }
    expect(warnings({ project_path: gitlab.project_path, ref_protected: 'true' }, issuer)).toEqual(['mutable_name'])
    const byId = { project_path: gitlab.project_path, project_id: '20', ref_protected: 'true' }
    expect(trusts(byId, gitlab)).toBe(true)
    expect(trusts(byId, gitlab, { project_id: '21' })).toBe(false)
    expect(trusts(byId, gitlab, { ref_protected: 'false' })).toBe(false)
  })

  test('a boolean is not the text that GitLab says, of which is warned', () => {
    const { gitlab } = PLATFORM_CLAIMS
    const match = { project_id: '20', ref_protected: true }
    expect(trusts(match, gitlab)).toBe(false)
    expect(warnings(match, { issuer: gitlab.iss, isKubernetes: false })).toContain('claim_is_text')
  })
})

describe('SPIFFE', () => {
  test('a path or a trust domain that only begins alike is another one', () => {
    const { spiffe } = PLATFORM_CLAIMS
    const match = { sub: { prefix: 'spiffe://example.org/ns/atlas-production/' } }
    expect(trusts(match, spiffe)).toBe(true)
    expect(trusts(match, spiffe, { sub: 'spiffe://example.org/ns/atlas-production-evil/sa/atlas' })).toBe(false)
    expect(trusts(match, spiffe, { sub: 'spiffe://example.org.evil.example/ns/atlas-production/sa/atlas' })).toBe(false)
    expect(isAccepted({ sub: { prefix: 'spiffe://example.org' } }, { issuer: spiffe.iss, isKubernetes: false })).toBe(
      false,
    )
  })
})
