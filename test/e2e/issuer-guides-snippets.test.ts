// What the guides to issuers say besides what they declare: pieces to add, and files of the platforms.

import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Declaration, NewIssuer, NewResource } from '@countersign/admin-api'
import { guideBlock, ROOT } from '../support/guide.ts'
import { declaredIn, openGuide, yamlIn } from '../support/issuer-guide.ts'
import { run } from '../support/program.ts'

type Words = Readonly<Record<string, unknown>>
const GUIDES = ['issuers', 'keycloak', 'entra-id', 'okta', 'github-actions', 'gitlab-ci', 'kubernetes', 'spiffe']
const textOf = (guide: string) => readFileSync(join(ROOT, 'docs/guides', `${guide}.md`), 'utf8')
const blocksOf = (guide: string) =>
  [...textOf(guide).matchAll(/^```(\w+)(?: file=(\S+))?\n([\s\S]*?)^```$/gm)].map(([, language, file, text = '']) => ({
    ...{ guide, language, file, text },
  }))
const BLOCKS = GUIDES.flatMap(blocksOf)

describe('every block', () => {
  test('has a name', () => {
    expect(BLOCKS.filter(({ file }) => file === undefined)).toEqual([])
  })

  test.each(BLOCKS.filter(({ language }) => language === 'yaml'))(
    '$guide $file is YAML, read without a complaint',
    ({ guide, file = '' }) => {
      expect(yamlIn(`${guide}.md`, file).length).toBeGreaterThan(0)
    },
  )

  test.each(BLOCKS.filter(({ language }) => language === 'json'))('$guide $file is JSON', ({ text }) => {
    expect(() => JSON.parse(text)).not.toThrow()
  })

  test.each(BLOCKS.filter(({ language }) => language === 'sh'))(
    '$guide $file is a script, and shows no secret to who lists processes',
    async ({ text }) => {
      const { exitCode, stderr } = await run(['bash', '-n', '-c', text])
      expect([exitCode, stderr]).toEqual([0, ''])
      expect(text).not.toMatch(/(-H|--header|-u|--user) ["']?[^@\s]*\$/)
    },
  )

  const declaring = BLOCKS.filter(({ text }) => /^(issuers|trust_rules):$/m.test(text))
  test.each(declaring)('$guide $file is a declared file', ({ guide, file = '' }) => {
    for (const document of yamlIn(`${guide}.md`, file)) expect(Declaration.safeParse(document).error).toBeUndefined()
  })
})

describe('links between guides', () => {
  test.each(GUIDES)('%s leads nowhere that is not there', (guide) => {
    for (const [, target = '', anchor] of textOf(guide).matchAll(/\]\(([^)#:]*)(?:#([^)]*))?\)/g)) {
      const path = target === '' ? join(ROOT, 'docs/guides', `${guide}.md`) : join(ROOT, 'docs/guides', target)
      const text = readFileSync(path, 'utf8')
      const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replace(/[^\w\s-]/g, '')
          .replaceAll(' ', '-'),
      )
      if (anchor !== undefined) expect(anchors).toContain(anchor)
    }
  })
})

describe('what is added to what is declared', () => {
  const fields = (guide: string, block: string) => yamlIn(guide, block)[0] as Words

  test('mappings and aliases are fields of an issuer and of a resource', () => {
    const issuer = { name: 'corp', issuer: 'https://idp.example.com', ...fields('issuers.md', 'mappings.yaml') }
    expect(NewIssuer.safeParse(issuer).error).toBeUndefined()
    for (const [guide, block] of [
      ['issuers.md', 'alias.yaml'],
      ['okta.md', 'alias.yaml'],
      ['entra-id.md', 'alias-1.yaml'],
    ] as const) {
      const [resource] = declaredIn(guide.replace('issuers', 'spiffe')).resources ?? []
      expect(NewResource.safeParse({ ...resource, ...fields(guide, block) }).error).toBeUndefined()
    }
  })

  test.each(['discovered.yaml', 'reviewed.yaml'])('a server takes the issuer of %s as it stands', async (block) => {
    const scene = await openGuide({})
    const [issuer] = declaredIn('kubernetes.md', block).issuers ?? []
    expect((await scene.app.api('POST', '/api/v1/issuers', issuer)).status).toBe(201)
    await scene.close()
  })

  test('the linter warns of what the guides say that it warns of, and of nothing else', async () => {
    const warned: Record<string, unknown> = {}
    for (const guide of GUIDES) {
      const declared = declaredIn(`${guide}.md`)
      const scene = await openGuide(declared)
      for (const { name } of declared.trust_rules ?? []) {
        const { body } = await scene.app.api('GET', `/api/v1/trust-rules/${name}`)
        const codes = ((body.warnings as { code: string }[] | undefined) ?? []).map(({ code }) => code)
        if (codes.length > 0) warned[`${guide} ${name}`] = codes
      }
      await scene.close()
    }
    expect(warned).toEqual({ 'kubernetes atlas': ['service_account_recreated'] })
  })
})

describe('what is set at the platforms', () => {
  const only = (guide: string, block: string) => yamlIn(guide, block)[0] as Words

  test('Keycloak puts the identifier of the resource into aud, and the groups where the issuer is read', () => {
    const { protocolMappers } = JSON.parse(guideBlock('keycloak.md', 'client-scope.json')) as {
      protocolMappers: Words[]
    }
    const configOf = (mapper: string) => protocolMappers.find(({ protocolMapper }) => protocolMapper === mapper)?.config
    const { resources = [], issuers = [] } = declaredIn('keycloak.md')
    expect(configOf('oidc-audience-mapper')).toMatchObject({
      'included.custom.audience': resources[0]?.identifier,
      'access.token.claim': 'true',
      'id.token.claim': 'false',
    })
    const { 'claim.name': claim } = configOf('oidc-group-membership-mapper') as Words
    expect(issuers[0]?.groups_claims).toContain(claim)
  })

  test('Entra ID issues tokens of version 2 for the API whose id is the alias, with the role that is mapped', () => {
    const manifest = JSON.parse(guideBlock('entra-id.md', 'manifest.json'))
    const { resources = [], issuers = [] } = declaredIn('entra-id.md')
    const [{ audience } = { audience: '' }] = (resources[0]?.audience_aliases ?? []) as { audience: string }[]
    expect(manifest).toMatchObject({
      api: { requestedAccessTokenVersion: 2 },
      identifierUris: [`api://${audience}`],
      appRoles: [{ allowedMemberTypes: ['Application'], isEnabled: true }],
    })
    expect(issuers[0]?.group_mappings).toEqual({ 'file-readers': [manifest.appRoles[0].value] })
  })

  test('the workflow may ask for a token, names its audience, and runs in the environment of the rule', () => {
    const { permissions, jobs } = only('github-actions.md', 'deploy.yaml') as Words & { jobs: Record<string, Words> }
    const { resources = [], trust_rules = [] } = declaredIn('github-actions.md')
    expect(permissions).toEqual({ contents: 'read', 'id-token': 'write' })
    expect(trust_rules[0]?.match).toMatchObject({ environment: jobs.deploy?.environment })
    expect(jobs.deploy?.steps).toMatchObject([{ env: { AUDIENCE: resources[0]?.identifier } }])
  })

  test('the job of GitLab has a token for the resource, and runs shorter than tokens may live', () => {
    const { release } = only('gitlab-ci.md', '.gitlab-ci.yml') as { release: Words }
    const { resources = [], issuers = [] } = declaredIn('gitlab-ci.md')
    expect(release.id_tokens).toEqual({ DEPLOY_TOKEN: { aud: resources[0]?.identifier } })
    expect(String(release.timeout)).toBe('30 minutes')
    expect(Number(issuers[0]?.max_lifetime_seconds)).toBeGreaterThanOrEqual(30 * 60)
  })

  test('the pod has a token for the resource and one for Countersign, and none for the API server', () => {
    const [account, pod] = yamlIn('kubernetes.md', 'pod.yaml') as [Words, Words]
    const { serviceAccountName, automountServiceAccountToken, volumes, containers } = pod.spec as Words
    const { resources = [], issuers = [], trust_rules = [] } = declaredIn('kubernetes.md')
    const { name, namespace } = account.metadata as Words
    expect([serviceAccountName, automountServiceAccountToken]).toEqual([name, false])
    expect(trust_rules[0]?.match).toEqual({ sub: `system:serviceaccount:${namespace}:${name}` })
    const mounted =
      (volumes as { projected: { sources: { serviceAccountToken: Words }[] } }[])[0]?.projected.sources ?? []
    const tokens = mounted.map(({ serviceAccountToken }) => serviceAccountToken)
    expect(tokens.map(({ audience }) => audience)).toEqual([resources[0]?.identifier, 'https://auth.example.com'])
    for (const { expirationSeconds } of tokens) {
      expect(Number(expirationSeconds)).toBeGreaterThanOrEqual(600)
      expect(Number(expirationSeconds)).toBeLessThanOrEqual(Number(issuers[0]?.max_lifetime_seconds))
    }
    expect(containers).toMatchObject([
      { volumeMounts: [{ name: 'tokens', mountPath: '/var/run/secrets/tokens', readOnly: true }] },
    ])
  })

  test.each([
    ['review-rbac.yaml', 'system:auth-delegator'],
    ['discovery-rbac.yaml', 'system:service-account-issuer-discovery'],
  ])('%s binds the ServiceAccount of Countersign to what it needs', (block, role) => {
    expect(only('kubernetes.md', block)).toMatchObject({
      kind: 'ClusterRoleBinding',
      roleRef: { kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'ServiceAccount', name: 'countersign' }],
    })
  })

  test('SPIRE says the issuer that is registered', () => {
    const [, said] = /jwt_issuer\s*=\s*"(.*)"/.exec(guideBlock('spiffe.md', 'server.conf')) ?? []
    expect(declaredIn('spiffe.md').issuers?.[0]?.issuer).toBe(said)
    expect(guideBlock('spiffe.md', 'helper.conf')).toContain(String(declaredIn('spiffe.md').resources?.[0]?.identifier))
  })
})
