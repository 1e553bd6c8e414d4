import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { missingPrograms } from '../test/support/installed.ts'
import { type Besieger, startBesieger } from './besieger.ts'
import { type Contestant, startCountersign } from './contestants.ts'
import { inTemporaryDirectory } from './directory.ts'
import { goodLoad, type Window, waitedIdle, waitedIn, windowOf } from './good-requests.ts'
import { type Bench, type BenchOptions, type Measurement, measured, type Report } from './measured.ts'
import { Resident } from './resident.ts'
import { seed } from './seed.ts'
import type { Load } from './wrk.ts'

const SERVER_CORE = 1
const DEFAULT_SOCKETS = 5000
const DEFAULT_ROUNDS = 5
const WINDOWS = 4
const KEYS = 1000
/** Beyond this, who drips is closed by the server: enough rounds of that are seen in each round of ours. */
const HONEST_REFUSALS = [400, 401, 431]

type Run = { readonly idle: Window[]; readonly slow: Window[]; readonly rubbish: Window[] }

/** A server whose connections are held by thousands that send next to nothing, then one that is sent rubbish. */
export const bench: Bench = async (options) => {
  const missing = missingPrograms(['wrk', 'taskset', 'nice'])
  if (missing !== undefined) throw new Error(missing)
  if (navigator.hardwareConcurrency < 2) throw new Error('wrk and the server need a core each')
  return inTemporaryDirectory((directory) => benchIn(directory, options))
}

async function benchIn(directory: string, options: BenchOptions): Promise<Report> {
  const sockets = Math.round(options.sockets ?? DEFAULT_SOCKETS)
  const rounds = Math.round(options.rounds ?? DEFAULT_ROUNDS)
  const data = join(directory, 'countersign')
  const loads = join(directory, 'loads')
  for (const folder of [data, loads]) mkdirSync(folder)
  const seeded = await seed(data, { keys: KEYS })
  const server = await startCountersign({ directory: data, core: SERVER_CORE })
  const resident = new Resident(server.pid)
  const besieger = startBesieger({ port: server.port, sockets })
  try {
    const good = goodLoad(loads, seeded.hotKeys)
    const run: Run = { idle: [], slow: [], rubbish: [] }
    for (let window = 0; window < 3; window++) await windowOf(good, server)
    let fewest = sockets
    let answers: Readonly<Record<number, number>> = {}
    for (let round = 0; round < rounds; round++) {
      await measure(run.idle, good, server)
      await besieger.tell('slow')
      await measure(run.slow, good, server)
      fewest = Math.min(fewest, (await besieger.tell('stop')).open)
      await besieger.tell('rubbish')
      await measure(run.rubbish, good, server)
      answers = (await stopped(besieger)).answers
      options.say(`round ${round + 1} of ${rounds}`)
    }
    return reportOf(run, { sockets, fewest, answers, mebibytes: resident.end(), rounds })
  } finally {
    besieger.stop()
    resident.end()
    await server.stop()
  }
}

async function stopped(besieger: Besieger) {
  const besieged = await besieger.tell('stop')
  const wrong = Object.keys(besieged.answers).filter((status) => !HONEST_REFUSALS.includes(Number(status)))
  if (wrong.length > 0) throw new Error(`rubbish was answered ${JSON.stringify(besieged.answers)}`)
  return besieged
}

async function measure(into: Window[], good: Load, server: Contestant): Promise<void> {
  for (let window = 0; window < WINDOWS; window++) into.push(await windowOf(good, server))
}

type Ran = {
  readonly sockets: number
  readonly fewest: number
  readonly answers: Readonly<Record<number, number>>
  readonly mebibytes: { readonly first: number; readonly most: number; readonly last: number }
  readonly rounds: number
}

function reportOf(run: Run, { sockets, fewest, answers, mebibytes, rounds }: Ran): Report {
  const slow = waitedIn('among slow connections', run.slow, run.idle)
  const alone = (name: string, unit: string, value: number): Measurement => measured(name, unit, [value])
  return {
    bench: 'slow',
    setting:
      `${sockets} connections that send nothing, or drip headers or bodies, each opened anew when it is closed; then ` +
      `rubbish of many kinds over 16 connections as fast as it is answered; ${KEYS} known keys meanwhile; medians of ` +
      `${rounds * WINDOWS} windows of a second each.`,
    measurements: [
      ...waitedIdle(run.idle),
      ...slow,
      ...waitedIn('among rubbish', run.rubbish, run.idle),
      alone('slow connections at least', '', fewest),
      ...Object.entries(answers).map(([status, count]) => alone(`rubbish answered ${status}`, '', count)),
      alone('resident memory before', 'MiB', mebibytes.first),
      alone('resident memory at most', 'MiB', mebibytes.most),
      alone('resident memory at the end', 'MiB', mebibytes.last),
    ],
    targets: [
      {
        says: 'p99 of good requests among slow connections below twice that of idle',
        isMet: (slow[1]?.comparisons[0]?.ratio ?? Number.NaN) < 2,
      },
    ],
  }
}
