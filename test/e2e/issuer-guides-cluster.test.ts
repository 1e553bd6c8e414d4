// The ways by which the guides to clusters and SPIFFE get keys, each with a real source: a file, the API server, its
// TokenReview, a bundle. A loopback server plays the API server; only addresses and paths are those of the test.

import { afterAll, expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Declared, declaredIn, openGuide, type TestKey, testKey } from '../support/issuer-guide.ts'
import { Teardown } from '../support/teardown.ts'

type Words = Readonly<Record<string, unknown>>
const USAGE = ['GET', '/api/internal/atlas/accounts/acme/usage'] as const
const POD = { exp: 1_893_456_000 + 600 }
const ATLAS = { user: 'client:atlas' }

const teardown = new Teardown()
afterAll(() => teardown.run())

/** An API server as Countersign sees it: it knows one key and the pods that are not deleted. */
async function cluster() {
  const files = await teardown.temporaryDirectory('cluster')
  const known = { keys: [] as object[], isDeleted: false, audiences: undefined as readonly string[] | undefined }
  const asked: string[] = []
  const listening = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname } = new URL(request.url)
      asked.push(`${request.method} ${pathname} ${request.headers.get('authorization')}`)
      if (pathname === '/openid/v1/jwks' || pathname === '/bundle') return Response.json({ keys: known.keys })
      const { spec } = (await request.json()) as { spec: { token: string; audiences: string[] } }
      const { sub } = JSON.parse(Buffer.from(spec.token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string }
      const yes = { authenticated: true, user: { username: sub }, audiences: known.audiences ?? spec.audiences }
      return Response.json({ status: known.isDeleted ? { error: 'the pod is gone' } : yes }, { status: 201 })
    },
  })
  teardown.add(() => listening.stop(true))
  await writeFile(join(files, 'token'), 'our-own-token')
  const env = { COUNTERSIGN_EGRESS_NETWORKS: '127.0.0.0/8', COUNTERSIGN_ISSUER_FILE_DIRS: DIRS.concat(files).join() }
  return { url: `http://127.0.0.1:${listening.port}`, files, known, asked, env }
}
const DIRS = ['/etc/countersign/issuers', '/var/run/secrets/kubernetes.io/serviceaccount']

/** The guide's file, with its issuer as another block of it has it. */
function withIssuerOf(block: string): Declared {
  return { ...declaredIn('kubernetes.md'), issuers: declaredIn('kubernetes.md', block).issuers ?? [] }
}

test('pinned keys in a file are found, and what replaces the file a few seconds later', async () => {
  const { files, env } = await cluster()
  const path = join(files, 'production.jwks.json')
  await writeFile(path, '{"keys":[]}')
  let key: TestKey | undefined
  const given = (_: Words, made: TestKey) => {
    key = made
    return { jwks_file: path }
  }
  const scene = await openGuide(declaredIn('kubernetes.md'), { env, given })
  expect(await scene.call(scene.token('kubernetes', POD), ...USAGE)).toMatchObject({ code: 'external_token_refused' })
  await writeFile(path, JSON.stringify({ keys: [key?.jwk] }))
  scene.app.clock.monotonicAheadMs += 10_000
  expect(await scene.call(scene.token('kubernetes', POD), ...USAGE)).toMatchObject(ATLAS)
  await scene.close()
})

test('keys come from the API server, which is shown our own token', async () => {
  const { url, files, env, known, asked } = await cluster()
  const given = ({ kubernetes }: Words, { jwk }: TestKey) => {
    known.keys = [jwk]
    const own = { api_server: url, token_file: join(files, 'token') }
    return { ca_file: null, kubernetes: { ...(kubernetes as Words), ...own } }
  }
  const scene = await openGuide(withIssuerOf('discovered.yaml'), { env, given })
  expect(await scene.call(scene.token('kubernetes', POD), ...USAGE)).toMatchObject(ATLAS)
  expect(asked).toEqual(['GET /openid/v1/jwks Bearer our-own-token'])
  known.isDeleted = true
  scene.app.clock.monotonicAheadMs += 11_000
  expect(await scene.call(scene.token('kubernetes', POD), ...USAGE)).toMatchObject(ATLAS)
  await scene.close()
})

test('in mode token_review a pod that is deleted is refused ten seconds later, and an audience that is not confirmed at once', async () => {
  const { url, files, env, known, asked } = await cluster()
  const given = ({ kubernetes }: Words, { jwk }: TestKey) => {
    known.keys = [jwk]
    const own = { api_server: url, token_file: join(files, 'token') }
    return { ca_file: null, kubernetes: { ...(kubernetes as Words), ...own } }
  }
  const scene = await openGuide(withIssuerOf('reviewed.yaml'), { env, given })
  const token = scene.token('kubernetes', POD)
  expect(await scene.call(token, ...USAGE)).toMatchObject(ATLAS)
  expect(asked).toEqual([
    'GET /openid/v1/jwks Bearer our-own-token',
    'POST /apis/authentication.k8s.io/v1/tokenreviews Bearer our-own-token',
  ])
  known.isDeleted = true
  scene.app.clock.monotonicAheadMs += 10_001
  expect(await scene.call(token, ...USAGE)).toMatchObject({ status: 401, code: 'external_token_refused' })
  Object.assign(known, { isDeleted: false, audiences: ['https://other.example.com'] })
  const another = scene.token('kubernetes', { ...POD, jti: 'another' })
  expect(await scene.call(another, ...USAGE)).toMatchObject({ status: 401, code: 'external_token_refused' })
  await scene.close()
})

test('of a SPIFFE bundle the keys for tokens are taken', async () => {
  const { url, env, known } = await cluster()
  const given = (_: Words, { jwk }: TestKey) => {
    const { alg: _alg, ...asInBundles } = jwk
    const forCertificates = { ...testKey('ES256', 'x').jwk, use: 'x509-svid', kid: undefined }
    known.keys = [forCertificates, { ...asInBundles, use: 'jwt-svid' }]
    return { jwks_uri: `${url}/bundle` }
  }
  const scene = await openGuide(declaredIn('spiffe.md'), { env, given })
  const user = 'workload:spire:spiffe:%2F%2Fexample.org%2Fns%2Fatlas-production%2Fsa%2Fatlas'
  expect(await scene.call(scene.token('spiffe'), ...USAGE)).toMatchObject({ user })
  await scene.close()
})
