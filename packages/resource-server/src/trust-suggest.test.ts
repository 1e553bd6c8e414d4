import { describe, expect, test } from 'bun:test'
import { PLATFORM_CLAIMS } from './testing/platform-claims.ts'
import { checkTrustRule } from './trust-lint.ts'
import { compileTrustRules } from './trust-rule.ts'
import { suggestTrustRule } from './trust-suggest.ts'

const NOW = new Date('2026-06-01T12:00:00Z')
const SUGGESTED = Object.entries(PLATFORM_CLAIMS).map(([name, claims]) => ({
  name,
  claims,
  ...suggestTrustRule(claims),
}))
const isKubernetes = (name: string) => name === 'kubernetes'

function doesFit(
  match: Readonly<Record<string, string | number | boolean>>,
  claims: (typeof SUGGESTED)[number]['claims'],
) {
  const rules = compileTrustRules([{ name: 'suggested', issuer: 'it', match, mode: 'enforce', expiresAt: null }])
  const dates = { issuedAt: NOW, believedFrom: NOW, believedUntil: NOW, expiresAt: NOW }
  const facts = { issuer: 'it', subject: claims.sub, audiences: [], jti: undefined, claims, ...dates }
  return rules.match(facts, NOW).outcome === 'match'
}

describe('every suggestion', () => {
  for (const { name, claims, match, notes } of SUGGESTED) {
    test(`${name}: is refused by no linter`, () => {
      expect(checkTrustRule({ match }, { issuer: claims.iss, isKubernetes: isKubernetes(name) }).problems).toEqual([])
    })

    test(`${name}: fits the token that it was made from, and no token of another platform`, () => {
      expect(doesFit(match, claims)).toBe(true)
      const others = SUGGESTED.filter(
        (other) => other.claims.iss !== claims.iss && !name.startsWith('entra') && !name.startsWith('github'),
      )
      for (const other of others) expect(doesFit(match, other.claims)).toBe(false)
    })

    test(`${name}: says which aud the token has, and that no rule asks about it`, () => {
      expect(match).not.toHaveProperty('aud')
      expect(notes.at(-1)).toContain(JSON.stringify([claims.aud].flat()[0]))
    })
  }
})

describe('what is suggested', () => {
  const rows: readonly [keyof typeof PLATFORM_CLAIMS, string, object, readonly string[]][] = [
    [
      'github',
      'github',
      { repository_id: '456789', repository_owner_id: '123456', ref: 'refs/heads/main', event_name: 'push' },
      [],
    ],
    [
      'githubWithIds',
      'github',
      { repository_id: '456789', repository_owner_id: '123456', ref: 'refs/heads/main', event_name: 'push' },
      [],
    ],
    [
      'githubEnvironment',
      'github',
      { repository_id: '456789', repository_owner_id: '123456', environment: 'production', event_name: 'push' },
      [],
    ],
    [
      'githubReusable',
      'github',
      {
        repository_id: '456789',
        repository_owner_id: '123456',
        ref: 'refs/heads/main',
        event_name: 'push',
        job_workflow_ref: 'octo-org/workflows/.github/workflows/release.yml@refs/tags/v3',
      },
      [],
    ],
    [
      'githubPullRequest',
      'github',
      { repository_id: '456789', repository_owner_id: '123456', event_name: 'pull_request' },
      ['any_ref', 'pull_request'],
    ],
    [
      'githubEnterpriseServer',
      'github',
      { repository_id: '456789', repository_owner_id: '123456', ref: 'refs/heads/main', event_name: 'push' },
      [],
    ],
    [
      'gitlab',
      'gitlab',
      { project_id: '20', namespace_id: '72', ref: 'main', ref_type: 'branch', ref_protected: 'true' },
      [],
    ],
    [
      'buildkite',
      'buildkite',
      {
        organization_id: '0184990a-477b-4fa8-9968-496074483c01',
        pipeline_id: '0184990a-477b-4fa8-9968-496074483c02',
        organization_slug: 'acme-inc',
        pipeline_slug: 'super-app',
        build_branch: 'main',
      },
      [],
    ],
    [
      'terraform',
      'terraform',
      {
        terraform_organization_id: 'org-GRNbCjYNpBB6NEH9',
        terraform_workspace_id: 'ws-mbsd5E3Ktt5Rg2Xm',
        terraform_run_phase: 'apply',
      },
      [],
    ],
    [
      'circleci',
      'circleci',
      {
        'oidc.circleci.com/project-id': '4f1c2b3a-6d5e-4a7b-9c8d-0e1f2a3b4c5d',
        'oidc.circleci.com/vcs-origin': 'github.com/acme-inc/super-app',
        'oidc.circleci.com/vcs-ref': 'refs/heads/main',
      },
      [],
    ],
    ['google', 'google', { sub: '113774264463038321964' }, []],
    [
      'vercel',
      'vercel',
      {
        owner_id: 'team_7Gw5ZMzpQA8h90F832KGp7nw',
        project_id: 'prj_7Gw5ZMBvQA8h9GF832KGp7nw',
        environment: 'production',
      },
      [],
    ],
    [
      'kubernetes',
      'kubernetes',
      { sub: 'system:serviceaccount:atlas-production:atlas' },
      ['service_account_recreated'],
    ],
    ['spiffe', 'spiffe', { sub: 'spiffe://example.org/ns/atlas-production/sa/atlas' }, []],
    ['keycloak', 'keycloak', { sub: '0b6fbd1c-4c7d-4f6e-9d3a-1f2e3d4c5b6a', azp: 'nightly-report' }, []],
    [
      'entraV1',
      'entra',
      { sub: PLATFORM_CLAIMS.entraV1.sub, tid: PLATFORM_CLAIMS.entraV1.tid, appid: PLATFORM_CLAIMS.entraV1.appid },
      [],
    ],
    [
      'entraV2',
      'entra',
      { sub: PLATFORM_CLAIMS.entraV2.sub, tid: PLATFORM_CLAIMS.entraV2.tid, azp: PLATFORM_CLAIMS.entraV2.azp },
      [],
    ],
    ['okta', 'okta', { sub: '0oabskvc6442nkvQO0h7', cid: '0oabskvc6442nkvQO0h7' }, []],
  ]
  for (const [name, platform, match, codes] of rows) {
    test(name, () => {
      const { iss, ...claims } = PLATFORM_CLAIMS[name]
      const suggested = suggestTrustRule({ iss, ...claims })
      expect(suggested).toMatchObject({ platform: platform as 'github' })
      expect(suggested.match).toEqual({ ...match })
      const { warnings } = checkTrustRule(suggested, { issuer: iss, isKubernetes: isKubernetes(name) })
      expect(warnings.map(({ code }): string => code)).toEqual([...codes])
    })
  }

  test('every platform of which there are claims has a row', () => {
    expect(rows.map(([name]) => name)).toEqual(Object.keys(PLATFORM_CLAIMS) as (keyof typeof PLATFORM_CLAIMS)[])
  })

  test('of any other issuer the exact subject is suggested', () => {
    expect(suggestTrustRule({ iss: 'https://idp.example.com', sub: 'service-7' })).toMatchObject({
      platform: 'unknown',
      match: { sub: 'service-7' },
    })
  })

  test('a GitHub token without ids falls back to its names, and one that has nothing else to its subject', () => {
    const { repository_id: _, repository_owner_id: __, ...claims } = PLATFORM_CLAIMS.github
    expect(suggestTrustRule(claims).match).toEqual({ sub: 'repo:octo-org/octo-repo:ref:refs/heads/main' })
  })

  test('a uid of a ServiceAccount is offered, not asked for', () => {
    const { match, notes } = suggestTrustRule(PLATFORM_CLAIMS.kubernetes)
    expect(match).not.toHaveProperty('kubernetes.io.serviceaccount.uid')
    expect(notes.join()).toContain('kubernetes.io.serviceaccount.uid "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"')
  })

  test('an unprotected ref of GitLab is noted', () => {
    const { notes } = suggestTrustRule({ ...PLATFORM_CLAIMS.gitlab, ref_protected: 'false' })
    expect(notes.join()).toContain('The ref is not protected')
  })

  test('a value that no rule may ask for is left out, with the reason', () => {
    const { match, notes } = suggestTrustRule({ ...PLATFORM_CLAIMS.gitlab, ref: 'x'.repeat(600) })
    expect(match).not.toHaveProperty('ref')
    expect(notes.join()).toContain('ref is left out. Expected at most 512 characters.')
  })

  test('a token without a subject has nothing to be told by', () => {
    const { match, notes } = suggestTrustRule({ iss: 'https://idp.example.com', constructor: 'x' })
    expect(match).toEqual({})
    expect(notes.join(' ')).toMatch(/has no sub .*has no aud/)
  })
})
