// A database that is there and does not answer: who has to ask it waits, up to a number; who does not is served.
import { afterAll, expect, test } from 'bun:test'
import { formatCredential } from '@countersign/resource-server'
import { availableEngines, POSTGRES } from '../../packages/server/src/store/testing/engines.ts'
import { holdTable } from '../../packages/server/src/store/testing/postgres-databases.ts'
import { startApp, withWebdav } from '../support/app.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const onPostgres = (await availableEngines()).includes(POSTGRES) ? test : test.skip
const FLOOD = 400
const WAITING = 4 + 256

const remove: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const one of remove.reverse()) await one()
})

onPostgres(
  'DOS-05 while look-ups hang few wait, the others hear at once that it cannot be told, known keys pass, and then all do',
  async () => {
    const place = await POSTGRES.makePlace()
    remove.push(() => place.remove())
    const app = await startApp({ COUNTERSIGN_DATABASE_URL: String(place.databaseUrl) })
    remove.push(() => app.close())
    const { key } = await withWebdav(app)
    const unseen = String((await app.api('POST', '/api/v1/clients/canister/keys', {})).body.key)
    const ask = async (shown: string) => (await app.ask({ headers: { Authorization: `Bearer ${shown}` } })).status
    expect(await ask(key)).toBe(200)

    const letGo = await holdTable(place.databaseUrl, 'credential')
    const answered: number[] = []
    const flood = Array.from({ length: FLOOD }, async () => {
      const status = await ask(formatCredential('key', crypto.getRandomValues(new Uint8Array(32))))
      answered.push(status)
      return status
    })
    await until('those that cannot wait to be answered', () => answered.length >= FLOOD - WAITING)
    expect(await ask(key)).toBe(200)
    expect(answered.filter((status) => status !== 503)).toEqual([])
    await letGo()

    // On a machine that is very busy some have waited for longer than a lock is waited for.
    for (const status of await Promise.all(flood)) expect([401, 503]).toContain(status)
    expect([await ask(unseen), await ask(key)]).toEqual([200, 200])
  },
  PATIENCE_MS,
)
