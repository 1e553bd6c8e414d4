import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { askCountersign } from '../../examples/usage-api/ask-countersign.ts'
import { usageApi } from '../../examples/usage-api/usage-api.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { ROOT } from '../support/guide.ts'
import { freePort } from '../support/loopback.ts'
import { newToken } from '../support/people.ts'
import { run } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS } from '../support/wait.ts'

describe('examples/usage-api', () => {
  const teardown = new Teardown()
  let server: CountersignServer
  let gate: Parameters<typeof askCountersign>[0]
  beforeAll(async () => {
    const internal = `127.0.0.1:${freePort()}`
    const data = await teardown.temporaryDirectory('usage-api')
    server = await startCountersign(data, { COUNTERSIGN_INTERNAL_LISTEN: internal })
    teardown.add(server.stop)
    const applied = await server.countersign('apply', '-f', join(ROOT, 'examples/usage-api/countersign.yaml'))
    expect(applied).toMatchObject({ exitCode: 0 })
    const verifyUrl = `http://${internal}/verify/forward`
    gate = { issuer: server.url, verifyUrl, resource: 'https://usage.example.com', host: 'usage.example.com' }
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  const log: string[] = []
  const asked = (headers: Record<string, string>, path = 'acme/usage', ask = askCountersign(gate)) => {
    const api = usageApi({ usage: new Map([['acme', { gigabytes: 812 }]]), ask, log: (line) => void log.push(line) })
    return api(new Request(`http://127.0.0.1/api/internal/accounts/${path}`, { headers }), '192.0.2.7')
  }
  const shown = async () => ({ authorization: `Bearer ${(await newToken(server, 'alice')).secret}` })

  test(
    'main.ts gives each caller what the README says, and ends by itself',
    async () => {
      const readme = readFileSync(join(ROOT, 'examples/usage-api/README.md'), 'utf8')
      const [output] = /^\|[^\n]*accounts\/acme[\s\S]*is answered 503\.$/m.exec(readme) ?? ['no output']
      const done = await run([process.execPath, 'examples/usage-api/main.ts'], {
        cwd: ROOT,
        env: { HOME: '/nonexistent' },
      })
      expect(done).toMatchObject({ exitCode: 0, stderr: '', stdout: `${output}\n` })
    },
    PATIENCE_MS,
  )

  test('who passes is told apart by the signed answer alone, not by what the caller says', async () => {
    const headers = { ...(await shown()), 'remote-user': 'client:billing', 'remote-project': '*' }
    expect(await (await asked(headers)).json()).toMatchObject({ account: 'acme', asked_by: 'user:alice at acme' })
    const spoofed = { ...headers, 'x-forwarded-uri': '/api/internal/accounts/acme/usage', 'x-forwarded-method': 'GET' }
    expect((await asked(spoofed, 'boreas/usage')).status).toBe(403)
  })

  test('another way to write an account is that account, or nothing', async () => {
    const headers = await shown()
    for (const path of ['%61cme/usage', 'boreas/../acme/usage', 'boreas/%2e%2e/acme/usage']) {
      expect(await (await asked(headers, path)).json()).toMatchObject({ account: 'acme' })
    }
    for (const path of ['boreas%2f..%2facme/usage', '/acme/usage', 'acme;x/usage']) {
      expect([path, [400, 403].includes((await asked(headers, path)).status)]).toEqual([path, true])
    }
  })

  test('a refusal keeps its challenge and its decision, which `why` explains', async () => {
    const refused = await asked({ authorization: 'Bearer cs_pat_none' })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"')
    const why = await server.countersign('why', refused.headers.get('countersign-decision') ?? '')
    expect(why).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('credential_mistyped') })
  })

  test('no answer, a broken one and an unsigned 200 are 503, and nobody is let in', async () => {
    const headers = await shown()
    const answering = (answer: () => Response) => {
      const fake = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer })
      teardown.add(() => fake.stop(true))
      return askCountersign({ ...gate, verifyUrl: fake.url.href })
    }
    const gates = [
      askCountersign({ ...gate, verifyUrl: `http://127.0.0.1:${freePort()}` }),
      answering(() => new Response('', { status: 500 })),
      answering(() => new Response('', { status: 200, headers: { 'remote-user': 'alice', 'remote-project': '*' } })),
      answering(() => new Response('', { status: 200, headers: { 'countersign-assertion': 'e30.e30.e30' } })),
    ]
    for (const ask of gates) expect((await asked(headers, 'acme/usage', ask)).status).toBe(503)
  })

  test('its log names who called and how far it reaches, and holds no credential', async () => {
    const headers = await shown()
    log.length = 0
    await asked(headers)
    await asked({ authorization: 'Bearer cs_pat_none' })
    expect(log).toEqual([
      '200 GET /api/internal/accounts/acme/usage by user:alice at acme',
      expect.stringMatching(/^401 GET \/api\/internal\/accounts\/acme\/usage refused \(dec_\w+\)$/),
    ])
  })
})
