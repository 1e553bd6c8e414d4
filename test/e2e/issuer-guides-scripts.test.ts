// The scripts of the guides to issuers, run against a real server. Loopback servers stand in for GitHub and the service.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CountersignServer, MAIN, startCountersign } from '../support/countersign-server.ts'
import { guideBlock, substitute } from '../support/guide.ts'
import { signedWith, testKey, yamlIn } from '../support/issuer-guide.ts'
import { run } from '../support/program.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

describeWith(['bash', 'curl', 'jq'], 'the scripts of the guides to issuers', () => {
  const teardown = new Teardown()
  const corp = testKey('RS256', 'corp')
  const told: string[] = []
  let server: CountersignServer
  let home: string
  let platform: string
  beforeAll(async () => {
    home = await teardown.temporaryDirectory('issuers')
    server = await startCountersign(await teardown.temporaryDirectory('data'))
    teardown.add(server.stop)
    const listening = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: played })
    teardown.add(() => listening.stop(true))
    platform = `http://127.0.0.1:${listening.port}`

    await writeFile(join(home, 'countersign.yaml'), guideBlock('issuers.md', 'countersign.yaml'))
    const applied = await administer(guideBlock('issuers.md', 'apply'))
    expect(applied).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/Done: 5 made\.\n$/) })
    expect((await server.call('PATCH', '/issuers/corp', { jwks: { keys: [corp.jwk] } })).status).toBe(200)
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  /** GitHub, which hands out tokens, and the service, which writes down what it is shown. */
  function played(request: Request): Response {
    told.push(`${request.method} ${new URL(request.url).pathname} ${request.headers.get('authorization')}`)
    const { pathname, searchParams } = new URL(request.url)
    return pathname === '/github'
      ? Response.json({ value: `token-for-${searchParams.get('audience')}` })
      : new Response('ok')
  }

  const shell = (script: string, env: Readonly<Record<string, string>> = {}) =>
    run(['bash', '-euo', 'pipefail', '-c', script], { cwd: home, env: { HOME: home, ...env } })
  /** As whoever runs Countersign, by the commands as they stand in the guide. */
  const administer = (script: string) =>
    run(['bash', '-euo', 'pipefail', '-c', script.replaceAll('npx countersign', `${process.execPath} ${MAIN}`)], {
      cwd: home,
      env: { HOME: home, COUNTERSIGN_SERVER: server.url, COUNTERSIGN_KEY: server.bootstrapKey },
    })
  const token = (aud: string, jti?: string) => {
    const iat = Math.floor(Date.now() / 1000)
    const said = { iss: 'https://idp.example.com', sub: 'service-7', aud, iat, exp: iat + 600, jti }
    return signedWith(corp, { alg: 'RS256', kid: corp.jwk.kid, typ: 'JWT' }, said)
  }
  const ask = (assertion: string) =>
    shell(assertion.replaceAll('https://auth.example.com', server.url), { COUNTERSIGN_TOKEN: token(server.url) })

  test(
    'a rule in mode shadow says that it would have trusted, as the guide shows it; enforced, it gives an access token',
    async () => {
      const block = guideBlock('issuers.md', 'assertion')
      await writeFile(join(home, 'token.jwt'), token(server.url))
      expect((await ask(block)).stdout).toContain('invalid_client')
      const { stdout: why } = await administer(guideBlock('issuers.md', 'why'))
      expect(why.replace(/\s+/g, ' ')).toContain(guideBlock('issuers.md', 'why-shadow').trim())

      expect(await administer(guideBlock('issuers.md', 'enforce'))).toMatchObject({ exitCode: 0 })
      expect(JSON.parse((await ask(block)).stdout)).toMatchObject({ token_type: 'Bearer', scope: 'reports:read' })

      const ofGitLab = { 'my-project': 'nightly', 'https://deploy.example.com': 'https://reports.example.com' }
      const byPipe = await ask(substitute(guideBlock('gitlab-ci.md', 'assertion'), ofGitLab))
      expect(JSON.parse(byPipe.stdout)).toMatchObject({ scope: 'reports:read' })
    },
    PATIENCE_MS,
  )

  test(
    'a rule is suggested from a token, in the words that the guide shows',
    async () => {
      await writeFile(join(home, 'token.jwt'), token('https://reports.example.com'))
      const { stdout, exitCode } = await administer(guideBlock('issuers.md', 'suggest'))
      expect([exitCode, stdout]).toEqual([0, expect.stringContaining(guideBlock('issuers.md', 'suggested'))])
    },
    PATIENCE_MS,
  )

  test(
    'one token is revoked by its id, and all of an issuer by switching it off, as the guide says',
    async () => {
      const ask = (shown: string) => {
        const asked = { Method: 'GET', Proto: 'https', Host: 'reports.example.com', Uri: '/', For: '192.0.2.1' }
        const headers = new Headers({ authorization: `Bearer ${shown}` })
        for (const [name, value] of Object.entries(asked)) headers.set(`X-Forwarded-${name}`, value)
        return fetch(`${server.url}/verify/forward`, { headers })
      }
      const [stolen, another] = [token('https://reports.example.com', 'a'), token('https://reports.example.com', 'b')]
      const id = (await ask(stolen)).headers.get('remote-credential') ?? ''
      expect(await administer(`npx countersign revoke ${id} --reason leaked`)).toMatchObject({ exitCode: 0 })
      expect([(await ask(stolen)).status, (await ask(another)).status]).toEqual([401, 200])
      expect(await administer('npx countersign issuer disable corp')).toMatchObject({ exitCode: 0 })
      expect((await ask(another)).status).toBe(401)
    },
    PATIENCE_MS,
  )

  test(
    'the token goes to the service as Bearer',
    async () => {
      await writeFile(join(home, 'token.jwt'), 'a-token')
      told.length = 0
      for (const guide of ['issuers', 'keycloak', 'entra-id', 'okta', 'kubernetes', 'spiffe']) {
        const block = guideBlock(`${guide}.md`, 'direct')
        const script = block.replace(/https:\/\/\w+\.example\.com/, platform)
        const { exitCode } = await shell(script.replace('/var/run/secrets/tokens/usage', 'token.jwt'))
        expect(exitCode).toBe(0)
      }
      expect(told.map((line) => line.split(' ').slice(2).join(' '))).toEqual(Array(6).fill('Bearer a-token'))
    },
    PATIENCE_MS,
  )

  test(
    'the step of GitHub asks for a token for its audience, hides it, and shows it to the service',
    async () => {
      told.length = 0
      const { jobs } = yamlIn('github-actions.md', 'deploy.yaml')[0] as {
        jobs: { deploy: { steps: { run: string }[] } }
      }
      const { stdout, exitCode } = await shell(jobs.deploy.steps[0]?.run ?? '', {
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-the-job',
        ACTIONS_ID_TOKEN_REQUEST_URL: `${platform}/github?api-version=2.0`,
        AUDIENCE: platform,
      })
      expect([exitCode, stdout]).toEqual([0, `::add-mask::token-for-${platform}\nok`])
      expect(told).toEqual(['GET /github bearer of-the-job', `POST /releases Bearer token-for-${platform}`])
    },
    PATIENCE_MS,
  )

  test(
    'the script of GitLab shows its token to the service',
    async () => {
      told.length = 0
      const { release } = yamlIn('gitlab-ci.md', '.gitlab-ci.yml')[0] as { release: { script: string[] } }
      const script = substitute(release.script[0] ?? '', { 'https://deploy.example.com': platform })
      await shell(script, { DEPLOY_TOKEN: 'of-the-job' })
      expect(told).toEqual(['POST /releases Bearer of-the-job'])
    },
    PATIENCE_MS,
  )
})
