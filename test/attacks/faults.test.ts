// An exception is thrown at every thing that the path of a request leans on. Nothing of it may become a yes.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { listen } from '../../packages/server/src/http/listen.ts'
import { BOOTSTRAP_KEY } from '../support/app.ts'
import { breakAt } from './breaking.ts'
import { IDENTITY_HEADERS } from './oracle.ts'
import { describedTo, Stage } from './stage.ts'

const SECRET_OF_THE_BUG = 'what-the-exception-knows-0123456789'
const bug = (): never => {
  throw new TypeError(`undefined is not a function: ${SECRET_OF_THE_BUG}`)
}
const late = async () => bug()

let stage: Stage
let server: Awaited<ReturnType<typeof listen>>
beforeEach(async () => {
  stage = await Stage.open()
  stage.oracle.keepSecret(SECRET_OF_THE_BUG)
  server = await listen({ kind: 'tcp', hostname: '127.0.0.1', port: 0 }, stage.test.app.publicRoutes)
})
afterEach(async () => {
  await server.stop(true)
  await stage.test.close()
})

/** A good key asks, through the real listener. */
const ask = (dialect: 'forward' | 'nginx', key = stage.wallet.key) =>
  fetch(`http://127.0.0.1:${server.port}/verify/${dialect}`, {
    headers: [...describedTo(dialect, {}), ['Authorization', `Bearer ${key}`]] as [string, string][],
  })
const me = () =>
  fetch(`http://127.0.0.1:${server.port}/api/v1/me`, { headers: { Authorization: `Bearer ${BOOTSTRAP_KEY}` } })

const isNoYes = async (answer: Response) => {
  expect(answer.status).toBeGreaterThanOrEqual(500)
  const body = await answer.text()
  expect(IDENTITY_HEADERS.filter((name) => answer.headers.has(name))).toEqual([])
  expect(answer.headers.get('cache-control')).toBe('no-store')
  const told = `${body}\n${[...answer.headers].join('\n')}`
  expect(told).not.toMatch(/TypeError|\bat .+:\d+|\.ts\b|what-the-exception-knows/)
  stage.oracle.holdsNoSecret(told, 'an answer')
}

const onEveryPath: [what: string, path: string, broken: unknown][] = [
  ['the confirmation of the revision', 'verify.isConfirmed', bug],
  ['recognising a credential', 'verify.recognise', bug],
  ['resolving a credential', 'verify.recognise', () => bug],
  ['resolving a credential, late', 'verify.recognise', () => late],
  ['a resolver that returns nothing', 'verify.recognise', () => () => undefined],
  ['the owner in the directory', 'verify.directory.owner', bug],
  ['the permissions in the directory', 'verify.directory.permissionsOf', bug],
  ['the lines of revocation in the directory', 'verify.directory.lineThrough', bug],
  ['the decision', 'verify.decide', bug],
  ['a decision that is none', 'verify.decide', () => undefined],
  ['counting what was allowed', 'decisions.noteAllowed', bug],
]
const atVerifyOnly: typeof onEveryPath = [
  ['the resources in the directory', 'verify.directory.resourceAt', bug],
  ['the identity', 'verify.identities.identityOf', bug],
  ['an identity that is none', 'verify.identities.identityOf', () => undefined],
  ['the judgement of proxies', 'proxies.refused', bug],
  ['the clock', 'clock', bug],
]

describe.each(['forward', 'nginx'] as const)('at /verify/%s', (dialect) => {
  for (const [what, path, broken] of [...onEveryPath, ...atVerifyOnly]) {
    test(`FWD-28 a throw at ${what} is no yes`, async () => {
      breakAt(stage.test, path, broken)
      await isNoYes(await ask(dialect))
    })
  }

  test('FWD-28 a throw while a throw is reported is no yes', async () => {
    breakAt(stage.test, 'verify.decide', bug)
    breakAt(stage.test, 'onError', bug)
    await isNoYes(await ask(dialect))
  })

  test('FWD-28 a throw while a refusal is noted is no yes', async () => {
    breakAt(stage.test, 'decisions.noteDenied', bug)
    await isNoYes(await ask(dialect, 'wrong'))
    breakAt(stage.test, 'verify.decide', bug)
    await isNoYes(await ask(dialect))
  })

  test('FWD-28 a throw while somebody untrusted is reported is no yes', async () => {
    breakAt(stage.test, 'proxies.refused', () => ({ outcome: 'deny', code: 'untrusted_proxy', detail: {} }))
    breakAt(stage.test, 'onUntrustedProxy', bug)
    await isNoYes(await ask(dialect))
  })

  test('FWD-28 a database that cannot be asked for the revision is no yes', async () => {
    expect((await ask(dialect)).status).toBe(200)
    breakAt(stage.test, 'verify.isConfirmed', () => false)
    breakAt(stage.test, 'verify.confirm', late)
    const answer = await ask(dialect)
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
    await isNoYes(answer)
  })
})

describe('at the management API', () => {
  for (const [what, path, broken] of onEveryPath) {
    test(`FWD-28 a throw at ${what} is no yes`, async () => {
      expect((await me()).status).toBe(200)
      // What was computed of a key is held for a revision; a change makes everything be computed anew.
      await stage.make('/groups', { name: 'new' })
      breakAt(stage.test, path, broken)
      await isNoYes(await me())
    })
  }
})
