// COUNTERSIGN_STALE_GRACE_SECONDS: what a server answers whose database went away, and how long.
import { afterAll, expect, test } from 'bun:test'
import { availableEngines, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { KEK } from '../support/app.ts'
import { startCountersign } from '../support/countersign-server.ts'
import { HeldLink } from '../support/held-link.ts'
import { OwnPostgres } from '../support/own-postgres.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const teardown = new Teardown()
afterAll(() => teardown.run(), PATIENCE_MS)
const onPostgres = (await availableEngines()).includes(POSTGRES) ? test : test.skip

onPostgres(
  'a known key passes for as much longer as was said, the metrics say so, and then nobody does; one that is not known never',
  async () => {
    const database = await OwnPostgres.start()
    teardown.add(() => database.remove())
    const link = await HeldLink.to(database.socket)
    teardown.add(() => link.close())
    const server = await startCountersign(await teardown.temporaryDirectory('data'), {
      COUNTERSIGN_DATABASE_URL: link.urlOf(database.url),
      COUNTERSIGN_KEK: KEK,
      COUNTERSIGN_STALE_GRACE_SECONDS: '4',
    })
    teardown.add(server.stop)
    const hosts = ['webdav.example.com']
    await server.make('/resources', {
      ...{ name: 'webdav', identifier: 'https://webdav.example.com', hosts, rules: [{ path: '/**' }] },
    })
    await server.make('/clients', { id: 'canister' })
    await server.make('/permissions', { client: 'canister', resource: 'webdav' })
    const [known, unknown] = [
      String((await server.make('/clients/canister/keys', {})).key),
      String((await server.make('/clients/canister/keys', {})).key),
    ]
    const ask = async (key: string) => {
      const headers = {
        ...{ 'X-Forwarded-Method': 'GET', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'webdav.example.com' },
        ...{ 'X-Forwarded-Uri': '/', 'X-Forwarded-For': '192.0.2.1', Authorization: `Bearer ${key}` },
      }
      return (await fetch(`${server.url}/verify/forward`, { headers })).status
    }
    const isStale = async () => {
      const text = await (await fetch(`${server.url}/metrics`)).text()
      return /^countersign_stale_serving 1$/m.test(text)
    }
    expect([await ask(known), await isStale()]).toEqual([200, false])

    link.cut()
    await until('answers from what it knew', isStale)
    expect(await ask(known)).toBe(200)
    expect(await ask(unknown)).toBe(503)
    await until('the end of that', async () => (await ask(known)) === 503)
    expect(await isStale()).toBe(false)
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503)

    link.heal()
    await until('the database again', async () => (await ask(known)) === 200)
    expect(await ask(unknown)).toBe(200)
  },
  PATIENCE_MS,
)
