import { closeSync, fdatasyncSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { startPostgres } from '../packages/server/src/store/testing/postgres-server.ts'
import { inTemporaryDirectory } from './directory.ts'
import { composeOn } from './in-process.ts'
import { type Call, callerAt } from './making.ts'
import { type Bench, type BenchOptions, type Measurement, measured, quantile, type Report } from './measured.ts'

const DEFAULT_ROUNDS = 7
const WRITES_A_ROUND = 100
/** As many as a handful of pipelines that make their keys at the same time. */
const AT_ONCE = 16
const FSYNC = 'fdatasync of 4 KiB'
const PAGE = Buffer.alloc(4096, 1)

/** By kind of write: what each one took, and how many a second were done by many at once, by round. */
type Values = Readonly<Record<string, { readonly milliseconds: number[][]; readonly rates: number[] }>>

type Engine = { readonly name: string; readonly writes: Writes; readonly values: Values; close(): Promise<void> }

/** What is done to the management API; each call does another one. */
type Writes = Readonly<
  Record<'create a key' | 'revoke a key' | 'give a permission' | 'take a permission', () => Promise<void>>
>

/** What it takes to change something and be told that it is on the disk, on both engines. */
export const bench: Bench = (options) => inTemporaryDirectory((directory) => benchIn(directory, options))

async function benchIn(directory: string, options: BenchOptions): Promise<Report> {
  const rounds = Math.round(options.rounds ?? DEFAULT_ROUNDS)
  const server = await startPostgres({ durable: true })
  const engines = [
    await startEngine('SQLite', join(directory, 'sqlite'), undefined),
    await startEngine('PostgreSQL', join(directory, 'postgres'), server),
  ]
  const synced: number[][] = []
  options.say(`a round to warm up, then ${rounds}`)
  try {
    for (let round = -1; round < rounds; round++) {
      const ofDisk = syncs(directory)
      if (round >= 0) synced.push(ofDisk)
      for (const engine of engines) await measureRound(engine, round >= 0)
    }
    return reportOf(engines, synced, rounds)
  } finally {
    for (const engine of engines) await engine.close()
  }
}

async function measureRound({ writes, values }: Engine, isCounted: boolean): Promise<void> {
  for (const [name, write] of Object.entries(writes)) {
    const milliseconds: number[] = []
    for (let done = 0; done < WRITES_A_ROUND; done++) {
      const beganMs = performance.now()
      await write()
      milliseconds.push(performance.now() - beganMs)
    }
    const beganMs = performance.now()
    let left = WRITES_A_ROUND
    const lane = async () => {
      while (left-- > 0) await write()
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    const rate = WRITES_A_ROUND / ((performance.now() - beganMs) / 1000)
    if (!isCounted) continue
    values[name]?.milliseconds.push(milliseconds)
    values[name]?.rates.push(rate)
  }
}

/** What the disk takes by itself, in the same place. */
function syncs(directory: string): number[] {
  const file = openSync(join(directory, 'synced'), 'a')
  try {
    return Array.from({ length: WRITES_A_ROUND }, () => {
      const beganMs = performance.now()
      writeSync(file, PAGE)
      fdatasyncSync(file)
      return performance.now() - beganMs
    })
  } finally {
    closeSync(file)
  }
}

async function startEngine(name: string, data: string, databaseUrl: string | undefined): Promise<Engine> {
  mkdirSync(data)
  const bootstrapKey = `bootstrap-${crypto.randomUUID()}`
  const app = await composeOn(data, { bootstrapKey, databaseUrl })
  app.start()
  const writes = await writesAt(callerAt(app, bootstrapKey))
  const values = Object.fromEntries(Object.keys(writes).map((kind) => [kind, { milliseconds: [], rates: [] }]))
  return { name, writes, values, close: () => app.close() }
}

async function writesAt(call: Call): Promise<Writes> {
  const scopes = ['files:read', 'files:write']
  const rules = [{ path: '/**', require: { scopes: ['files:read'] } }]
  const names = { name: 'webdav', identifier: 'https://webdav.example.com', hosts: ['webdav.example.com'] }
  await call('POST', '/resources', { ...names, scopes, rules })
  await call('POST', '/clients', { id: 'caller' })
  const created: string[] = []
  const given: string[] = []
  let turn = 0
  // None says the same as another one.
  const permission = () => ({ client: 'caller', resource: 'webdav', scopes, roles: [`role-${turn++}`] })
  return {
    'create a key': async () => void created.push((await call('POST', '/clients/caller/keys', {})).id ?? ''),
    'revoke a key': async () => void (await call('POST', `/credentials/${created.pop()}/revoke`, {})),
    'give a permission': async () => void given.push((await call('POST', '/permissions', permission())).id ?? ''),
    'take a permission': async () => void (await call('DELETE', `/permissions/${given.pop()}`)),
  }
}

function reportOf(engines: readonly Engine[], synced: readonly number[][], rounds: number): Report {
  const p50 = (all: readonly number[][]) => all.map((one) => quantile(one, 0.5))
  const p99 = (all: readonly number[][]) => all.map((one) => quantile(one, 0.99))
  const disk = measured(`${FSYNC}, median`, 'ms', p50(synced))
  const ofEngine = ({ name, values }: Engine): Measurement[] =>
    Object.entries(values).flatMap(([kind, { milliseconds, rates }]) => [
      measured(`${name}: ${kind}, median`, 'ms', p50(milliseconds), [
        { to: FSYNC, ratio: measured('', '', p50(milliseconds)).value / disk.value },
      ]),
      measured(`${name}: ${kind}, p99`, 'ms', p99(milliseconds)),
      measured(`${name}: ${kind}, ${AT_ONCE} at once`, '1/s', rates),
    ])
  return {
    bench: 'writes',
    setting:
      `the management API in-process, each change durable when it is answered; one after the other, and ${AT_ONCE} at ` +
      `once; medians of ${rounds} rounds of ${WRITES_A_ROUND}; PostgreSQL on the same disk, over a unix socket.`,
    measurements: [disk, measured(`${FSYNC}, p99`, 'ms', p99(synced)), ...engines.flatMap(ofEngine)],
    targets: [],
  }
}
