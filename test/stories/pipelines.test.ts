// Story 3. Pipelines and bots call a forge, REST and git alike, with personal access tokens. One test per statement.

import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { formatCredential } from '@countersign/resource-server'
import { startCaddyForGit } from '../support/caddy.ts'
import { gitIn } from '../support/forge.ts'
import { gitBackend } from '../support/git-backend.ts'
import { change, newToken, type TokenAsked } from '../support/people.ts'
import { run } from '../support/program.ts'
import { bearer } from '../support/proxied/identity.ts'
import type { Received } from '../support/recorder.ts'
import { describeWith } from '../support/requires.ts'
import { openScene, type Scene } from '../support/stage.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const RULES = [
  { methods: ['GET'], path: '/git/:project.git/info/refs', require: { scopes: ['repo:read'] } },
  { methods: ['POST'], path: '/git/:project.git/git-upload-pack', require: { scopes: ['repo:read'] } },
  { methods: ['GET', 'POST'], path: '/git/:project.git/git-receive-pack', require: { scopes: ['repo:write'] } },
  { methods: ['DELETE'], path: '/api/projects/:project', require: { roles: ['maintainer'] } },
  { methods: ['GET', 'HEAD'], path: '/api/projects/:project/**', require: { scopes: ['issues:read'] } },
  { path: '/api/projects/:project/**', require: { scopes: ['issues:write'] } },
  { methods: ['GET'], path: '/api/profile' },
  { methods: ['GET'], path: '/api/search', require: { project: 'any', scopes: ['issues:read'] } },
]
const IN_ATLAS = { name: 'atlas-ci', resources: ['forge'], projects: ['atlas'] }
const UNKNOWN = { id: 'none', secret: formatCredential('pat', new Uint8Array(32).fill(3)) }
const atlas = '/api/projects/atlas/issues'
const boreas = '/api/projects/boreas/issues'

describeWith(['caddy', 'git'], 'pipelines: a script acts as its owner, and no more', () => {
  const teardown = new Teardown()
  let forge: Scene
  beforeAll(async () => {
    const files = await teardown.temporaryDirectory('git')
    await mkdir(join(files, 'git'))
    await run(['git', 'init', '--bare', '--initial-branch=main', join(files, 'git/atlas.git')], {
      env: { HOME: files },
    })
    const git = gitBackend(files)
    const service = (request: Request) =>
      new URL(request.url).pathname.startsWith('/git/') ? git(request) : Response.json('done')
    forge = await openScene(startCaddyForGit, teardown, { files, service })
    const scopes = ['repo:read', 'repo:write', 'issues:read', 'issues:write']
    const { server, host } = forge
    const identifier = 'https://forge.example.com'
    await server.make('/resources', { name: 'forge', identifier, hosts: [host], scopes, rules: RULES })
    for (const name of ['developers', 'maintainers']) await server.make('/groups', { name })
    const held = { resource: 'forge', scopes: ['repo:read', 'repo:write', 'issues:read'], roles: ['developer'] }
    await server.make('/permissions', { group: 'developers', ...held })
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  let owners = 0
  let owner: string
  beforeEach(async () => {
    owner = `alice-${++owners}`
    const email = `${owner}@example.com`
    await forge.server.make('/users', { username: owner, name: 'Alice', email, groups: ['developers'] })
    forge.recorder.take()
  })

  const token = (asked: TokenAsked = {}) => newToken(forge.server, owner, asked)
  const call = (shown: { secret: string; id: string }, path = atlas, method = 'GET') =>
    fetch(`${forge.url}${path}`, { method, headers: bearer(shown), redirect: 'manual' })
  const statusOf = async (...args: Parameters<typeof call>) => (await call(...args)).status
  const reached = () => forge.recorder.take().map(({ method, target }) => `${method} ${target}`)
  const changeOwner = (fields: object) => change(forge.server, `/users/${owner}`, fields)
  const give = (holder: object, given: object) =>
    forge.server.make('/permissions', { ...holder, resource: 'forge', ...given })
  const decisionOf = async (answer: Response) => {
    const { body } = await forge.server.call('GET', `/decisions/${answer.headers.get('countersign-decision')}`)
    return body as { code: string; credential: { id: string } | null; principal: string | null }
  }

  test('any REST call with the token is its owner’s: identity, groups and roles, and no cookie comes of it', async () => {
    await give({ user: owner }, { scopes: ['issues:write'], roles: ['triager'] })
    const shown = await token()
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await call(shown, atlas, method)
      expect([method, answer.status, answer.headers.get('set-cookie')]).toEqual([method, 200, null])
      const [received] = forge.recorder.take()
      expect(toldIn(received)).toEqual({
        'remote-user': owner,
        'remote-name': 'Alice',
        'remote-email': `${owner}@example.com`,
        'remote-groups': 'developers,users',
        'remote-principal': 'user',
        'remote-client': 'none',
        'remote-roles': 'developer,triager',
        'remote-scopes': 'issues:read,issues:write,repo:read,repo:write',
        'remote-project': '*',
        'remote-credential': shown.id,
      })
    }
  })

  test('a cookie beside the token makes no difference, neither to a good one nor to a bad one', async () => {
    const shown = await token()
    const withCookie = (token: typeof shown) =>
      fetch(`${forge.url}${atlas}`, { headers: { ...bearer(token), cookie: 'session=stolen' } })
    expect((await withCookie(shown)).status).toBe(200)
    expect((await withCookie(UNKNOWN)).status).toBe(401)
  })

  test('what its owner may not do the token may not do', async () => {
    const refused = await call(await token(), atlas, 'POST')
    expect([refused.status, (await decisionOf(refused)).code, reached()]).toEqual([403, 'scope_missing', []])
    expect(await statusOf(await token(), '/api/projects/atlas', 'DELETE')).toBe(403)
  })

  test('valid and global: it passes in every project, and where there is none', async () => {
    const shown = await token()
    for (const path of [atlas, boreas, '/api/profile', '/api/search']) expect(await statusOf(shown, path)).toBe(200)
  })

  test('non-existent: it is refused with 401', async () => {
    const refused = await call(UNKNOWN)
    expect([refused.status, (await decisionOf(refused)).code, reached()]).toEqual([401, 'credential_unknown', []])
  })

  test('revoked: it is refused with 401 from the next request on', async () => {
    const shown = await token()
    expect(await statusOf(shown)).toBe(200)
    await forge.revoke(shown)
    const refused = await call(shown)
    expect([refused.status, (await decisionOf(refused)).code]).toEqual([401, 'credential_revoked'])
    expect(reached()).toHaveLength(1)
  })

  test('confined, wrong project: it is refused with 403, and the chain stops', async () => {
    const shown = await token(IN_ATLAS)
    for (const [path, code] of [
      [boreas, 'project_not_granted'],
      ['/git/boreas.git/info/refs', 'project_not_granted'],
      ['/api/profile', 'project_not_captured'],
    ] as const) {
      const refused = await call(shown, path)
      expect([refused.status, (await decisionOf(refused)).code]).toEqual([403, code])
    }
    expect(reached()).toEqual([])
  })

  test('confined, right project: it passes, and the service is told the confinement', async () => {
    const shown = await token(IN_ATLAS)
    expect(await statusOf(shown)).toBe(200)
    expect(await statusOf(shown, '/api/search')).toBe(200)
    expect(forge.recorder.take().map(({ headers }) => headers.get('remote-project'))).toEqual(['atlas', 'atlas'])
  })

  test('an owner who may reach one project alone has tokens that reach that one alone', async () => {
    await changeOwner({ groups: [] })
    await give({ user: owner }, { scopes: ['issues:read'], projects: ['boreas'] })
    const shown = await token()
    expect([await statusOf(shown, boreas), await statusOf(shown, atlas)]).toEqual([200, 403])
    expect(await statusOf(await token(IN_ATLAS), atlas)).toBe(403)
  })

  test('unknown, revoked and expired tokens, and those of disabled owners, look alike to the caller', async () => {
    const [revoked, expired] = [await token(), await token({ expires_in_seconds: 1 })]
    await forge.revoke(revoked)
    await until('the token to expire', async () => (await statusOf(expired)) === 401)
    const seen: string[] = []
    const inside: string[] = []
    const look = async (shown: typeof revoked) => {
      const answer = await call(shown)
      inside.push((await decisionOf(answer)).code)
      const decision = answer.headers.get('countersign-decision') ?? ''
      const headers = [...answer.headers].filter(([name]) => name !== 'date')
      seen.push(JSON.stringify([answer.status, headers, await answer.text()]).replaceAll(decision, 'dec_'))
    }
    for (const shown of [UNKNOWN, revoked, expired]) await look(shown)
    const orphaned = await token()
    await changeOwner({ disabled: true })
    await look(orphaned)
    expect(inside).toEqual(['credential_unknown', 'credential_revoked', 'credential_expired', 'owner_disabled'])
    expect(new Set(seen).size).toBe(1)
    expect(seen[0]).toContain('invalid_token')
  })

  test('the operator is told which it was, and whose', async () => {
    const shown = await token({ name: 'nightly' })
    await forge.revoke(shown)
    const decision = (await call(shown)).headers.get('countersign-decision') ?? ''
    const { stdout } = await forge.server.countersign('why', decision)
    expect(stdout).toMatch(/revoked at .*«leaked»/s)
    for (const told of [shown.id, 'nightly', owner]) expect(stdout).toContain(told)
    expect(stdout).not.toContain(shown.secret)
  })

  test(
    'git over HTTPS takes the same token',
    async () => {
      const shown = await token(IN_ATLAS)
      expect(await statusOf(shown)).toBe(200)
      const home = await teardown.temporaryDirectory('clone')
      const git = gitIn(home)
      expect(await git(shown.secret, '.', 'clone', `${forge.url}/git/atlas.git`)).toMatchObject({ exitCode: 0 })
      await git(undefined, 'atlas', 'commit', '--allow-empty', '--message', 'Build')
      expect(await git(shown.secret, 'atlas', 'push', 'origin', 'HEAD:main')).toMatchObject({ exitCode: 0 })
      const told = forge.recorder.take().map(({ headers }) => headers.get('remote-user'))
      expect(new Set(told)).toEqual(new Set([owner]))
      const refused = await git(shown.secret, '.', 'clone', `${forge.url}/git/boreas.git`)
      expect(refused.stderr).toContain('remote: The credential is not meant for this project.\n')
    },
    PATIENCE_MS,
  )

  test('disabling its owner shows on every token at the next request, and so does enabling', async () => {
    const tokens = [await token(), await token(IN_ATLAS), await token({ scopes: ['issues:read'] })]
    const statuses = async () => Promise.all(tokens.map((shown) => statusOf(shown)))
    expect(await statuses()).toEqual([200, 200, 200])
    await changeOwner({ disabled: true })
    expect(await statuses()).toEqual([401, 401, 401])
    await changeOwner({ disabled: false })
    expect(await statuses()).toEqual([200, 200, 200])
  })

  test('taking its owner out of a group shows on every token at the next request', async () => {
    const tokens = [await token(), await token(IN_ATLAS)]
    const statuses = async () => Promise.all(tokens.map((shown) => statusOf(shown)))
    expect(await statuses()).toEqual([200, 200])
    await changeOwner({ groups: [] })
    expect(await statuses()).toEqual([403, 403])
    await changeOwner({ groups: ['developers'] })
    expect(await statuses()).toEqual([200, 200])
  })

  test('taking a role from its owner shows at the next request, at a service and at the management API', async () => {
    const { id } = await give({ user: owner }, { roles: ['maintainer'] })
    await changeOwner({ roles: ['auditor'] })
    const [shown, auditing] = [await token(), await token({ resources: ['countersign'] })]
    const removes = () => statusOf(shown, '/api/projects/atlas', 'DELETE')
    const audits = async () => (await fetch(`${forge.server.url}/api/v1/users`, { headers: bearer(auditing) })).status
    expect([await removes(), await audits()]).toEqual([200, 200])
    await forge.server.call('DELETE', `/permissions/${id}`)
    await changeOwner({ roles: ['user'] })
    expect([await removes(), await audits()]).toEqual([403, 403])
  })

  test('a token that nothing narrows follows what its owner is given later; a narrowed one does not grow', async () => {
    const [full, narrowed] = [await token(), await token({ resources: ['forge'], scopes: ['issues:read'] })]
    const write = async () => Promise.all([full, narrowed].map((shown) => statusOf(shown, atlas, 'POST')))
    expect(await write()).toEqual([403, 403])
    await give({ user: owner }, { scopes: ['issues:write'] })
    expect(await write()).toEqual([200, 403])
  })

  test('what nothing narrows is shown as full', async () => {
    const shownAs = async ({ id }: { id: string }) => (await forge.server.call('GET', `/credentials/${id}`)).body
    const [full, narrowed] = [await token(), await token(IN_ATLAS)]
    expect(await shownAs(full)).toMatchObject({ full: true, resources: null, scopes: null, projects: null })
    expect(await shownAs(narrowed)).toMatchObject({ full: false, resources: ['forge'], projects: ['atlas'] })
    const { stdout } = await forge.server.countersign('pat', 'list', '--user', owner)
    const line = (id: string) => stdout.split('\n').find((row) => row.includes(id))
    expect(line(full.id)).toMatch(/\bfull\b/)
    expect(line(narrowed.id)).not.toMatch(/\bfull\b/)
  })

  test('a token reaches no management API that it does not name', async () => {
    await changeOwner({ roles: ['admin'] })
    const me = async (shown: Awaited<ReturnType<typeof token>>) =>
      (await fetch(`${forge.server.url}/api/v1/me`, { headers: bearer(shown) })).status
    expect([await me(await token()), await me(await token({ resources: ['countersign'] }))]).toEqual([403, 200])
  })

  test('ids are never reissued: what was of a deleted user is nobody’s, ever', async () => {
    const { server } = forge
    const shown = await token()
    expect((await server.call('DELETE', `/users/${owner}`)).status).toBe(204)
    expect(await statusOf(shown)).toBe(401)
    expect((await server.call('POST', '/users', { username: owner, groups: ['developers'] })).status).toBe(409)
    expect((await server.call('POST', `/users/${owner}/tokens`, {})).status).toBe(404)
    expect(await statusOf(shown)).toBe(401)
  })
})

/** The identity headers that the service received; the order within a list is nobody's concern. */
function toldIn(received: Received | undefined): Record<string, string> {
  const told = [...(received?.headers ?? [])].filter(([name]) => name.startsWith('remote-'))
  return Object.fromEntries(told.map(([name, value]) => [name, value.split(',').sort().join()]))
}
