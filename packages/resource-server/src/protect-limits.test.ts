// What callers can ask for at once: each token is looked at once, and no more are looked at than a guard can bear.
import { beforeAll, describe, expect, spyOn, test } from 'bun:test'
import { writeAccessTokenClaims } from './access-token.ts'
import { type Guard, type ProtectFetch, type ProtectOptions, protect } from './index.ts'
import { formatCredential } from './issued-credential.ts'
import { AUDIENCE, NOW, type SigningIssuer, signingIssuer } from './testing/signing-issuer.ts'

const COUNTERSIGN = 'https://auth.example.com'
const MAX_WAITING = 256
const MAX_CHECKED = 8

let corp: SigningIssuer
let other: SigningIssuer
let countersign: SigningIssuer
beforeAll(async () => {
  corp = await signingIssuer('https://idp.example.com', 'corp-1')
  other = await signingIssuer('https://other.example.com', 'other-1')
  countersign = await signingIssuer(COUNTERSIGN, 'cs-1')
})

const roleMappings = { ADMIN: ['git-admins'] }
const tokenOf = (issuer: SigningIssuer, sub = 'machine') => issuer.token({ sub, groups: ['git-admins'] })
const guardOf = (options: Partial<Omit<ProtectOptions, 'absent'>>): Guard =>
  protect({
    resource: { name: 'git', identifier: AUDIENCE },
    issuers: [{ name: 'corp', issuer: corp.iss, jwks: corp.jwks }],
    ...{ roleMappings, now: () => NOW },
    // At once: all that is asked in one go arrives before anything is verified.
    sha256: (text) => new Bun.CryptoHasher('sha256').update(text).digest('hex'),
    ...options,
  })
const showing = (text: string) =>
  new Request('https://git.example.com/x', { headers: { authorization: `Bearer ${text}` } })
const said = (answer: Awaited<ReturnType<Guard>>) => (answer.outcome === 'deny' ? answer.code : answer.outcome)
const times = <Made>(count: number, make: (at: number) => Made) => Array.from({ length: count }, (_, at) => make(at))
const accessToken = () =>
  countersign.token(
    writeAccessTokenClaims(
      {
        ...{ jti: 'at_01JABCDEFGHJKMNPQRSTVWXYZ0', subject: 'client:nightly', clientId: 'nightly', audience: AUDIENCE },
        ...{ resource: 'git', scopes: ['repos:read'], projects: null, networks: [] },
        ...{ issuedAt: NOW, expiresAt: new Date('2030-01-01T00:10:00Z'), ancestors: ['secret_1'], revision: 7 },
      },
      COUNTERSIGN,
    ),
    { typ: 'at+jwt' },
  )

describe('a credential that many show at once', () => {
  test('is verified once, whoever signed it', async () => {
    const issuer = { issuer: COUNTERSIGN, keys: countersign.jwks as { keys: [] } }
    const guard = guardOf({ countersign: issuer })
    for (const text of [await tokenOf(corp), await accessToken()]) {
      const checks = spyOn(crypto.subtle, 'verify')
      const answers = await Promise.all(times(400, () => guard(showing(text))))
      expect(new Set(answers.map(said))).toEqual(new Set(['allow']))
      expect(checks).toHaveBeenCalledTimes(1)
      checks.mockRestore()
    }
  })

  test('is refused to all of them alike, and looked at again by who comes later', async () => {
    const checks = spyOn(crypto.subtle, 'verify')
    const guard = guardOf({})
    const text = `${(await tokenOf(corp)).slice(0, -8)}AAAAAAAA`
    for (const round of [1, 2]) {
      const answers = await Promise.all(times(50, () => guard(showing(text))))
      expect(new Set(answers.map(said))).toEqual(new Set(['external_token_refused']))
      expect(checks).toHaveBeenCalledTimes(round)
    }
    checks.mockRestore()
  })

  test('is asked of Countersign once', async () => {
    let asked = 0
    const fetch: ProtectFetch = async () => {
      asked++
      return Response.json({
        ...{ active: true, scope: 'repos:read', sub: 'client:nightly', aud: AUDIENCE, jti: 'key_1', projects: null },
      })
    }
    const introspection = { clientId: 'git', clientSecret: 's' }
    const guard = guardOf({ fetch, countersign: { issuer: COUNTERSIGN, introspection } })
    const text = formatCredential('key', new Uint8Array(32).fill(7))
    const answers = await Promise.all(times(400, () => guard(showing(text))))
    expect([new Set(answers.map(said)), asked]).toEqual([new Set(['allow']), 1])
  })
})

describe('never-seen tokens', () => {
  test('of an issuer that hangs wait in a bounded number, and hold up nobody of another', async () => {
    const hanging = Promise.withResolvers<Response>()
    const guard = guardOf({
      fetch: () => hanging.promise,
      issuers: [
        { name: 'corp', issuer: corp.iss, jwksUri: 'https://idp.example.com/keys' },
        { name: 'other', issuer: other.iss, jwks: other.jwks },
      ],
    })
    const texts = await Promise.all(times(MAX_WAITING, (at) => tokenOf(corp, `m-${at}`)))
    const waiting = texts.map((text) => guard(showing(text)))
    const [late, elsewhere] = [await tokenOf(corp, 'late'), await tokenOf(other)]
    // All of them have begun to wait once this one, which came last, is answered.
    expect(said(await guard(showing(elsewhere)))).toBe('allow')
    const refused = await guard(showing(late))
    expect(said(refused)).toBe('keys_unavailable')
    expect(refused.outcome === 'deny' && refused.response.status).toBe(503)
    hanging.resolve(Response.json(corp.jwks))
    expect(new Set((await Promise.all(waiting)).map(said))).toEqual(new Set(['allow']))
    expect(said(await guard(showing(late)))).toBe('allow')
  })

  test('are checked few at a time, and of too many the last are told to come back', async () => {
    const texts = await Promise.all(times(MAX_CHECKED + MAX_WAITING + 1, (at) => tokenOf(corp, `m-${at}`)))
    const guard = guardOf({})
    expect(said(await guard(showing(await tokenOf(corp))))).toBe('allow')
    const open = Promise.withResolvers<void>()
    let [running, most] = [0, 0]
    const verify = crypto.subtle.verify.bind(crypto.subtle)
    const checks = spyOn(crypto.subtle, 'verify').mockImplementation(async (...given: Parameters<typeof verify>) => {
      most = Math.max(most, ++running)
      await open.promise
      running--
      return verify(...given)
    })
    const asking = texts.map((text) => guard(showing(text)))
    const first = await Promise.race(asking)
    expect([said(first), first.outcome === 'deny' && first.response.status]).toEqual(['store_busy', 503])
    open.resolve()
    const answers = (await Promise.all(asking)).map(said)
    expect(answers.filter((one) => one === 'allow')).toHaveLength(MAX_CHECKED + MAX_WAITING)
    expect(most).toBe(MAX_CHECKED)
    checks.mockRestore()
  })
})
