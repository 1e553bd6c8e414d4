// Platforms that sign tokens for their workloads: how their issuers are known, and which claims say whose workload it is.

export type Platform =
  | 'github'
  | 'gitlab'
  | 'bitbucket'
  | 'circleci'
  | 'buildkite'
  | 'terraform'
  | 'google'
  | 'entra'
  | 'vercel'
  | 'fly'

/** What is known of a platform. */
export type KnownPlatform = {
  readonly platform: Platform
  /** For people. */
  readonly title: string
  readonly issuers: RegExp
  /** Those of `issuers` that sign for every customer of the platform alike; undefined: none does. */
  readonly shared: RegExp | undefined
  /** Claims that say whose workload it is and are never given to another. */
  readonly ids: readonly string[]
  /** Claims that say it by a name, which can be renamed and taken by somebody else. */
  readonly names: readonly string[]
  /** A claim that says on an issuer which is not shared what `iss` says already; undefined: there is none. */
  readonly tenantId?: string
  /** Where a subject, or a prefix of one, names its tenant; it begins with it. */
  readonly tenantSubject: RegExp
  /** Whether such a subject holds names alone. */
  readonly hasNamedSubjects: boolean
  /** For a message: what a prefix that pins the tenant looks like. */
  readonly examplePrefix: string | undefined
  /** What a rule should ask that is made from a token, as far as the token has it. Undefined: its exact subject. */
  readonly suggested: readonly string[] | undefined
}

/** Subjects of GitHub that hold ids beside the names, or in place of them. */
export const GITHUB_IDS_SUBJECT = /^(repo:[^/:@]+@[0-9]+\/|repository_(owner_)?id:)/

/** Issuers of Microsoft Entra ID, of whatever tenant and version. */
export const ENTRA_ISSUERS =
  /^https:\/\/(login\.microsoftonline\.(com|us)|login\.partner\.microsoftonline\.cn|sts\.windows\.net)\//

export const KNOWN_PLATFORMS: readonly KnownPlatform[] = [
  {
    platform: 'github',
    title: 'GitHub Actions',
    // github.com (also the form with the slug of an enterprise), data residency, and an Enterprise Server of one's own.
    issuers:
      /^https:\/\/(token\.actions\.githubusercontent\.com(\/[^/]+)?|token\.actions\.[^./]+\.ghe\.com|[^/]+\/_services\/token)$/,
    shared: /^https:\/\/token\.actions\.githubusercontent\.com(\/[^/]+)?$/,
    ids: ['repository_id', 'repository_owner_id', 'enterprise_id'],
    names: ['repository', 'repository_owner', 'enterprise'],
    // Whoever owns a repository chooses of which claims its subjects consist: `environment:production` may be anybody's.
    tenantSubject:
      /^(repo:[^/:]+\/|(repository|repository_owner|repository_id|repository_owner_id|enterprise|enterprise_id):[^:]+(:|$))/,
    hasNamedSubjects: true,
    examplePrefix: 'repo:<owner>/<repository>:',
    suggested: ['repository_id', 'repository_owner_id', 'environment', 'ref', 'event_name'],
  },
  {
    platform: 'gitlab',
    title: 'GitLab',
    issuers: /^https:\/\/gitlab\.com$/,
    shared: /^https:\/\/gitlab\.com$/,
    // Not job_project_id and its like: where a job runs, which may be for a merge request of anybody's fork.
    ids: ['project_id', 'namespace_id'],
    names: ['project_path', 'namespace_path'],
    tenantSubject: /^project_path:[^/:]+\//,
    hasNamedSubjects: true,
    examplePrefix: 'project_path:<group>/<project>:',
    suggested: ['project_id', 'namespace_id', 'ref', 'ref_type', 'ref_protected', 'environment'],
  },
  {
    platform: 'bitbucket',
    title: 'Bitbucket Pipelines',
    issuers: /^https:\/\/api\.bitbucket\.org\/2\.0\/workspaces\/[^/]+\/pipelines-config\/identity\/oidc$/,
    shared: /^https:\/\/api\.bitbucket\.org\//,
    ids: ['repositoryUuid', 'workspaceUuid', 'deploymentEnvironmentUuid'],
    names: [],
    tenantSubject: /^\{[0-9a-f-]{36}\}:/,
    hasNamedSubjects: false,
    examplePrefix: '{<uuid of the repository>}:',
    suggested: ['repositoryUuid', 'workspaceUuid', 'branchName', 'deploymentEnvironmentUuid'],
  },
  {
    platform: 'circleci',
    title: 'CircleCI',
    issuers: /^https:\/\/oidc\.circleci\.com\/org\/[^/]+$/,
    shared: /^https:\/\/oidc\.circleci\.com(\/|$)/,
    ids: ['oidc.circleci.com/project-id', 'oidc.circleci.com/org-id'],
    names: [],
    tenantSubject: /^org\/[^/]+\//,
    hasNamedSubjects: false,
    examplePrefix: 'org/<organization id>/project/<project id>/',
    suggested: ['oidc.circleci.com/project-id', 'oidc.circleci.com/vcs-origin', 'oidc.circleci.com/vcs-ref'],
  },
  {
    platform: 'buildkite',
    title: 'Buildkite',
    issuers: /^https:\/\/agent\.buildkite\.com$/,
    shared: /^https:\/\/agent\.buildkite\.com$/,
    ids: ['organization_id', 'pipeline_id'],
    names: ['organization_slug'],
    tenantSubject: /^organization:[^:]+:/,
    hasNamedSubjects: true,
    examplePrefix: 'organization:<organization>:pipeline:<pipeline>:',
    suggested: ['organization_id', 'pipeline_id', 'organization_slug', 'pipeline_slug', 'build_branch'],
  },
  {
    platform: 'terraform',
    title: 'HCP Terraform',
    issuers: /^https:\/\/app\.terraform\.io$/,
    shared: /^https:\/\/app\.terraform\.io$/,
    ids: ['terraform_organization_id', 'terraform_workspace_id', 'terraform_project_id'],
    names: ['terraform_organization_name'],
    tenantSubject: /^organization:[^:]+:/,
    hasNamedSubjects: true,
    examplePrefix: 'organization:<organization>:project:<project>:workspace:<workspace>:',
    suggested: ['terraform_organization_id', 'terraform_workspace_id', 'terraform_run_phase'],
  },
  {
    platform: 'google',
    title: 'Google',
    issuers: /^https:\/\/accounts\.google\.com$/,
    shared: /^https:\/\/accounts\.google\.com$/,
    ids: [],
    names: [],
    tenantSubject: /^[0-9]{10,}$/,
    hasNamedSubjects: false,
    examplePrefix: undefined,
    suggested: undefined,
  },
  {
    platform: 'entra',
    title: 'Microsoft Entra ID',
    issuers: ENTRA_ISSUERS,
    // The last one: the tenant of everybody's personal accounts.
    shared:
      /^https:\/\/(login\.microsoftonline\.(com|us)|sts\.windows\.net)\/(common|organizations|consumers|\{tenantid\}|9188040d-6c67-4c5b-b112-36a304b66dad)(\/|$)/,
    ids: ['tid', 'oid'],
    names: [],
    tenantId: 'tid',
    // A subject of Entra ID is unguessable and belongs to one tenant and, where it is a person's, to one application.
    tenantSubject: /^[A-Za-z0-9_-]{32,}$/,
    hasNamedSubjects: false,
    examplePrefix: undefined,
    suggested: ['sub', 'tid', 'azp', 'appid'],
  },
  {
    platform: 'vercel',
    title: 'Vercel',
    issuers: /^https:\/\/oidc\.vercel\.com(\/[^/]+)?$/,
    shared: /^https:\/\/oidc\.vercel\.com(\/[^/]+)?$/,
    ids: ['owner_id', 'project_id'],
    names: ['owner'],
    tenantSubject: /^owner:[^:]+:/,
    hasNamedSubjects: true,
    examplePrefix: 'owner:<team>:project:<project>:',
    suggested: ['owner_id', 'project_id', 'environment'],
  },
  {
    platform: 'fly',
    title: 'Fly.io',
    issuers: /^https:\/\/oidc\.fly\.io(\/[^/]+)?$/,
    shared: /^https:\/\/oidc\.fly\.io(\/[^/]+)?$/,
    ids: ['org_id', 'app_id'],
    names: ['org_name'],
    tenantSubject: /^[^:]+:[^:]+:/,
    hasNamedSubjects: true,
    examplePrefix: '<organization>:<app>:',
    suggested: ['org_id', 'app_id'],
  },
]

/** The platform that signs as this issuer. Undefined: none that is known, so perhaps somebody's own. */
export function platformOfIssuer(issuer: string): KnownPlatform | undefined {
  const exact = issuer.replace(/\/$/, '')
  return KNOWN_PLATFORMS.find(({ issuers, shared }) => issuers.test(exact) || shared?.test(exact))
}

/** The platform that a subject is written like: what a GitLab of one's own says is as good as what gitlab.com says. */
export function platformOfSubject(subject: string): KnownPlatform | undefined {
  const platform = subject.startsWith('project_path:') ? 'gitlab' : subject.startsWith('repo:') ? 'github' : undefined
  return KNOWN_PLATFORMS.find((known) => known.platform === platform)
}

/** Whether strangers get tokens of the same issuer. */
export function isShared({ shared }: KnownPlatform, issuer: string): boolean {
  return shared?.test(issuer.replace(/\/$/, '')) === true
}
