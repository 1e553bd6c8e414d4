// git over HTTPS with personal access tokens, behind the sites of the guides. What git says is what a person reads.

import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { IDENTITY_HEADERS } from '@countersign/admin-api'
import { startCaddy, startCaddyForGit } from '../support/caddy.ts'
import { ALPHA, BETA, type Forge, gitIn, openForge } from '../support/forge.ts'
import { guideBlock } from '../support/guide.ts'
import { startHaproxyForGit } from '../support/haproxy.ts'
import { freePort } from '../support/loopback.ts'
import { startNginx, startNginxForGit } from '../support/nginx.ts'
import { rawRequest } from '../support/raw-http.ts'
import { startRecorder } from '../support/recorder.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

const READ_ONLY = { name: 'mirror', resources: ['forge'], scopes: ['repo:read'] }
const ALPHA_ALONE = { name: 'alpha', resources: ['forge'], projects: ['alpha'] }

const PROXIES = [
  ['caddy', startCaddy, startCaddyForGit],
  ['nginx', startNginx, startNginxForGit],
  // What it shows without these lines is not another thing than with the others.
  ['haproxy', undefined, startHaproxyForGit],
] as const
for (const [name, startProxy, startProxyForGit] of PROXIES) {
  describeWith([name, 'git', 'bash', 'npx'], `git behind ${name} with a personal access token`, () => {
    const teardown = new Teardown()
    let forge: Forge
    let home: string
    let git: ReturnType<typeof gitIn>
    beforeAll(async () => {
      forge = await openForge(startProxyForGit)
      teardown.add(forge.close)
    }, PATIENCE_MS)
    afterAll(() => teardown.run(), PATIENCE_MS)
    beforeEach(async () => {
      home = await teardown.temporaryDirectory('clone')
      git = gitIn(home)
      forge.meanwhile(undefined)
      forge.recorder.take()
    })

    const clone = async (token: string, path: string) => {
      expect(await git(token, '.', 'clone', `${forge.url}${path}`, 'work')).toMatchObject({ exitCode: 0 })
    }
    const commit = async (contents: string = crypto.randomUUID()) => {
      await writeFile(join(home, 'work/file'), contents)
      await git(undefined, 'work', 'add', 'file')
      expect(await git(undefined, 'work', 'commit', '--message', 'Say more')).toMatchObject({ exitCode: 0 })
    }
    const push = (token: string) => git(token, 'work', 'push', 'origin', 'HEAD:main')
    const received = () => forge.recorder.take().map(({ method, target }) => `${method} ${target}`)
    /** What git asked of its credential helper since the last time. */
    const helperAsked = async () => {
      const asked = await readFile(join(home, 'asked'), 'utf8')
      await rm(join(home, 'asked'))
      return asked.trim().split('\n')
    }

    for (const path of [ALPHA, BETA]) {
      test(
        `it clones and pushes ${path}, and the git server learns who, but not how`,
        async () => {
          const token = await forge.newToken({ name: 'laptop' })
          await clone(token.secret, path)
          await commit()
          expect(await push(token.secret)).toMatchObject({ exitCode: 0 })
          const requests = forge.recorder.take()
          expect(requests.map(({ target }) => target)).toContain(`${path}/git-receive-pack`)
          for (const { headers } of requests) {
            expect(headers.get('remote-user')).toBe('alice')
            expect(headers.get('remote-credential')).toBe(token.id)
            expect(headers.get('authorization')).toBeNull()
          }
        },
        PATIENCE_MS,
      )
    }

    test('it pushes what git sends in pieces', async () => {
      const { secret } = await forge.newToken()
      await clone(secret, ALPHA)
      await commit(Buffer.from(crypto.getRandomValues(new Uint8Array(65_536))).toString('base64'))
      const pushed = await git(secret, 'work', '-c', 'http.postBuffer=8192', 'push', 'origin', 'HEAD:main')
      expect(pushed).toMatchObject({ exitCode: 0 })
    })

    test('a token confined to one project is refused at the other, and git says so', async () => {
      const { secret } = await forge.newToken(ALPHA_ALONE)
      await clone(secret, ALPHA)
      await commit()
      expect(await push(secret)).toMatchObject({ exitCode: 0 })
      forge.recorder.take()

      const refused = await git(secret, '.', 'clone', `${forge.url}${BETA}`)
      expect(refused.exitCode).toBe(128)
      expect(refused.stderr).toContain('remote: The credential is not meant for this project.\n')
      expect(refused.stderr).toContain('The requested URL returned error: 403')
      expect(received()).toEqual([])
    })

    test('a read-only token clones; its push is refused at once, and git says why', async () => {
      const { secret } = await forge.newToken(READ_ONLY)
      await clone(secret, ALPHA)
      await commit()
      forge.recorder.take()
      const refused = await push(secret)
      expect(refused.exitCode).toBe(128)
      expect(asExample(refused.stderr)).toBe(guideBlock('git.md', 'read-only'))
      expect(received()).toEqual([])
    })

    test('what git said names the decision, by which the operator finds the rest', async () => {
      const { id, secret } = await forge.newToken(READ_ONLY)
      await clone(secret, ALPHA)
      await commit()
      const [decision = ''] = /\bdec_\w+/.exec((await push(secret)).stderr) ?? []
      const why = await forge.server.countersign('why', decision)
      expect(why.stdout).toContain('scope_missing')
      expect(why.stdout).toContain(id)
      expect(why.stdout).toContain('repo:write')
    })

    test('a read-only token that pushes without asking first is refused all the same', async () => {
      const { secret } = await forge.newToken(READ_ONLY)
      const answer = await fetch(`${forge.url}${ALPHA}/git-receive-pack`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`x:${secret}`)}` },
        body: '0000',
      })
      expect([answer.status, received()]).toEqual([403, []])
      expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
      expect(await answer.text()).toMatch(/^The credential lacks a required scope\.\nDecision dec_\w+\n$/)
    })

    test('without a token git asks for a password', async () => {
      const asked = await git(undefined, '.', 'clone', `${forge.url}${ALPHA}`)
      expect(asked.stderr).toContain('could not read Username')
      expect(received()).toEqual([])
    })

    test('a bad token is refused with 401, and git forgets it; a good one it keeps, also when it lacks a right', async () => {
      const bad = await git('cs_pat_wrong', '.', 'clone', `${forge.url}${ALPHA}`)
      expect(asExample(bad.stderr)).toBe(guideBlock('git.md', 'bad'))
      expect(await helperAsked()).toEqual(['get', 'erase'])

      const { secret } = await forge.newToken(ALPHA_ALONE)
      await git(secret, '.', 'ls-remote', `${forge.url}${BETA}`)
      expect(await helperAsked()).toEqual(['get'])
      await git(secret, '.', 'ls-remote', `${forge.url}${ALPHA}`)
      expect(await helperAsked()).toEqual(['get', 'store'])
    })

    test('a token that is revoked while it pushes is refused with 401, and nothing is pushed', async () => {
      const token = await forge.newToken()
      await clone(token.secret, ALPHA)
      await commit()
      forge.recorder.take()
      forge.meanwhile(() => forge.revoke(token))
      const refused = await push(token.secret)
      expect(refused.exitCode).not.toBe(0)
      expect(refused.stderr).toContain('401')
      expect(received()).toEqual([`GET ${ALPHA}/info/refs?service=git-receive-pack`])
      expect((await helperAsked()).at(-1)).toBe('erase')
    })

    test('an address without .git is refused, and git says so', async () => {
      const { secret } = await forge.newToken()
      const refused = await git(secret, '.', 'ls-remote', `${forge.url}/git/alpha`)
      const reason = name === 'nginx' ? 'The request is refused.' : 'No rule allows this request.'
      expect(refused.stderr).toStartWith(`remote: ${reason}\n`)
      expect(received()).toEqual([])
    })

    const OTHERS = [`${ALPHA}/HEAD`, `${ALPHA}/objects/info/packs`, '/git/info/refs', `${ALPHA}/../group/sub/beta.git`]
    for (const path of OTHERS) {
      test(`GET ${path} is no request of git's, and is refused`, async () => {
        const { secret } = await forge.newToken()
        const lines = [`GET ${path} HTTP/1.1`, `Host: ${forge.host}`, `Authorization: Bearer ${secret}`]
        const { status } = await rawRequest(forge.port, lines)
        expect([400, 401, 403]).toContain(status)
        expect(received()).toEqual([])
      })
    }
  })

  describeWith([name], `what ${name} asks when a push begins`, () => {
    const target = (headers: Headers) =>
      headers.get('x-forwarded-uri') ?? headers.get('x-original-url')?.replace(/^http:\/\/[^/]*/, '')
    const PUSH = '/git/alpha.git/info/refs?service=git-receive-pack'
    const QUESTIONS = [
      [PUSH, '/git/alpha.git/git-receive-pack'],
      [`${PUSH}&x=y`, '/git/alpha.git/git-receive-pack'],
      ['/git/alpha.git/info/refs?x=y&service=git-receive-pack', '/git/alpha.git/git-receive-pack'],
      ['/git//%61/../b.git/info/refs?service=git-receive-pack', '/git//%61/../b.git/git-receive-pack'],
      ...[
        `${PUSH}s`,
        '/git/alpha.git/info/refs?xservice=git-receive-pack',
        '/git/alpha.git/info/refs?service=git-upload-pack',
        '/git/alpha.git/info/refs',
        '/git/alpha.git/HEAD?/info/refs?service=git-receive-pack',
        '/git/a%2e%2e//b;c?{env.HOME}&{http.request.host}&$1&$host',
      ].map((sent) => [sent, sent] as const),
    ] as const

    test(
      'it asks about the push, about all else as it was sent, and passes on everything as it was sent',
      async () => {
        const teardown = new Teardown()
        try {
          const identity = Object.fromEntries(IDENTITY_HEADERS.map((header) => [header, 'x']))
          const verify = startRecorder(() => new Response(null, { headers: identity }))
          const service = startRecorder(() => new Response('served'))
          teardown.add(verify.stop)
          teardown.add(service.stop)
          const port = freePort()
          const directory = await teardown.temporaryDirectory('proxy')
          const verifyAddress = `127.0.0.1:${verify.port}`
          const proxy = await startProxyForGit({ port, verifyAddress, upstreamPort: service.port, directory })
          teardown.add(proxy.stop)
          for (const [sent, asked] of QUESTIONS) {
            await rawRequest(port, [`GET ${sent} HTTP/1.1`, 'Host: localhost', 'Connection: close'])
            expect(verify.take().map(({ headers }) => target(headers))).toEqual([asked])
            const [passed] = service.take()
            expect(passed?.target.replace(/.*[?]/, '')).toBe(sent.replace(/.*[?]/, ''))
          }
        } finally {
          await teardown.run()
        }
      },
      PATIENCE_MS,
    )
  })

  if (startProxy === undefined) continue
  describeWith([name, 'git', 'bash', 'npx'], `git behind ${name} without the lines for git`, () => {
    test(
      'a refused push says nothing of the reason, as the guide shows',
      async () => {
        const forge = await openForge(startProxy)
        const teardown = new Teardown()
        teardown.add(forge.close)
        try {
          const home = await teardown.temporaryDirectory('clone')
          const git = gitIn(home)
          const { secret } = await forge.newToken(READ_ONLY)
          await git(secret, '.', 'clone', `${forge.url}${ALPHA}`, 'work')
          await git(undefined, 'work', 'commit', '--allow-empty', '--message', 'Say nothing')
          const refused = await git(secret, 'work', 'push', 'origin', 'HEAD:main')
          expect(refused.stderr).toBe(guideBlock('git.md', 'silent'))
          const targets = forge.recorder.take().map(({ target }) => target)
          expect(targets).not.toContain(`${ALPHA}/git-receive-pack`)
        } finally {
          await teardown.run()
        }
      },
      PATIENCE_MS,
    )
  })
}

/** What git said, with the names of the guide for those of the test. */
function asExample(stderr: string): string {
  return stderr
    .replaceAll(/http:\/\/localhost:\d+/g, 'https://git.example.com')
    .replaceAll(/\bdec_[0-9A-Z]{26}\b/g, 'dec_01M82Q8XX26T21V1T79EEV67M5')
}
