import { expect, test } from 'bun:test'
import { freePort } from '../loopback.ts'
import type { StartProxy } from '../proxy.ts'
import { startRecorder } from '../recorder.ts'
import { Teardown } from '../teardown.ts'
import type { Traits } from './identity.ts'

/** Answers that are no permission, whoever gives them; a redirect least of all. */
const SICK = [301, 302, 304, 400, 404, 429, 500, 502, 503]

/** What a proxy does when nobody can tell it whether a request may pass: never let it pass. */
export function outageCases(startProxy: StartProxy, traits: Traits): void {
  const withVerify = async (
    verify: (() => Response | Promise<Response>) | undefined,
    check: (url: string) => unknown,
  ) => {
    const teardown = new Teardown()
    const recorder = startRecorder(() => new Response('reached'))
    teardown.add(recorder.stop)
    const port = freePort()
    const verifyPort = freePort()
    if (verify !== undefined) {
      const server = Bun.serve({ hostname: '127.0.0.1', port: verifyPort, idleTimeout: 0, fetch: verify })
      teardown.add(() => server.stop(true))
    }
    try {
      const directory = await teardown.temporaryDirectory('proxy')
      const verifyAddress = `127.0.0.1:${verifyPort}`
      const proxy = await startProxy({ port, verifyAddress, upstreamPort: recorder.port, directory })
      teardown.add(proxy.stop)
      await check(`http://localhost:${port}/`)
      expect(recorder.take()).toEqual([])
    } finally {
      await teardown.run()
    }
  }

  test('a request is refused while Countersign is down', () =>
    withVerify(undefined, async (url) => {
      expect((await fetch(url)).status).toBe(traits.unavailable.unreachable)
    }))

  test('a request is refused while Countersign cannot tell', () =>
    withVerify(
      () => new Response(null, { status: 503 }),
      async (url) => {
        expect((await fetch(url)).status).toBe(traits.unavailable.cannotTell)
      },
    ))

  test(
    'a request is refused in the end when Countersign does not answer',
    () =>
      withVerify(
        () => new Promise<Response>(() => undefined),
        async (url) => {
          const answer = await fetch(url)
          expect(answer.status).toBeGreaterThanOrEqual(500)
        },
      ),
    15_000,
  )

  test('no answer but success lets a request pass', async () => {
    let status = 200
    const headers = { location: 'https://evil.test/' }
    const verify = () => new Response(null, { status, headers })
    await withVerify(verify, async (url) => {
      for (status of SICK) {
        const answer = await fetch(url, { redirect: 'manual' })
        expect(await answer.text()).not.toContain('reached')
        expect(answer.status).toBeGreaterThanOrEqual(300)
      }
    })
  })
}
