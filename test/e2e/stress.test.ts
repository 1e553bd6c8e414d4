// What the stress run is there to find, it finds: answers for somebody else, and tokens that outlive their revocation.

import { describe, expect, test } from 'bun:test'
import { type Drive, drive } from '../../examples/stress/drive.ts'

/** A service that is allowed to be wrong. `seen` is the token's owner, or undefined once the tokens are revoked. */
async function driven(answer: (seen: string | undefined) => Response, more: Partial<Drive> = {}) {
  let isRevoked = false
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      if (request.headers.has('cookie')) throw new Error('a cookie was sent')
      const [, user] = /^Bearer token-of-(\w+)$/.exec(request.headers.get('authorization') ?? '') ?? []
      return answer(isRevoked ? undefined : user)
    },
  })
  try {
    return await drive({
      url: `http://127.0.0.1:${server.port}/`,
      callers: ['alice', 'bob'].map((user) => ({ user, token: `token-of-${user}` })),
      workers: 4,
      requests: 40,
      signal: AbortSignal.timeout(20_000),
      revoke: async () => {
        isRevoked = true
      },
      ...more,
    })
  } finally {
    await server.stop(true)
  }
}

const honest = (user: string | undefined) =>
  user === undefined ? new Response('no', { status: 401 }) : Response.json({ user })

describe('a stress run', () => {
  test('counts an honest service as all right', async () => {
    const { live, revoked } = await driven(honest)
    expect(live).toEqual({ owner: live.owner, other: 0, refused: 0, failed: 0 })
    expect(revoked).toEqual({ owner: 0, other: 0, refused: revoked.refused, failed: 0 })
    expect([live.owner >= 40, revoked.refused >= 40]).toEqual([true, true])
  })

  test('counts what is answered for somebody else', async () => {
    const { live } = await driven((user) => honest(user && 'alice'))
    expect([live.owner > 0, live.other > 0]).toEqual([true, true])
  })

  test('counts what passes after the revocation', async () => {
    const { revoked } = await driven((user) => honest(user ?? 'alice'))
    expect([revoked.owner > 0, revoked.refused]).toEqual([true, 0])
  })

  test('counts cookies and outages as failures', async () => {
    const { live, failure } = await driven((user) =>
      Response.json({ user }, { headers: { 'set-cookie': 'session=1' } }),
    )
    expect([live.owner, live.failed >= 40]).toEqual([0, true])
    expect(failure).toBe('the answer sets a cookie')
    const down = await driven(() => new Response('down', { status: 503 }))
    expect([down.live.failed >= 40, down.revoked.failed >= 40]).toEqual([true, true])
    expect(down.failure).toBe('the answer was 503')
  })

  test('says why the first that failed did so, when there is no answer, or none that can be read', async () => {
    expect((await driven(() => new Response('<html>'))).failure).toBe('the answer is no JSON')
    expect((await driven(honest, { url: 'http://127.0.0.1:1/' })).failure).toContain('Error')
    expect((await driven(honest)).failure).toBeUndefined()
  })

  test('ends when its time is over, and when it cannot revoke', async () => {
    const { live } = await driven(honest, { requests: 10 ** 9, signal: AbortSignal.timeout(300) })
    expect(live.other + live.refused).toBe(0)
    const refused = driven(honest, { revoke: () => Promise.reject(new Error('not revoked')) })
    await expect(refused).rejects.toThrow('not revoked')
  })
})
