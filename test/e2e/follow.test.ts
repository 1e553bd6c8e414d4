// Whoever watches what happens sees each thing once, in order, also over an outage; Ctrl+C ends it.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type CountersignServer, MAIN, startCountersign } from '../support/countersign-server.ts'
import { ROOT } from '../support/guide.ts'
import { freePort } from '../support/loopback.ts'
import { type Program, startProgram } from '../support/program.ts'
import { Teardown } from '../support/teardown.ts'
import { PATIENCE_MS, until } from '../support/wait.ts'

const KEY = `bootstrap-${crypto.randomUUID()}`

describe('--follow', () => {
  const teardown = new Teardown()
  const address = `127.0.0.1:${freePort()}`
  const url = `http://${address}`
  let dataDirectory: string
  let server: CountersignServer
  const settings = { COUNTERSIGN_LISTEN: address, COUNTERSIGN_PUBLIC_URL: url, COUNTERSIGN_BOOTSTRAP_KEY: KEY }

  beforeAll(async () => {
    dataDirectory = await teardown.temporaryDirectory('followed')
    server = await startCountersign(dataDirectory, settings)
    teardown.add(() => server.stop())
  }, PATIENCE_MS)
  afterAll(() => teardown.run(), PATIENCE_MS)

  /** Of so many the API gives no page. */
  const numbered = (name: string) => Array.from({ length: 230 }, (_, index) => `${name}-${index}`)
  const make = async (names: string) => {
    for (const name of numbered(names)) await server.make('/groups', { name })
  }

  async function follow(args: string[], ready: string): Promise<Program> {
    const program = await startProgram({
      name: args.join(' '),
      command: [process.execPath, MAIN, ...args],
      cwd: ROOT,
      env: { HOME: dataDirectory, COUNTERSIGN_SERVER: url, COUNTERSIGN_KEY: KEY },
      ready: () => true,
    })
    teardown.add(program.stop)
    await until(`${ready} in what is followed`, () => program.log().includes(ready))
    return program
  }

  test(
    'audit shows the newest, and then what comes, once and in order, also when the server was away',
    async () => {
      await make('old')
      for (const name of ['two', 'three']) await server.make('/groups', { name })
      const json = await follow(['audit', '--noun', 'group', '--follow', '--limit', '2', '--json'], 'three')
      const text = await follow(['audit', '--noun', 'group', '--follow'], 'three')
      await server.make('/groups', { name: 'four' })
      await until('the fourth', () => [json, text].every((one) => one.log().includes('four')))

      await server.stop()
      await until('the outage to be told', () => text.log().includes('It is asked again until it answers.'))
      server = await startCountersign(dataDirectory, settings)
      await make('new')
      await until('the last', () => [json, text].every((one) => one.log().includes(numbered('new').at(-1) ?? '')))
      expect(text.log().match(/It answers again/g)).toHaveLength(1)
      const ids = json
        .log()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).noun_id)
      expect(ids).toEqual(['two', 'three', 'four', ...numbered('new')])
      const rows = text
        .log()
        .split('\n')
        .filter((line) => /^20\d\d-/.test(line))
      expect(rows.map((line) => /create +(\S+)/.exec(line)?.[1])).toEqual([...numbered('old').slice(-8), ...ids])
      expect(text.log().match(/^TIME/gm)).toHaveLength(1)
    },
    PATIENCE_MS,
  )

  test(
    'decision list shows the refusals of one client as they happen, and ends when it is asked to',
    async () => {
      await server.make('/clients', { id: 'canister' })
      await server.make('/clients', { id: 'other' })
      const keyOf = async (id: string) => String((await server.make(`/clients/${id}/keys`, {})).key)
      const keys = [await keyOf('canister'), await keyOf('other')]
      const refused = ['decision', 'list', '--client', 'canister', '--outcome', 'deny', '--follow']
      const watching = await follow(refused, 'Nothing yet that fits')
      for (const key of keys) {
        const { status } = await fetch(`${url}/api/v1/clients`, { headers: { authorization: `Bearer ${key}` } })
        expect(status).toBe(403)
      }
      await until('the refusal', () => watching.log().includes('client:canister'))
      expect(watching.log()).not.toContain('client:other')
      process.kill(watching.pid, 'SIGINT')
      expect(await watching.exited).toBe(0)
    },
    PATIENCE_MS,
  )
})
