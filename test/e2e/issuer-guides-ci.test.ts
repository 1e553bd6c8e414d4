// The guides to CI systems: what each declares is made in a real app, word for word, and tokens as its platform makes them are
// let in. Their neighbours are not. Keys of the test stand in for the platform's.

import { expect, test } from 'bun:test'
import { declaredIn } from '../support/issuer-guide.ts'
import { AUDIENCE, FOREIGN, guide, missed, REFUSED, SCOPE, type Words } from '../support/issuer-guide-rows.ts'

const RELEASE = 'POST /releases'
const DEPLOY = 'client:octo-deploy'

guide(
  'github-actions',
  [
    ['a job in the environment releases', RELEASE, ['githubEnvironment'], DEPLOY],
    [
      'and so it does when it was started by hand',
      RELEASE,
      ['githubEnvironment', { event_name: 'workflow_dispatch' }],
      DEPLOY,
    ],
    [
      'a job on main reads, in whichever form its sub is',
      'GET /releases/1',
      ['githubWithIds'],
      'workload:github:repo:octo-org@123456%2Focto-repo@456789:ref:refs%2Fheads%2Fmain',
    ],
    [
      'also in the old one',
      'GET /releases/1',
      ['github'],
      'workload:github:repo:octo-org%2Focto-repo:ref:refs%2Fheads%2Fmain',
    ],
    ['a job on main without the environment releases nothing', RELEASE, ['github'], SCOPE],
    [
      'another repository of the same owner is nobody',
      RELEASE,
      ['githubEnvironment', { repository_id: '456790' }],
      missed('repository_id'),
    ],
    [
      'a repository of the same names that belongs to somebody else is nobody',
      RELEASE,
      ['githubEnvironment', { repository_id: '999', repository_owner_id: '998' }],
      missed('repository_id'),
    ],
    ['a pull request is nobody', RELEASE, ['githubPullRequest'], missed('environment')],
    [
      'one of pull_request_target in the environment is nobody',
      RELEASE,
      ['githubEnvironment', { event_name: 'pull_request_target', ref: 'refs/heads/topic' }],
      missed('event_name'),
    ],
    [
      'another branch without the environment is nobody',
      RELEASE,
      ['github', { ref: 'refs/heads/topic' }],
      missed('environment'),
    ],
    [
      'a token for the audience that GitHub takes by itself',
      RELEASE,
      ['githubEnvironment', { aud: 'https://github.com/octo-org' }],
      AUDIENCE,
    ],
    ['a token for Countersign itself', RELEASE, ['githubEnvironment', { aud: 'https://auth.example.com' }], AUDIENCE],
    ['a token of a GitHub Enterprise Server', RELEASE, ['githubEnterpriseServer'], FOREIGN],
    ['a token that would live for an hour', RELEASE, ['githubEnvironment', { exp: 1_893_456_000 + 3600 }], REFUSED],
  ],
  (scene) => {
    const forUs = { aud: 'https://auth.example.com' }

    test('a job trades its token for an access token of the client', async () => {
      const traded = await scene().trade(scene().token('githubEnvironment', forUs), { client_id: 'octo-deploy' })
      expect(traded).toMatchObject({ scope: 'releases:read releases:write', token_type: 'Bearer' })
      expect(await scene().call(String(traded.access_token), 'POST', '/releases')).toMatchObject({ user: DEPLOY })
      const direct = scene().token('githubEnvironment')
      expect(await scene().trade(direct)).toEqual({ status: 401, code: 'assertion_refused' })
    })

    test('a reusable workflow is trusted from this repository, at its ref, for these events alone', async () => {
      await scene().declare(declaredIn('github-actions.md', 'reusable.yaml'))
      const release = (claims: Words) => scene().call(scene().token('githubReusable', claims), 'POST', '/releases')
      expect(await release({})).toMatchObject({ user: DEPLOY })
      const moved = { job_workflow_ref: 'octo-org/workflows/.github/workflows/release.yml@refs/tags/v4' }
      // It is a job on main like any other.
      expect(await release(moved)).toMatchObject({ status: 403, code: 'scope_missing' })
      for (const claims of [{ repository_id: '777' }, { event_name: 'pull_request_target' }]) {
        expect(await release(claims)).toMatchObject({ status: 401, code: 'trust_rule_missing' })
      }
    })
  },
)

guide('gitlab-ci', [
  ['a job on the protected branch releases', RELEASE, ['gitlab', { exp: 1_893_456_000 + 1800 }], 'client:my-project'],
  ['the same branch, not protected', RELEASE, ['gitlab', { ref_protected: 'false' }], missed('ref_protected')],
  ['another branch', RELEASE, ['gitlab', { ref: 'topic' }], missed('ref')],
  [
    'a merge request of a fork',
    RELEASE,
    ['gitlab', { pipeline_source: 'merge_request_event' }],
    missed('pipeline_source'),
  ],
  ['a tag of the name of the branch', RELEASE, ['gitlab', { ref_type: 'tag' }], missed('ref_type')],
  ['another project of the group', RELEASE, ['gitlab', { project_id: '21' }], missed('project_id')],
  [
    'a fork, whose ids its merge requests have',
    RELEASE,
    ['gitlab', { project_id: '4711', namespace_id: '99' }],
    missed('project_id'),
  ],
  ['a token for another service', RELEASE, ['gitlab', { aud: 'https://vault.example.com' }], AUDIENCE],
  ['a token of a GitLab of somebody else', RELEASE, ['gitlab', { iss: 'https://gitlab.example.com' }], FOREIGN],
  ['a token of a job that may run for a day', RELEASE, ['gitlab', { exp: 1_893_456_000 + 86_400 }], REFUSED],
])
