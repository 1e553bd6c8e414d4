// A REST service with projects, called by curl with personal access tokens, behind the sites of the guides.

import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { formatCredential } from '@countersign/resource-server'
import { startCaddy } from '../support/caddy.ts'
import { guideBlock, substitute } from '../support/guide.ts'
import { startNginx } from '../support/nginx.ts'
import { change, newToken } from '../support/people.ts'
import { run } from '../support/program.ts'
import type { StartProxy } from '../support/proxy.ts'
import { describeWith } from '../support/requires.ts'
import { openTracker, type Tracker } from '../support/tracker.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const ATLAS = '/api/projects/atlas/builds'
const BOREAS = '/api/projects/boreas/builds'
const IN_ATLAS = { resources: ['tracker'], projects: ['atlas'] }

const PROXIES: readonly [name: string, startProxy: StartProxy][] = [
  ['caddy', startCaddy],
  ['nginx', startNginx],
]
for (const [name, startProxy] of PROXIES) {
  describeWith([name, 'curl', 'bash', 'npx'], `curl with a personal access token, behind ${name}`, () => {
    let tracker: Tracker
    beforeAll(async () => {
      tracker = await openTracker(startProxy)
    }, PATIENCE_MS)
    afterAll(() => tracker?.close(), PATIENCE_MS)
    beforeEach(() => void tracker.recorder.take())

    const curl = async (path: string, ...args: string[]) => {
      const { stdout } = await run(['curl', '-sS', '-i', ...args, `${tracker.url}${path}`])
      const [head = '', body = ''] = stdout.split(/\r\n\r\n(.*)/s)
      return { status: Number(head.split(' ')[1]), head, body, whole: stdout }
    }
    const bearer = (secret: string) => ['-H', `Authorization: Bearer ${secret}`]
    const asked = () => tracker.recorder.take().map(({ method, target }) => `${method} ${target}`)

    test('a token is its owner: name, roles and scopes', async () => {
      const { secret } = await tracker.newToken()
      const { status, body } = await curl(ATLAS, ...bearer(secret))
      expect([status, JSON.parse(body)]).toEqual([
        200,
        { user: 'alice', roles: 'developer', scopes: 'projects:read,projects:write', project: '*' },
      ])
    })

    for (const [how, args] of [
      ['the password of any user', (secret: string) => ['-u', `whoever:${secret}`]],
      ['X-Api-Key', (secret: string) => ['-H', `X-Api-Key: ${secret}`]],
    ] as const) {
      test(`it is the same as ${how}`, async () => {
        const { secret } = await tracker.newToken()
        expect(JSON.parse((await curl(ATLAS, ...args(secret))).body)).toMatchObject({ user: 'alice' })
      })
    }

    test('in its project a confined token passes, and the service learns the confinement', async () => {
      const { secret } = await tracker.newToken(IN_ATLAS)
      const { status, body } = await curl(ATLAS, ...bearer(secret))
      expect([status, JSON.parse(body).project]).toEqual([200, 'atlas'])
    })

    for (const [where, path, reason] of [
      ['in another project', BOREAS, 'The credential is not meant for this project.'],
      ['where the path names no project', '/api/me', 'The credential is confined to projects.'],
    ] as const) {
      test(`${where} it is refused with 403 and a reason, and the service is not asked`, async () => {
        const { secret } = await tracker.newToken(IN_ATLAS)
        const { status, head, body } = await curl(path, ...bearer(secret))
        expect([status, asked()]).toEqual([403, []])
        expect(head).toMatch(/^www-authenticate: Bearer realm="tracker", error="insufficient_scope"/im)
        const [, decision] = /^countersign-decision: (dec_\w+)/im.exec(head) ?? []
        expect(body).toBe(`${reason}\nDecision ${decision}\n`)
      })
    }

    test('it cannot go to another project by way of its own', async () => {
      const { secret } = await tracker.newToken(IN_ATLAS)
      for (const path of [
        '/api/projects/atlas/../boreas/builds',
        '/api/projects/atlas/%2e%2e/boreas/builds',
        '/api/projects/atlas%2f..%2fboreas/builds',
        '/api/projects//boreas/builds',
        '/api/projects/boreas;atlas/builds',
        '/api/projects/ATLAS/builds',
        '/api/projects/atlas.boreas/builds',
      ]) {
        const { status } = await curl(path, '--path-as-is', ...bearer(secret))
        expect([path, status < 400]).toEqual([path, false])
      }
      expect(asked()).toEqual([])
    })

    test('a refusal of the service’s own is not touched', async () => {
      const { secret } = await tracker.newToken()
      const { status, head, body } = await curl('/api/projects/atlas/locked', ...bearer(secret))
      expect([status, body]).toEqual([403, 'The project is locked.'])
      expect(head).not.toMatch(/^(countersign-decision|www-authenticate):/im)
    })

    test(
      'unknown, mistyped, revoked, expired, or its owner disabled: the same answer to the byte, but for the decision',
      async () => {
        const { server } = tracker
        const newOwner = async (username: string) => {
          await server.make('/users', { username, groups: ['developers'] })
          return newToken(server, username)
        }
        const revoked = await tracker.newToken(IN_ATLAS)
        const brief = await tracker.newToken({ expires_in_seconds: 1 })
        const [orphan, sleeper] = [await newOwner(`gone-${name}`), await newOwner(`away-${name}`)]
        const bad: Readonly<Record<string, string>> = {
          credential_unknown: formatCredential('pat', new Uint8Array(32).fill(7)),
          credential_mistyped: `${revoked.secret.slice(0, -1)}${revoked.secret.endsWith('0') ? '1' : '0'}`,
          credential_revoked: revoked.secret,
          credential_expired: brief.secret,
          owner_missing: orphan.secret,
          owner_disabled: sleeper.secret,
        }
        for (const alive of [revoked, orphan, sleeper]) {
          expect((await curl(ATLAS, ...bearer(alive.secret))).status).toBe(200)
        }
        await tracker.revoke(revoked)
        await change(server, `/users/away-${name}`, { disabled: true })
        expect((await server.call('DELETE', `/users/gone-${name}`)).status).toBe(204)
        await until('the token to expire', async () => (await curl(ATLAS, ...bearer(brief.secret))).status === 401)
        tracker.recorder.take()

        const answers = new Set<string>()
        for (const path of [ATLAS, BOREAS, '/api/me']) {
          for (const [code, secret] of Object.entries(bad)) {
            const { status, head, whole } = await curl(path, ...bearer(secret))
            const [, decision = ''] = /^countersign-decision: (dec_\w+)/im.exec(head) ?? []
            answers.add(whole.replaceAll(decision, 'dec_').replace(/^date: .*$/im, 'Date:'))
            expect([code, status]).toEqual([code, 401])
            expect((await server.call('GET', `/decisions/${decision}`)).body).toMatchObject({ code })
          }
        }
        expect([answers.size, asked()]).toEqual([1, []])
      },
      PATIENCE_MS,
    )

    test(
      'under load every answer is its own owner’s, and after the revocation none is allowed',
      async () => {
        await tracker.server.make('/users', { username: `bob-${name}`, groups: ['developers'] })
        const command = substitute(guideBlock('tokens.md', 'stress'), { 'https://api.example.com': tracker.url })
        const options = `--user bob-${name} --workers 8 --requests 300 --seconds 40`
        const ran = await tracker.shell(command.replace(/\n$/, ` ${options}\n`))
        expect(ran).toMatchObject({ exitCode: 0 })
        const counted = ran.stdout.replaceAll(/\b3\d\d\b/g, '2000')
        expect(counted).toBe(guideBlock('tokens.md', 'stress-output'))
        const users = new Set(tracker.recorder.take().map(({ headers }) => headers.get('remote-user')))
        expect([...users].sort()).toEqual(['alice', `bob-${name}`])
      },
      PATIENCE_MS,
    )
  })
}
