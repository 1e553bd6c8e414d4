// The certificates that an issuer is asked by: `ca_file`, as a cluster has it, in place of those of the system.

import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { type Authority, makeAuthority } from '../support/authority.ts'
import { type CountersignServer, startCountersign } from '../support/countersign-server.ts'
import { signedBy, strangersKey } from '../support/forging.ts'
import { describeWith } from '../support/requires.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const AUDIENCE = 'https://webdav.example.com'

describeWith(['openssl'], 'an issuer whose keys are discovered over TLS', () => {
  const teardown = new Teardown()
  const { privateKey, jwk } = strangersKey()
  let server: CountersignServer
  let files: string
  let cluster: Authority
  let stranger: Authority
  /** Signed by what stands for an authority of the system. */
  let open: Issuer
  /** Signed by the authority of the cluster. */
  let closed: Issuer

  type Issuer = { readonly iss: string; readonly asked: string[] }

  async function listen(authority: Authority): Promise<Issuer> {
    const asked: string[] = []
    const https = createServer(await authority.certify('IP:127.0.0.1'), ({ url = '' }, answer) => {
      asked.push(url)
      answer.setHeader('content-type', 'application/json')
      answer.end(JSON.stringify(url === '/keys' ? { keys: [jwk] } : { issuer: iss, jwks_uri: `${iss}/keys` }))
    })
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve))
    teardown.add(() => {
      https.closeAllConnections()
      https.close()
    })
    const address = https.address()
    const iss = `https://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    return { iss, asked }
  }

  beforeAll(async () => {
    const secrets = await teardown.temporaryDirectory('authorities')
    files = await teardown.temporaryDirectory('issuer-files')
    cluster = await makeAuthority(secrets, 'cluster')
    stranger = await makeAuthority(secrets, 'stranger')
    const system = await makeAuthority(secrets, 'system')
    closed = await listen(cluster)
    open = await listen(system)
    server = await startCountersign(await teardown.temporaryDirectory('data'), {
      COUNTERSIGN_EGRESS_NETWORKS: '127.0.0.0/8',
      COUNTERSIGN_ISSUER_FILE_DIRS: files,
      NODE_EXTRA_CA_CERTS: system.file,
    })
    teardown.add(server.stop)
    await server.make('/resources', {
      ...{ name: 'webdav', identifier: AUDIENCE, hosts: ['webdav.example.com'], scopes: ['files:read'] },
      rules: [{ path: '/**' }],
    })
    await server.make('/groups', { name: 'media' })
    await server.make('/permissions', { group: 'media', resource: 'webdav', scopes: ['files:read'] })
    for (const [name, { iss }] of Object.entries({ closed, open })) {
      await server.make('/issuers', { name, issuer: iss, algorithms: ['ES256'] })
      const match = { sub: 'system:serviceaccount:prod:atlas' }
      await server.make('/trust-rules', { name, issuer: name, match, as: { workload: { groups: ['media'] } } })
    }
  }, PATIENCE_MS)
  beforeEach(() => {
    closed.asked.length = 0
    open.asked.length = 0
  })
  afterAll(() => teardown.run(), PATIENCE_MS)

  /** Has the issuer asked by the certificates in a new file, whose path is told; so nothing is known of what was before. */
  async function trustBy(name: string, text: string): Promise<string> {
    const file = join(files, `${crypto.randomUUID()}.crt`)
    await writeFile(file, text)
    await setFile(name, file)
    return file
  }

  async function setFile(name: string, ca_file: string | null) {
    expect((await server.call('PATCH', `/issuers/${name}`, { ca_file })).status).toBe(200)
  }

  /** What a token of this issuer gets, and why. */
  async function shown({ iss }: Issuer): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const token = signedBy(
      privateKey,
      { alg: 'ES256', kid: jwk.kid, typ: 'JWT' },
      {
        iss,
        sub: 'system:serviceaccount:prod:atlas',
        aud: AUDIENCE,
        iat: now,
        exp: now + 600,
        jti: crypto.randomUUID(),
      },
    )
    const answer = await fetch(`${server.url}/verify/forward`, {
      headers: {
        ...{ 'X-Forwarded-Method': 'GET', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Uri': '/' },
        ...{ 'X-Forwarded-Host': 'webdav.example.com', 'X-Forwarded-For': '192.0.2.1' },
        Authorization: `Bearer ${token}`,
      },
    })
    if (answer.status === 200) return `200 ${answer.headers.get('Remote-User')}`
    const { body } = await server.call('GET', `/decisions/${answer.headers.get('Countersign-Decision')}`)
    return `${answer.status} ${(body as { code: string }).code}`
  }

  const UNAVAILABLE = '503 keys_unavailable'
  const believed = (name: string) => `200 workload:${name}:system:serviceaccount:prod:atlas`

  test('is believed by the certificates of its ca_file', async () => {
    await trustBy('closed', cluster.pem)
    expect(await shown(closed)).toBe(believed('closed'))
    expect(closed.asked).toEqual(['/.well-known/openid-configuration', '/keys'])
  })

  test('is asked nothing without it, and the answer is 503', async () => {
    await setFile('closed', null)
    expect(await shown(closed)).toBe(UNAVAILABLE)
    expect(closed.asked).toEqual([])
  })

  test('is asked nothing where another authority is trusted, or nothing that can be read, and the answer is 503', async () => {
    for (const text of [stranger.pem, 'no certificate', '']) {
      await trustBy('closed', text)
      expect([text, await shown(closed)]).toEqual([text, UNAVAILABLE])
    }
    await setFile('closed', join(files, 'nowhere.crt'))
    expect(await shown(closed)).toBe(UNAVAILABLE)
    expect(closed.asked).toEqual([])
  })

  test(
    'is believed once the file holds its authority, beside others, without a restart',
    async () => {
      const file = await trustBy('closed', stranger.pem)
      expect(await shown(closed)).toBe(UNAVAILABLE)
      await writeFile(file, `${stranger.pem}${cluster.pem}`)
      await until('the new certificates', async () => (await shown(closed)) === believed('closed'))
    },
    PATIENCE_MS,
  )

  test('is believed by an authority of the system where no file is named, and only there', async () => {
    await setFile('open', null)
    expect(await shown(open)).toBe(believed('open'))
    open.asked.length = 0
    for (const text of [cluster.pem, '', '\n', '# to be filled in']) {
      await trustBy('open', text)
      expect([text, await shown(open)]).toEqual([text, UNAVAILABLE])
    }
    expect(open.asked).toEqual([])
  })

  test('has no file named that is not in the directories for such files', async () => {
    const outside = [cluster.file, `${files}-evil/ca.crt`, `${files}/../ca.crt`, 'ca.crt', files]
    for (const ca_file of outside) {
      const { status, body } = await server.call('PATCH', '/issuers/closed', { ca_file })
      expect([ca_file, status, JSON.stringify(body)]).toEqual([
        ca_file,
        400,
        expect.stringContaining('COUNTERSIGN_ISSUER_FILE_DIRS'),
      ])
    }
  })
})
